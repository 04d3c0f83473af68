"""What get_many gives."""

from __future__ import annotations

from ._errors import BatchError, Error


class Results(list):
    """A Tensor or an Error for each item, in order."""

    __slots__ = ()

    def unwrap(self) -> list:
        """The tensors; raises BatchError where one failed."""
        failed = [(i, item) for i, item in enumerate(self) if isinstance(item, Error)]
        if not failed:
            return list(self)
        first = failed[0][1]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        error = BatchError(f"{len(failed)} of {len(self)} failed: {first}{more}", self,
                           {item.name or str(i): item for i, item in failed})  # fmt: skip
        error.hint = first.hint
        error.retryable = all(item.retryable for _, item in failed)
        error.operation = "get_many"
        error.peer = first.peer
        if first.hint:
            error.__notes__ = [f"hint: {first.hint}"]
        raise error from first
