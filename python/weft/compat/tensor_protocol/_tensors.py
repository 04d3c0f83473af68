"""The tensors of the UniFFI shape, and how any of them travels."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import weft

from ._errors import TensorError, translated

if TYPE_CHECKING:
    from collections.abc import Iterable

# Begins the opaque type of bytes whose dtype and shape, as they are said, Weft's own cannot hold: "MARK SHAPE:DTYPE".
_MARK = "tensor_protocol:"


@dataclass
class TensorMetadata:
    """What a tensor is said to be.  Nobody checks that its bytes agree, but a node made with strict=True."""

    shape: list[int]
    dtype: str
    requires_grad: bool


@dataclass(eq=False, repr=False)
class TensorData:
    """A tensor to send: what it is, and its bytes."""

    metadata: TensorMetadata
    data: bytes

    @property
    def view(self) -> memoryview:
        """The bytes, flat, without a copy."""
        return memoryview(self.data).cast("B")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TensorData):
            return NotImplemented
        return self.metadata == other.metadata and self.view == other.view

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(metadata={self.metadata}, data=<{self.view.nbytes} bytes>)"


class ReceivedTensor(TensorData):
    """A tensor that came: its name and its sender's node id beside what TensorData has.

    `.view` is the memory it landed in, writable and private; `.data` copies that, at the first look.
    """

    name: str
    peer_id: str

    def __init__(self, tensor: weft.Tensor) -> None:
        shape, dtype = said(tensor)
        self.metadata = TensorMetadata(shape, dtype, tensor.requires_grad)
        self.name = tensor.name
        self.peer_id = tensor.peer or ""
        self._tensor = tensor

    @cached_property
    def data(self) -> bytes:  # type: ignore[override]
        return bytes(self._tensor.bytes())

    @property
    def view(self) -> memoryview:
        return self._tensor.bytes()


def described(data: Any, shape: Iterable[int], dtype: str, requires_grad: bool, strict: bool) -> weft.Tensor:
    """These bytes as Weft sends them, without a copy.

    Where they are what the description says, they are that to every peer of Weft's.  Where not (any dtype, any shape
    may be said of any bytes) they travel as bytes, with the description beside them; strict refuses those.
    TensorError.Serialization.
    """
    try:
        axes = [operator.index(axis) for axis in shape]
        dtype.encode()
    except (TypeError, AttributeError, UnicodeEncodeError) as wrong:
        raise TensorError.Serialization(f"a shape is integers, a dtype is text: {wrong}") from wrong
    if not all(-(2**63) <= axis < 2**63 for axis in axes):
        raise TensorError.Serialization(f"{axes} has an axis that 64 bits do not hold")
    try:
        return _described(data, axes, dtype, requires_grad, strict)
    except weft.Error as wrong:
        raise translated(wrong) from wrong


def _described(data: Any, axes: list[int], dtype: str, requires_grad: bool, strict: bool) -> weft.Tensor:
    try:
        tensor = weft.view(data, dtype=dtype, shape=axes, requires_grad=requires_grad)
        if strict and tensor.opaque:
            raise TensorError.Serialization(f"no dtype is called {dtype!r}")
        if strict or (tensor.dtype == dtype and not dtype.startswith(_MARK)):
            return tensor
    except weft.InvalidArgumentError:
        if strict:
            raise
    said = f"{_MARK}{','.join(map(str, axes))}:{dtype}"
    return weft.view(data, dtype=said, shape=[memoryview(data).nbytes], requires_grad=requires_grad)


def said(tensor: weft.Tensor) -> tuple[list[int], str]:
    """(shape, dtype) as its sender said them."""
    if tensor.opaque and tensor.dtype.startswith(_MARK):
        axes, colon, dtype = tensor.dtype[len(_MARK) :].partition(":")
        try:
            if colon:
                return [int(axis) for axis in axes.split(",") if axis], dtype
        except ValueError:  # of a peer that is not this module
            pass
    return list(tensor.shape), tensor.dtype
