"""Which part of a tensor."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._weft import Indices, SliceLike, WritableArray


class _Slices:
    """weft.s_[0:128, :] is what to give as slice=: numpy's meaning, but that a single index keeps its axis.

    Ints, slices and `...` at the end.  IndexError where a single index is beyond its axis; ranges are clamped.
    """

    __slots__ = ()

    def __getitem__(self, key: SliceLike) -> SliceLike:
        if key is None:  # slice=None is the whole tensor
            from ._errors import InvalidArgumentError, made

            raise made(InvalidArgumentError, "slice=None cannot be", "ints and slices; no axis can be added")
        return key

    def __repr__(self) -> str:
        return "weft.s_"


s_ = _Slices()


def _kept(indices: Any) -> Any:
    """What can be read once only is read now: one Pages serves many calls."""
    return tuple(indices) if hasattr(indices, "__next__") else indices


def _length(indices: Any) -> int:
    return len(indices)


class Pages:
    """Equal blocks along one axis: index source[i] of the peer's tensor lands at index target[i] of `into`.

    Without target they land densely, in the order of source.  source and target: sequences of int, or a uint32 array;
    no index in source moves nothing.  A negative axis counts from the last, of `into`.
    """

    __slots__ = ("axis", "source", "target")

    def __init__(self, axis: int = 0, source: Indices = (), target: Indices | None = None) -> None:
        self.axis = axis
        self.source = _kept(source)
        self.target = None if target is None else _kept(target)

    def __repr__(self) -> str:
        return f"Pages(axis={self.axis}, {_length(self.source)} pages{'' if self.target is None else ', to places'})"


class Item:
    """One of get_many: a name, and of it a slice, and memory of yours where it lands."""

    __slots__ = ("into", "name", "slice")

    def __init__(self, name: str, slice: SliceLike | None = None, into: WritableArray | None = None) -> None:
        self.name = name
        self.slice = slice
        self.into = into

    def __repr__(self) -> str:
        return f"Item({self.name!r}{'' if self.slice is None else f', slice={self.slice!r}'})"
