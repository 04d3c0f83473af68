"""What an index in brackets asks of a tensor that is elsewhere."""

from __future__ import annotations

import operator

from ._selection import Pages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import EllipsisType
    from typing import Any, SupportsIndex, TypeAlias

    # What stands in brackets for one axis, and what becomes of it.
    AxisIndex: TypeAlias = SupportsIndex | slice | EllipsisType | list[int]
    Axis: TypeAlias = int | slice | list[int]


class Part:
    """numpy's basic indexing, and one list of indices.

    request   the options of node.get; what travels keeps every axis
    landed    its shape
    landing   the index that makes of it what was asked for
    local     the index that does so to the whole tensor

    IndexError, TypeError and ValueError as numpy and torch raise them.
    """

    __slots__ = ("landed", "landing", "local", "request")

    def __init__(self, key: AxisIndex | tuple[AxisIndex, ...], shape: Sequence[int]) -> None:
        parts = tuple(_listed(one) for one in (key if isinstance(key, tuple) else (key,)))
        axes = _spread(parts, len(shape))
        local: list[Axis] = [_axis(one, size, axis) for axis, (one, size) in enumerate(zip(axes, shape))]
        self.local = tuple(local)
        lists = [(axis, one) for axis, one in enumerate(local) if isinstance(one, list)]
        if len(lists) > 1:
            raise TypeError("lists of indices along several axes: get the slice around them, and index that")
        if lists:
            self._gather(*lists[0], tuple(shape))
            return
        kept = [slice(one, one + 1, 1) if isinstance(one, int) else one for one in local if not isinstance(one, list)]
        self.request: dict[str, Any] = {"slice": tuple(kept)}
        self.landed: tuple[int, ...] = tuple(len(range(one.start, one.stop, one.step)) for one in kept)
        self.landing: tuple[Axis, ...] = tuple(slice(None) if isinstance(one, slice) else 0 for one in local)

    def _gather(self, axis: int, indices: list[int], shape: tuple[int, ...]) -> None:
        self.request = {"pages": Pages(axis=axis, source=indices)}
        self.landed = (*shape[:axis], len(indices), *shape[axis + 1 :])
        self.landing = (*self.local[:axis], list(range(len(indices))), *self.local[axis + 1 :])

    @property
    def travels(self) -> bool:
        """Whether there is any byte to ask for."""
        return 0 not in self.landed


def _listed(one: Any) -> Any:
    """An array of ints along one axis, or a mask of it, as a list of ints."""
    if getattr(one, "ndim", 0) != 1 or not hasattr(one, "tolist"):
        return one
    values = one.tolist()
    if str(one.dtype).removeprefix("torch.") == "bool":
        return _Mask(i for i, taken in enumerate(values) if taken).of(len(values))
    return values


class _Mask(list[int]):
    """The indices that a mask takes, and how long it was."""

    length = 0

    def of(self, length: int) -> _Mask:
        self.length = length
        return self


def _spread(key: tuple[AxisIndex, ...], rank: int) -> tuple[AxisIndex, ...]:
    """One index for each axis."""
    dots = [i for i, one in enumerate(key) if one is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if len(key) - len(dots) > rank:
        raise IndexError(f"too many indices for tensor of dimension {rank}")
    at = dots[0] if dots else len(key)
    return (*key[:at], *[slice(None)] * (rank - len(key) + len(dots)), *key[at + 1 :])


def _axis(one: AxisIndex, size: int, axis: int) -> Axis:
    """A slice with its three numbers, an int or a list of ints, none of them below zero."""
    if isinstance(one, slice):
        if one.step is not None and operator.index(one.step) <= 0:
            raise ValueError("step must be greater than zero")
        return slice(*one.indices(size))
    if isinstance(one, _Mask) and one.length != size:
        raise IndexError(f"a mask of {one.length} does not match dimension {axis} with size {size}")
    if isinstance(one, list):
        return [_index(i, size, axis) for i in one]
    return _index(one, size, axis)


def _index(one: Any, size: int, axis: int) -> int:
    if isinstance(one, bool):
        raise TypeError("an index is an int, a slice, `...` or a list of ints, not a bool")
    at = operator.index(one)
    if not -size <= at < size:
        raise IndexError(f"index {at} is out of bounds for dimension {axis} with size {size}")
    return at + size if at < 0 else at
