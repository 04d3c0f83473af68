"""Weft moves tensors between processes, by name, at the speed of the wire.

    import weft
    with weft.Node() as node:
        t = node.get(ticket, "layers.0.w").result()      # or, in a coroutine: await node.get(...)
        node.push(ticket, "activations.7", t.numpy()).result()

Every operation gives a Transfer, which is already running: await it, or block on its result(). Anything with DLPack,
the buffer protocol or __array_interface__ goes in without a copy; numpy.asarray(t), t.torch(), memoryview(t) come out
without one.
"""

from ._errors import (
    BatchError,
    CancelledError,
    DeadlineExceededError,
    Error,
    ExistsError,
    ForbiddenError,
    IntegrityError,
    InternalError,
    InvalidArgumentError,
    MalformedError,
    NotFoundError,
    OverloadedError,
    PeerLostError,
    PeerUnreachableError,
    ResourceExhaustedError,
    ShuttingDownError,
    StaleError,
    UnauthenticatedError,
    UnsupportedError,
)
from ._node import Node, Pushes
from ._results import Results
from ._selection import Item, Pages, s_
from ._weft import (
    Access,
    Entry,
    GenerationRule,
    LaneReport,
    Loan,
    NodeStats,
    PingReport,
    Plan,
    PlanLane,
    Progress,
    Receipt,
    Tensor,
    Transfer,
    at_least,
    newer_than,
    view,
)

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import safetensors, torch
    from ._fetch import fetch
    from ._serve import Served, serve

# Imported when they are asked for: what they need is not needed by who does not.
_LAZY = {"serve": "._serve", "Served": "._serve", "fetch": "._fetch"}
_MODULES = ("compat", "safetensors", "torch")

# The essentials first.
__all__ = [
    "Node", "serve", "fetch", "s_", "Pages", "Tensor", "Transfer", "Receipt", "Error", "view",
    "Access", "Item", "Results", "Pushes", "Progress", "Loan", "Entry", "Plan", "PlanLane", "PingReport", "NodeStats",
    "LaneReport", "Served", "GenerationRule", "newer_than", "at_least",
    "InvalidArgumentError", "MalformedError", "UnauthenticatedError", "ForbiddenError", "NotFoundError", "ExistsError",
    "StaleError", "PeerUnreachableError", "PeerLostError", "DeadlineExceededError", "CancelledError", "IntegrityError",
    "ResourceExhaustedError", "OverloadedError", "UnsupportedError", "ShuttingDownError", "InternalError", "BatchError",
]  # fmt: skip


if not TYPE_CHECKING:  # to type checkers, what is not here is not there

    def __getattr__(name: str) -> object:
        if name in _LAZY or name in _MODULES:
            import importlib

            if name in _MODULES:
                try:
                    return importlib.import_module(f".{name}", __name__)
                except ModuleNotFoundError as missing:
                    if missing.name != f"{__name__}.{name}":
                        raise
            else:
                value = getattr(importlib.import_module(_LAZY[name], __name__), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_MODULES, "__version__"]
