"""The PyO3 shape: tuples of name and tensor, and a RuntimeError for every failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import TensorError
from ._node import NodeBase
from ._tensors import ReceivedTensor, described

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK_SIZE = 64 * 1024


def _bytes_of(data: Any) -> memoryview:
    try:
        view = memoryview(data)
        if view.format in ("B", "c"):
            return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
    except TypeError:
        pass
    raise TypeError("Expected bytes-like or NumPy u8 array")


class PyTensorData:
    """A tensor: its bytes, which are shared and not copied, and what they are said to be."""

    __slots__ = ("_view", "dtype", "requires_grad", "shape")

    def __init__(self, data: Any, shape: Iterable[int], dtype: str, requires_grad: bool = False) -> None:
        self._view = _bytes_of(data)
        self.shape = list(shape)
        self.dtype = dtype
        self.requires_grad = bool(requires_grad)

    @classmethod
    def _received(cls, tensor: ReceivedTensor) -> PyTensorData:
        what = tensor.metadata
        return cls(tensor.view, what.shape, what.dtype, what.requires_grad)

    def as_bytes(self) -> bytes:
        """The bytes; a copy, but of bytes."""
        whole = self._view.obj
        return whole if type(whole) is bytes and len(whole) == self._view.nbytes else bytes(self._view)

    def as_numpy(self) -> Any:
        """The bytes as a numpy array of uint8 with one axis, which shares their memory."""
        import numpy

        return numpy.frombuffer(self._view, dtype=numpy.uint8)

    def to_torch(self) -> Any:
        """A torch tensor of dtype and shape.  It shares the memory, where that may be written; else it is a copy.

        TensorError.Serialization: torch has no such dtype, or the bytes are not as many.
        """
        import torch

        dtype: Any = getattr(torch, self.dtype.removeprefix("torch."), None)
        if not isinstance(dtype, torch.dtype):
            raise TensorError.Serialization(f"torch {torch.__version__} has no dtype {self.dtype!r}")
        memory = memoryview(bytearray(self._view)) if self._view.readonly else self._view
        try:
            # frombuffer takes no empty buffer.
            flat = torch.frombuffer(memory, dtype=dtype) if memory.nbytes else torch.empty(0, dtype=dtype)
            tensor = flat.reshape(self.shape)
        except (ValueError, RuntimeError) as misfit:
            said = f"{memory.nbytes} bytes are no {self.dtype} {self.shape}"
            raise TensorError.Serialization(said) from misfit
        differentiable = dtype.is_floating_point or dtype.is_complex
        return tensor.requires_grad_() if self.requires_grad and differentiable else tensor

    def __repr__(self) -> str:
        return f"PyTensorData({self._view.nbytes} bytes, shape={self.shape}, dtype={self.dtype!r})"


class PyTensorNode(NodeBase):
    """As TensorNode, in the shape of PyO3's module.  The keywords are create_node's."""

    def register_tensor(self, name: str, data: PyTensorData) -> None:
        """Serves a tensor to whoever pulls that name, from start() on; it is held, not copied."""
        self._serve(name, self._described(data))

    async def send_tensor(self, peer_addr: str, name: str, data: PyTensorData) -> None:
        """Returns when the receiver has verified every byte.  RuntimeError, a TensorError; SendCancelled."""
        await self._send(peer_addr, name, self._described(data))

    async def receive_tensor(self) -> tuple[str, PyTensorData] | None:
        """(name, tensor) of one that has come, or None, at once."""
        received = self._take()
        return None if received is None else (received.name, PyTensorData._received(received))

    async def wait_for_tensor(self) -> tuple[str, PyTensorData]:
        """(name, tensor) of the next one, first in first out for each sender."""
        received = await self._next()
        return received.name, PyTensorData._received(received)

    async def pool_size(self) -> int:
        """Sessions with peers that are up, whoever dialled; 0 while it is not started."""
        return self._sessions()

    def _described(self, data: PyTensorData) -> Any:
        return described(data._view, data.shape, data.dtype, data.requires_grad, self._strict)
