"""What the nodes of both shapes are: a weft.Node from start() to shutdown()."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import weft

from ._deliveries import Deliveries, running_loop
from ._errors import TensorError, cancelled, not_started, translated
from ._tensors import ReceivedTensor

_PREFIX = "node"

# The library's own, where neither a keyword nor the environment says otherwise.
_DEFAULTS: dict[str, tuple[str, Any]] = {
    "access": ("WEFT_ALLOW", "any"),
    "connections": ("WEFT_CONNECTIONS", 10),
    "idle": ("WEFT_IDLE", 300.0),
}

# How long shutdown() may hold up an event loop; the rest of the end goes on beside it.
_STOP_IN_LOOP = 0.05

_event_loop: asyncio.AbstractEventLoop | None = None


def uniffi_set_event_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """The event loop in which callbacks are called; without one, that which awaited the node's start()."""
    global _event_loop
    _event_loop = loop


def _named(name: str) -> str:
    try:
        size = len(name.encode())
    except (AttributeError, UnicodeEncodeError):
        size = 0
    if not 0 < size <= 255 or "\0" in name:
        raise TensorError.Serialization(f"{name!r} cannot be a tensor's name: 1 to 255 bytes of UTF-8 without NUL")
    return name


class NodeBase:
    """Made without a socket or a thread; start() opens them, shutdown() closes them, and start() may follow again.

    Any thread may call any member.  strict: tensors whose bytes are not what they are said to be are refused.  options:
    weft.Node's keywords; unless they or the environment (WEFT_ALLOW, WEFT_CONNECTIONS, WEFT_IDLE) say otherwise,
    access="any", connections=10 sessions, idle=300.0 seconds.
    """

    def __init__(self, *, strict: bool = False, **options: Any) -> None:
        unknown = options.keys() - (weft.Node.__init__.__kwdefaults__ or {}).keys()
        if unknown:
            raise TypeError(f"a node has no option {', '.join(sorted(unknown))}")
        self._strict = strict
        self._options = options
        self._lock = threading.RLock()
        self._node: weft.Node | None = None
        self._life = 0  # counts shutdowns: what began before one and ends after it was ended by it
        self._served: dict[str, weft.Tensor] = {}
        self._callback: Any = None
        self._deliveries: Deliveries | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def weft_node(self) -> weft.Node | None:
        """The node below: stats(), get(), list(), remove()…; None while it is not started."""
        return self._node

    async def start(self) -> None:
        """Opens the node; again is nothing.  TensorError.Connection: an address that is taken or cannot be."""
        with self._lock:
            if self._node is not None:
                return
            defaults = {key: value for key, (name, value) in _DEFAULTS.items() if name not in os.environ}
            try:
                node = weft.Node(**{**defaults, **self._options})
            except weft.Error as error:
                raise translated(error, TensorError.Connection) from error
            node.try_receive()  # opens its inbox: from now on pushes are taken, as many bytes as inbox_bytes
            for name, tensor in self._served.items():
                node.put(name, tensor)
            self._node = node
            self._loop = asyncio.get_running_loop()
            self._attend()

    async def get_node_addr(self) -> str:
        """Text for another process to send to: a ticket of Weft's, which begins with "node"."""
        return _PREFIX + self._started().ticket[len("weft") :]

    def shutdown(self) -> None:
        """Ends every call with "not started", and closes.  From anywhere, at any time, any number of times."""
        with self._lock:
            node, self._node = self._node, None
            if self._deliveries is not None:
                self._deliveries.end()
                self._deliveries = None
            if node is None or node._inherited:  # a fork's child leaves the parent's alone
                return
            self._life += 1
            end = node.stop()
        try:
            end.result(None if running_loop() is None else _STOP_IN_LOOP)
        except TimeoutError:
            end.add_done_callback(lambda _: None)  # so the loop keeps it: one that is dropped is cancelled

    def _started(self) -> weft.Node:
        node = self._node
        if node is None:
            raise not_started()
        return node

    def _told(self, error: weft.Error, life: int) -> TensorError:
        return translated(error) if self._life == life else not_started()

    def _serve(self, name: str, tensor: weft.Tensor) -> None:
        with self._lock:
            self._served[_named(name)] = tensor
            if self._node is not None:
                self._node.put(name, tensor)

    # An error keeps the frames it came through: they hold neither the node nor a transfer, which would keep it open.

    async def _send(self, peer_addr: str, name: str, tensor: weft.Tensor) -> None:
        life = self._life
        transfer = None
        try:
            transfer = self._started().push(peer_addr, _named(name), tensor)
            await transfer
        except asyncio.CancelledError as error:
            raise cancelled(transfer, error) from error
        except weft.Error as error:
            raise self._told(error, life) from error
        finally:
            del transfer

    def _take(self) -> ReceivedTensor | None:
        life = self._life
        try:
            tensor = self._started().try_receive()
        except weft.Error as error:
            raise self._told(error, life) from error
        return None if tensor is None else ReceivedTensor(tensor)

    async def _next(self) -> ReceivedTensor:
        life = self._life
        try:
            return ReceivedTensor(await self._started().receive())
        except weft.Error as error:
            raise self._told(error, life) from error

    def _sessions(self) -> int:
        node = self._node
        return 0 if node is None else node.pool_size

    def _attend(self) -> None:
        """Under the lock: hands what comes to the callback that is set, and to no other."""
        if self._deliveries is not None:
            self._deliveries.end()
            self._deliveries = None
        loop = _event_loop or self._loop
        if self._callback is not None and self._node is not None and loop is not None:
            self._deliveries = Deliveries(self._node, self._callback, loop)
