"""What get_many gives."""

from __future__ import annotations

from ._errors import BatchError, Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._weft import Tensor

    _Base = list[Tensor | Error]
else:
    _Base = list


class Results(_Base):
    """A Tensor or an Error for each item, in order."""

    __slots__ = ()

    def unwrap(self) -> list[Tensor]:
        """The tensors; raises BatchError where one failed."""
        failed = [(i, item) for i, item in enumerate(self) if isinstance(item, Error)]
        if not failed:
            return [item for item in self if not isinstance(item, Error)]
        first = failed[0][1]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        error = BatchError(f"{len(failed)} of {len(self)} failed: {first}{more}", self,
                           {item.name or str(i): item for i, item in failed})  # fmt: skip
        error._hint(first.hint)
        error.retryable = all(item.retryable for _, item in failed)
        error.operation = "get_many"
        error.peer = first.peer
        raise error from first
