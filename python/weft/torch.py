"""State dicts of torch modules between processes.

    weft.torch.publish(node, model)                       # serves the parameters' own memory
    weft.torch.load_state_dict(model, ticket)             # pulls them, straight into the parameters' memory

Names are state_dict()'s. Nothing is pickled: a tensor's bytes travel, and nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

from ._errors import InvalidArgumentError, UnsupportedError, made
from ._fetch import time_left
from ._node import Node
from ._selection import Item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, TypeAlias

    import torch

    from ._weft import Entry, LaneName, Peer, Report

    Model: TypeAlias = torch.nn.Module | Mapping[str, torch.Tensor]

__all__ = ["load_state_dict", "publish", "IncompatibleKeys", "StateDictError"]


class _Keys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]


class StateDictError(InvalidArgumentError, RuntimeError):
    """A state dict that does not fit the model, in torch's words. Nothing was written."""


class IncompatibleKeys(_Keys):
    """What load_state_dict gives: names that the model has and the peer lacks, and the other way round."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()


def publish(node: Node, model: Model, *, prefix: str = "", copy: bool = False) -> int:
    """Serves what model.state_dict() has (or a mapping of names to tensors), all of it at once: one generation, which
    it gives. Who pulls the model meanwhile gets all of one generation. prefix stands before every name.

    The node holds the tensors, and copies nothing, so they must stay as they are until the next publish has replaced
    them: an optimizer that steps in place breaks pulls that run meanwhile (IntegrityError, or numbers of both steps).
    copy=True serves a copy instead, for training to go on at once.  Names that an earlier publish had and this one
    lacks are still served: node.remove(name).

    UnsupportedError: a value that is no tensor (get_extra_state), or not in host memory and dense storage.
    """
    import torch

    items = {}
    for name, tensor in _state_of(model).items():
        if not isinstance(tensor, torch.Tensor):
            raise _unsupported(name, f"it is {type(tensor).__name__}, not a tensor")
        _check_storage(name, tensor)
        items[prefix + name] = tensor.detach().clone() if copy else tensor.detach()
    return node.put_many(items)


def load_state_dict(
    model: Model, ticket: Peer, strict: bool = True, *, prefix: str = "", node: Node | None = None,
    timeout: float | None = None, progress: Report | None = None, lane: LaneName | None = None,
) -> IncompatibleKeys:  # fmt: skip
    """Pulls a module's parameters and buffers, by the names of its state_dict(), straight into their own memory,
    strided or not; those on another device than the CPU land in host memory and are copied.  All are of one snapshot
    of the peer: of one publish.  Gives what torch's load_state_dict gives.

    ticket: its text, or what has one.  strict: names that are missing or unexpected are an error; without it they are
    only told.  prefix: before every name at the peer; names without it are not looked at.  Parameters that are tied are
    pulled once, and may be served under any of their names.  node: one of yours to ask with.  timeout: seconds in all.
    progress, lane: as node.get.  load_state_dict hooks of modules are not run.

    StateDictError (a RuntimeError, before anything is written): missing or unexpected names, shapes or dtypes that
    differ, each named.  UnsupportedError: see publish; a value that is not a parameter's or buffer's own memory.  Where
    a pull fails (BatchError, and those of node.get), parameters have undefined content.
    """
    left = time_left(timeout)
    state = _state_of(model)
    _check_own(model, state)
    own = None
    if node is None:
        node = own = Node()
    try:
        served = _served(node, ticket, prefix, timeout)
        keys, wanted = _compare(model, state, served, strict)
        _pull(node, ticket, prefix, wanted, timeout=left(), progress=progress, lane=lane)
        return keys
    finally:
        if own is not None:
            own.stop().result()


def _state_of(model: Any) -> dict[str, Any]:
    return dict(model.state_dict(keep_vars=True) if hasattr(model, "state_dict") else model)


def _unsupported(name: str, why: str) -> UnsupportedError:
    hint = "leave it out: a mapping of the others, {name: tensor}, is taken as a model is"
    return made(UnsupportedError, f"{name}: {why}", hint, name=name)


def _check_storage(name: str, tensor: torch.Tensor) -> None:
    import torch

    if tensor.layout != torch.strided or tensor.is_quantized:
        raise _unsupported(name, f"its layout is {tensor.layout}, quantized or not: Weft moves dense storage")
    if tensor.device.type == "meta":
        raise _unsupported(name, "it is on the meta device: model.to_empty(device=\"cpu\") first")
    if tensor.is_conj() or tensor.is_neg():
        raise _unsupported(name, "its conjugation or sign is pending: tensor.resolve_conj().resolve_neg()")


def _check_own(model: Any, state: dict[str, Any]) -> None:
    """A state_dict may hold copies (hooks, wrappers): what lands there would be lost."""
    import torch

    storages = None
    if isinstance(model, torch.nn.Module):
        owned = [*model.parameters(), *model.buffers()]
        storages = {t.untyped_storage().data_ptr() for t in owned if t.layout == torch.strided}
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor):
            raise _unsupported(name, f"it is {type(tensor).__name__}, not a tensor")
        _check_storage(name, tensor)
        if storages is not None and tensor.untyped_storage().data_ptr() not in storages:
            raise _unsupported(name, "state_dict() gives a copy of it, and not its memory")


def _served(node: Node, ticket: Peer, prefix: str, timeout: float | None) -> dict[str, Entry]:
    plain = not any(c in prefix for c in "*?[]\\{}")
    entries = node.list(ticket, prefix + "*" if plain else "*", timeout=timeout).result()
    return {entry.name[len(prefix) :]: entry for entry in entries if entry.name.startswith(prefix)}


def _place(tensor: torch.Tensor) -> tuple[object, ...]:
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device


def _compare(
    model: Model, state: dict[str, torch.Tensor], served: dict[str, Entry], strict: bool
) -> tuple[IncompatibleKeys, list[tuple[str, torch.Tensor]]]:
    """(what is missing and unexpected, [(name, tensor)] to pull), or StateDictError."""
    places: dict[object, str] = {}
    for name, tensor in state.items():
        if name in served:
            places[_place(tensor)] = name  # of tied names the last, as torch, which copies them one after the other
    missing = [name for name, tensor in state.items() if name not in served and _place(tensor) not in places]
    unexpected = [name for name in served if name not in state]
    faults = []
    if strict and missing:
        faults.append(f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if strict and unexpected:
        faults.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    wanted = [(name, state[name]) for name in places.values()]
    faults += [fault for name in state if name in served for fault in _differences(name, state[name], served[name])]
    if faults:
        lines = "\n\t".join(faults)
        raise made(StateDictError, f"Error(s) in loading state_dict for {type(model).__name__}:\n\t{lines}",
                   "node.list(ticket) tells what is served; strict=False goes without missing and unexpected names",
                   operation="load_state_dict")  # fmt: skip
    return IncompatibleKeys(missing, unexpected), wanted


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _differences(name: str, tensor: torch.Tensor, entry: Entry) -> Iterator[str]:
    import torch

    shape = list(tensor.shape)
    if entry.dtype == "float4_e2m1fn_x2" and shape:
        shape[-1] *= 2  # torch counts pairs
    if tuple(entry.shape) != tuple(shape):
        yield (f"size mismatch for {name}: copying a param with shape {torch.Size(entry.shape)} from checkpoint, "
               f"the shape in current model is {tensor.shape}.")  # fmt: skip
    dtype = str(tensor.dtype).removeprefix("torch.")
    if entry.dtype != dtype:
        yield (f"dtype mismatch for {name}: copying a param of {entry.dtype} from checkpoint, "
               f"the dtype in current model is {dtype}.")  # fmt: skip


def _pull(node: Node, ticket: Peer, prefix: str, wanted: list[tuple[str, torch.Tensor]], **options: Any) -> None:
    import torch

    direct = [tensor.device.type == "cpu" for _, tensor in wanted]
    items = [Item(prefix + name, into=tensor.detach() if straight else None)
             for (name, tensor), straight in zip(wanted, direct)]  # fmt: skip
    if not items:
        return
    landed = node.get_many(ticket, items, **options).result().unwrap()
    with torch.no_grad():
        for (_, tensor), straight, got in zip(wanted, direct, landed):
            if straight:
                torch.autograd.graph.increment_version(tensor)
            else:
                tensor.copy_(got.torch())
