"""Arrays that need a closer look: an element type that their own DLPack export does not know (bfloat16 and float8 of
ml_dtypes, of older torch), a mask, an export that raises."""

from __future__ import annotations

from ._errors import Error, UnsupportedError, made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def as_integers(array: Any) -> tuple[Any, str] | None:
    """(the same memory as unsigned integers, the elements' name), or None where this cannot be said."""
    library = type(array).__module__.partition(".")[0]
    dtype = getattr(array, "dtype", None)
    if dtype is None:
        return None
    name = getattr(dtype, "name", None) or str(dtype).removeprefix("torch.")
    if library == "torch":
        import torch

        width = {1: torch.uint8, 2: torch.int16}.get(array.element_size())
        return None if width is None else (array.view(width), name)
    if hasattr(array, "__array_interface__"):
        # 4-bit elements of ml_dtypes lie a byte each, Weft's are packed.
        if name in ("int4", "uint4", "int2", "uint2", "float4_e2m1fn") or array.dtype.itemsize not in (1, 2):
            return None
        return array.view(f"u{array.dtype.itemsize}"), name
    return None


def is_masked(array: Any) -> bool:
    """Of what has a mask and can fill it: whether there is a mask."""
    import numpy

    return isinstance(array, numpy.ma.MaskedArray) and numpy.ma.getmask(array) is not numpy.ma.nomask


def refusal(array: Any, cause: BaseException) -> Error:
    """What an array that raised is refused with."""
    what = f"{type(array).__module__}.{type(array).__qualname__}".removeprefix("builtins.")
    words = (str(cause).strip() or type(cause).__name__).splitlines()[0][:200]
    if type(array).__module__.partition(".")[0] == "torch":
        hint = "Weft moves dense storage of the host: x.to_dense(), x.cpu(), model.to_empty(device=\"cpu\")"
    else:
        hint = "give what it has as an array: numpy.asarray(x); what it raised is this error's __cause__"
    error = made(UnsupportedError, f"input: a {what} cannot be read: {words}", hint, operation="input")
    error.__cause__ = cause
    return error
