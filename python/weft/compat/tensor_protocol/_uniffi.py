"""The UniFFI shape."""

from __future__ import annotations

from typing import Any

from ._node import NodeBase, uniffi_set_event_loop
from ._tensors import ReceivedTensor, TensorData, described

__all__ = ["TensorNode", "TensorReceiveCallback", "create_node", "uniffi_set_event_loop"]


class TensorReceiveCallback:
    """To be derived from, for set_receive_callback."""

    def on_tensor_received(self, peer_id: str, tensor_name: str, tensor: TensorData) -> Any:
        """Called in an event loop for each tensor that comes; what it returns is awaited if it can be.

        What it raises goes to the loop's exception handler.
        """
        raise NotImplementedError


class TensorNode(NodeBase):
    """Sends tensors to addresses, and receives what is sent to its own.  storage_path: nothing is stored."""

    def __init__(self, storage_path: str | None = None, *, strict: bool = False, **options: Any) -> None:
        super().__init__(strict=strict, **options)

    def register_tensor(self, name: str, tensor: TensorData) -> None:
        """Serves a tensor to whoever pulls that name, from start() on; it is held, not copied."""
        self._serve(name, self._described(tensor))

    async def send_tensor_direct(self, peer_addr: str, tensor_name: str, tensor: TensorData) -> None:
        """Returns when the receiver has verified every byte and will give it to its application.

        TensorError.Connection: the address, the way there; .Io: it broke off; .Serialization: the tensor or its name
        (1 to 255 bytes of UTF-8); .Protocol: not started, or no room there for ever.  SendCancelled.
        """
        await self._send(peer_addr, tensor_name, self._described(tensor))

    async def receive_tensor(self) -> ReceivedTensor | None:
        """A tensor that has come, or None, at once."""
        return self._take()

    async def wait_for_tensor(self) -> ReceivedTensor:
        """The next tensor, first in first out for each sender.  Cancelled, it takes none."""
        return await self._next()

    async def get_pool_size(self) -> int:
        """Sessions with peers that are up, whoever dialled; 0 while it is not started."""
        return self._sessions()

    def set_receive_callback(self, callback: TensorReceiveCallback | None) -> None:
        """From now on, or from start() on, what comes goes to callback; None: to receive_tensor again."""
        with self._lock:
            self._callback = callback
            self._attend()

    def _described(self, tensor: TensorData) -> Any:
        what = tensor.metadata
        return described(tensor.view, what.shape, what.dtype, what.requires_grad, self._strict)


def create_node(storage_path: str | None = None, *, strict: bool = False, **options: Any) -> TensorNode:
    """A TensorNode, not started yet: no socket, no thread.  TypeError: no such option."""
    return TensorNode(storage_path, strict=strict, **options)
