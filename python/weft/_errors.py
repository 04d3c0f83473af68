"""What calls raise. Every exception is a weft.Error, and the builtin one that would be caught for it too."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from ._weft import Tensor

    E = TypeVar("E", bound="Error")


class Error(Exception):
    """A call that failed.

    str() is one line: what failed, with what, where, of which class.  `hint` is the next step for a person, and is
    printed below it in a traceback.  `retryable`: whether the same call may succeed later without any change.
    `operation`, `peer`, `transfer`, `lane`, `name`: where it happened; empty where that was not known.
    `native_code`: errno, libfabric's or OpenSSL's code; 0 where there is none.  `may_have_arrived`: a push that ended
    without a receipt although its bytes may be there.
    """

    hint: str = ""
    retryable: bool = False
    operation: str = ""
    peer: str = ""
    transfer: str = ""
    lane: str = ""
    name: str = ""
    native_code: int = 0
    may_have_arrived: bool = False

    def __str__(self) -> str:  # KeyError's would quote it
        return str(self.args[0]) if self.args else ""

    def _hint(self, hint: str) -> None:
        self.hint = hint
        if hint:
            self.__dict__["__notes__"] = [f"hint: {hint}"]  # what add_note does from Python 3.11 on


class InvalidArgumentError(Error, ValueError):
    """The call itself was wrong; nothing was sent."""


class MalformedError(Error, ValueError):
    """Bytes that do not parse, or that contradict themselves: a ticket, a file, a message."""


class UnauthenticatedError(Error, PermissionError):
    """The peer is not who the ticket says."""


class ForbiddenError(Error, PermissionError):
    """The peer's access rules refuse this verb or name."""


class NotFoundError(Error, KeyError):
    """No such name, or none of the generation that was asked for."""


class ExistsError(Error):
    """It is there already."""


class StaleError(Error):
    """The reference names an incarnation or a generation that is gone: ask again for the newest."""


class PeerUnreachableError(Error, ConnectionError):
    """No session could be made."""


class PeerLostError(Error, ConnectionError):
    """A session was there and ended."""


class DeadlineExceededError(Error, TimeoutError):
    """The call's bound was reached."""


class CancelledError(Error):
    """The caller asked for the end, and blocks on the result.  (Who awaits it gets asyncio.CancelledError.)"""


class IntegrityError(Error):
    """A digest did not match, twice; nothing was kept."""


class ResourceExhaustedError(Error, MemoryError):
    """A local limit: memory, descriptors, disk."""


class OverloadedError(Error):
    """The peer's limit: try later."""


class UnsupportedError(Error, NotImplementedError):
    """No common version, or a feature that one side lacks."""


class ShuttingDownError(Error):
    """This node is stopped, or belongs to the process that was forked."""


class InternalError(Error):
    """A fault of Weft's own."""


class BatchError(Error):
    """Some of many failed.  `errors` has them, by name of the item; `results` all that get_many gave.

    Where it is pickled or copied, None stands in `results` for each tensor: bytes that came stay where they are.
    """

    def __init__(self, message: str, results: list[Tensor | Error], errors: dict[str, Error]) -> None:
        super().__init__(message)
        self.results = results
        self.errors = errors

    def __reduce__(self) -> tuple[Any, ...]:
        rest = {key: value for key, value in self.__dict__.items() if key not in ("results", "errors")}
        results = [item if isinstance(item, Error) else None for item in self.results]
        return type(self), (str(self), results, self.errors), rest


class OutOfBoundsError(InvalidArgumentError, IndexError):
    """A single index beyond its axis."""


class NoSuchTypeError(UnsupportedError, TypeError):
    """A library has no such element type."""


def made(kind: type[E], message: str, hint: str, *, operation: str = "", name: str = "") -> E:
    """An error of this package's own Python, as from_native makes the engine's."""
    error = kind(message)
    error._hint(hint)
    error.operation = operation
    error.name = name
    return error


def say_where(error: BaseException, operation: str, name: str) -> None:
    """An error that an argument alone is told of becomes one of this call, and of this tensor."""
    if not isinstance(error, Error):
        return
    message = str(error).removeprefix(f"{error.operation}: ").removeprefix(f"{error.name!r}: ")
    error.operation, error.name = operation, name
    error.args = (f"{operation}: {name!r}: {message}" if name else f"{operation}: {message}", *error.args[1:])


def beyond_axis(name: str, axis: int, index: int) -> OutOfBoundsError:
    return made(OutOfBoundsError, f"slice: index {index} is out of bounds for axis {axis} of {name!r}",
                "node.list(ticket) tells shapes; a range, [5:6], is clamped instead", operation="get", name=name)  # fmt: skip


# In the order of weft::ErrorClass.
_CLASSES = (
    InvalidArgumentError, MalformedError, UnauthenticatedError, ForbiddenError, NotFoundError, ExistsError, StaleError,
    PeerUnreachableError, PeerLostError, DeadlineExceededError, CancelledError, IntegrityError, ResourceExhaustedError,
    OverloadedError, UnsupportedError, ShuttingDownError, InternalError,
)  # fmt: skip


def from_native(
    kind: int, message: str, hint: str, retryable: bool, operation: str, peer: str, transfer: str, lane: str,
    name: str, native_code: int, may_have_arrived: bool,
) -> Error:  # fmt: skip
    error: Error = _CLASSES[kind](message)
    if hint:
        from ._hints import in_python

        hint = in_python(hint, operation)
    error._hint(hint)
    error.retryable = retryable
    error.operation = operation
    error.peer = peer
    error.transfer = transfer
    error.lane = lane
    error.name = name
    error.native_code = native_code
    error.may_have_arrived = may_have_arrived
    return error
