"""Arrays whose element type their own DLPack export does not know: bfloat16 and float8 of ml_dtypes, of older torch."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def as_integers(array: Any) -> tuple[Any, str] | None:
    """(the same memory as unsigned integers, the elements' name), or None where this cannot be said."""
    library = type(array).__module__.partition(".")[0]
    name = getattr(array.dtype, "name", None) or str(array.dtype).removeprefix("torch.")
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
