"""Tensors as others have them, without a copy."""

from __future__ import annotations

from ._errors import NoSuchTypeError, made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._weft import DTypeLike, Tensor

# What numpy knows by itself; the others it knows by ml_dtypes.
_PLAIN = frozenset(
    "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 complex128".split()
)
_INTEGERS = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8", "float8_e8m0fnu": "uint8"}


def _lacks(library: str, tensor: Tensor, why: str = "") -> NoSuchTypeError:
    view = f"t.numpy(view=\"{_INTEGERS.get(tensor.dtype, 'uint8')}\")"
    if tensor.opaque:
        why, hint = ": it is opaque bytes", f"t.bytes(), or {view}"
    else:
        hint = f"t.torch(), or {view}" if library == "numpy" else f"t.bytes(), or {view}"
    return made(NoSuchTypeError, f"{library} has no {tensor.dtype!r}{why}", hint, name=tensor.name)


def to_numpy(tensor: Tensor, view: DTypeLike | None = None) -> Any:
    import numpy

    if view is not None:
        return numpy.asarray(tensor._as(view))
    if tensor.opaque:
        raise _lacks("numpy", tensor)
    if tensor.dtype in _PLAIN:
        return numpy.asarray(tensor)
    integers = _INTEGERS.get(tensor.dtype)
    if integers is None:
        raise _lacks("numpy", tensor)
    try:
        import ml_dtypes
    except ImportError:
        raise _lacks("numpy", tensor, ", and ml_dtypes is not installed") from None
    return numpy.asarray(tensor._as(integers)).view(getattr(ml_dtypes, tensor.dtype))


def to_array(tensor: Tensor, dtype: Any = None, copy: bool | None = None) -> Any:
    """numpy.asarray(t) of a type that the buffer protocol has no word for."""
    array = to_numpy(tensor)
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype)
    return array.copy() if copy else array


def to_torch(tensor: Tensor) -> Any:
    if tensor.opaque:
        raise _lacks("torch", tensor)
    import torch

    dtype = getattr(torch, tensor.dtype, None)
    if not isinstance(dtype, torch.dtype):
        raise _lacks(f"torch {torch.__version__}", tensor)
    integers = {"bfloat16": "int16", "float4_e2m1fn_x2": "uint8"}.get(tensor.dtype) or _INTEGERS.get(tensor.dtype)
    if integers is None:
        return torch.from_dlpack(tensor)
    return torch.from_dlpack(tensor._as(integers)).view(dtype)


def to_jax(tensor: Tensor) -> Any:
    if tensor.opaque:
        raise _lacks("jax", tensor)
    import jax

    return jax.dlpack.from_dlpack(tensor)


def to_bytes(tensor: Tensor) -> memoryview:
    return memoryview(tensor._as("uint8")).cast("B")
