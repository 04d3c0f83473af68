"""The four kinds of error, and which of Weft's is which."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import weft


class TensorError(RuntimeError):
    """A call that failed: one of TensorError.Io, .Serialization, .Connection, .Protocol.

    str() begins with the kind: "IO error: ", "Serialization error: ", "Connection error: ", "Protocol error: ".
    `hint`: what to do next, as weft.Error has it.  `__cause__`: that weft.Error, where there is one.
    """

    Io: ClassVar[type[TensorError]]
    Serialization: ClassVar[type[TensorError]]
    Connection: ClassVar[type[TensorError]]
    Protocol: ClassVar[type[TensorError]]

    _prefix: ClassVar[str] = ""
    hint: str = ""

    def __str__(self) -> str:
        return self._prefix + super().__str__()


class _Io(TensorError):
    """The transfer broke off: the peer went, time or memory ran out."""

    __qualname__ = "TensorError.Io"
    _prefix = "IO error: "


class _Serialization(TensorError):
    """Bytes, a name or a description that cannot be sent, or did not arrive as they were."""

    __qualname__ = "TensorError.Serialization"
    _prefix = "Serialization error: "


class _Connection(TensorError):
    """An address that is none, a peer that is not reached or refuses, a port that is taken."""

    __qualname__ = "TensorError.Connection"
    _prefix = "Connection error: "


class _Protocol(TensorError):
    """The node is not started, or a side says no."""

    __qualname__ = "TensorError.Protocol"
    _prefix = "Protocol error: "


TensorError.Io = _Io
TensorError.Serialization = _Serialization
TensorError.Connection = _Connection
TensorError.Protocol = _Protocol

# The rest is Protocol.
_KINDS: tuple[tuple[tuple[type[weft.Error], ...], type[TensorError]], ...] = (
    ((weft.UnauthenticatedError, weft.ForbiddenError, weft.PeerUnreachableError, weft.ExistsError), _Connection),
    ((weft.PeerLostError, weft.DeadlineExceededError, weft.ResourceExhaustedError), _Io),
    ((weft.InvalidArgumentError, weft.MalformedError, weft.IntegrityError), _Serialization),
)


class SendCancelled(asyncio.CancelledError):
    """A send whose task was cancelled; wait_for's TimeoutError has it as its __cause__.

    `may_have_arrived`: False: the tensor will never be received.  True: it was on its way to be, once.
    """

    may_have_arrived: bool = False


def not_started() -> TensorError:
    return TensorError.Protocol("Node not started")


def translated(error: weft.Error, kind: type[TensorError] | None = None) -> TensorError:
    """The TensorError for a weft.Error: of this kind, or of the one that its class and operation say."""
    if kind is None:
        kind = next((kind for classes, kind in _KINDS if isinstance(error, classes)), _Protocol)
        # What is wrong with an address; a peer that is about to go.
        if error.operation in ("ticket", "peer") or (isinstance(error, weft.ShuttingDownError) and error.peer):
            kind = _Connection
    told = kind(str(error))
    told.hint = error.hint
    if error.hint:
        told.__dict__["__notes__"] = [f"hint: {error.hint}"]  # what add_note does from Python 3.11 on
    return told


def cancelled(transfer: Any, error: asyncio.CancelledError) -> SendCancelled:
    """What a send raises whose task was cancelled: its transfer has ended, of itself or by that."""
    ended: Any
    try:
        ended = transfer.exception()
    except asyncio.CancelledError as by_that:
        ended = by_that
    told = SendCancelled(*error.args)
    told.may_have_arrived = ended is None or ended.may_have_arrived
    return told
