"""safetensors' own interface, over a ticket or a path.

    with weft.safetensors.safe_open(ticket, framework="pt") as f:
        rows = f.get_slice("embed")[lo:hi]          # only these bytes travel

A source, the argument `filename`, is a ticket (its text, or what has a `ticket`: a weft.Node, what weft.serve gives) or the path of a
.safetensors file. Text that looks like a ticket is one. Neither the safetensors package nor torch is needed:
framework="np" asks for numpy alone.
"""

from __future__ import annotations

import mmap
import os

from ._errors import Error, InvalidArgumentError, NotFoundError, ResourceExhaustedError, UnsupportedError, made
from ._node import Node
from ._parts import Part
from ._weft import SafetensorsFile, save_safetensors, view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Literal, TypeAlias

    from _typeshed import StrPath

    from ._parts import Axis, AxisIndex
    from ._weft import Array, Peer, Report, Tensor

    Source: TypeAlias = StrPath | bytes | Peer
    Framework: TypeAlias = Literal["pt", "torch", "pytorch", "np", "numpy"]
    Index: TypeAlias = tuple[Axis, ...] | None

__all__ = ["safe_open", "load_file", "save_file", "SafetensorError"]

#: What programs written for safetensors catch.
SafetensorError = Error

_NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32",
    "uint64": "U64", "int64": "I64", "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
    "complex64": "C64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
    "float4_e2m1fn_x2": "F4",
}  # fmt: skip
_FRAMEWORKS = {"pt": "pt", "torch": "pt", "pytorch": "pt", "np": "np", "numpy": "np"}


class MissingFileError(NotFoundError, FileNotFoundError):
    """No such file."""


class _File:
    """Tensors of a file, mapped: private and writable, as the library's are, and read when they are looked at."""

    def __init__(self, path: StrPath | bytes) -> None:
        try:
            file = SafetensorsFile(path)
        except NotFoundError as missing:
            raise made(MissingFileError, str(missing), "a path, or a ticket's whole text: weft…") from None
        self.entries = {name: (dtype, shape, (offset, nbytes)) for name, dtype, shape, offset, nbytes in file.entries}
        self.metadata = file.metadata
        try:
            self._memory = memoryview(mmap.mmap(file.fd, 0, access=mmap.ACCESS_COPY))
        except OSError as error:  # it has been opened: what lacks is a descriptor, or address space
            raise made(ResourceExhaustedError, f"{os.fsdecode(path)} cannot be mapped: {error}",
                       "let go of tensors, or raise the limit: ulimit -n") from error  # fmt: skip

    def whole(self, name: str) -> Tensor:
        dtype, shape, (offset, nbytes) = self.entries[name]
        return view(self._memory[offset : offset + nbytes], dtype=dtype, shape=shape)

    def part(self, name: str, part: Part) -> tuple[Tensor, Index]:
        return self.whole(name), part.local

    def all(self, names: list[str]) -> list[Tensor]:
        return [self.whole(name) for name in names]

    def close(self) -> None:
        pass  # tensors that were given keep the mapping


class _Peer:
    """Tensors that a node serves, as they were when this was made: one that has been replaced since is Stale."""

    def __init__(
        self, ticket: Peer, *, node: Node | None, timeout: float | None, progress: Report | None = None
    ) -> None:
        self._own = None
        if node is None:
            node = self._own = Node()
        self._node = node
        self._ticket = ticket
        self._timeout = timeout
        self._progress = progress
        try:
            listing = self._node.list(ticket, timeout=timeout).result()
        except BaseException:
            self.close()
            raise
        self.entries = {entry.name: (entry.dtype, entry.shape, entry.generation) for entry in listing}
        self.metadata = _common(entry.attributes for entry in listing) or None

    def _get(self, name: str, **options: Any) -> Tensor:
        return self._node.get(
            self._ticket, name, generation=self.entries[name][2], timeout=self._timeout, **options
        ).result()

    def whole(self, name: str) -> Tensor:
        return self._get(name)

    def part(self, name: str, part: Part) -> tuple[Tensor, Index]:
        if not part.travels:
            dtype, shape, _ = self.entries[name]
            return view(bytearray(0), dtype=dtype, shape=part.landed), part.landing
        return self._get(name, **part.request), part.landing

    def all(self, names: list[str]) -> list[Tensor]:
        if not names:
            return []
        got = self._node.get_many(self._ticket, names, timeout=self._timeout, progress=self._progress).result()
        return got.unwrap()

    def close(self) -> None:
        if self._own is not None:
            self._own.__exit__()


def _common(all_attributes: Iterable[dict[str, str]]) -> dict[str, str]:
    """What all of them say: a served file's tensors have its metadata as their attributes."""
    common: set[tuple[str, str]] | None = None
    for attributes in all_attributes:
        common = set(attributes.items()) if common is None else common & attributes.items()
    return dict(sorted(common or ()))


def _source(source: Source, **options: Any) -> _File | _Peer:
    if isinstance(source, (bytes, os.PathLike)) or (isinstance(source, str) and not _looks_like_ticket(source)):
        return _File(source)
    if not isinstance(source, str) and not isinstance(getattr(source, "ticket", None), str):
        raise made(InvalidArgumentError, f"filename={source!r:.160} cannot be", "a path, a ticket, or what has a ticket")
    return _Peer(source, **options)


def _looks_like_ticket(text: str) -> bool:
    word = text.strip().lower()
    return word.startswith(("weft", "node")) and len(word) > 40 and word.isalnum()


def _framework(name: str) -> str:
    if name not in _FRAMEWORKS:
        raise made(UnsupportedError, f"there is no framework {name!r}", "\"pt\" (torch) or \"np\"")
    return _FRAMEWORKS[name]


def _on_host(device: object) -> bool:
    return device is None or str(device) == "cpu"


def _check_device(framework: str, device: object) -> None:
    if framework == "np" and not _on_host(device):
        raise made(InvalidArgumentError, f"device={device}: numpy's arrays are in host memory", "framework=\"pt\"")


def _given(tensor: Tensor, key: Index, framework: str, device: Any) -> Any:
    """A weft.Tensor, or the part of it that `key` says, as the framework has it."""
    if framework == "np":
        import numpy

        array = tensor.numpy()
        return array if key is None else numpy.asarray(array[key + (Ellipsis,)], order="C")
    array = tensor.torch()
    if key is not None:
        array = array[key].contiguous()
    return array if _on_host(device) else array.to(device)


class _SafeSlice:
    """A tensor that is not there yet: [...] gets the part that is asked for, and no byte beside it."""

    def __init__(self, opened: safe_open, name: str) -> None:
        self._opened = opened
        self._name = name

    def get_shape(self) -> list[int]:
        return list(self._opened._entry(self._name)[1])

    def get_dtype(self) -> str:
        dtype = self._opened._entry(self._name)[0]
        return _NAMES.get(dtype, dtype)

    def __getitem__(self, key: AxisIndex | tuple[AxisIndex, ...]) -> Any:
        opened = self._opened
        dtype, shape, _ = opened._entry(self._name)
        part = Part(key, shape)
        if dtype == "float4_e2m1fn_x2" and part.landed != tuple(shape):
            raise made(UnsupportedError, f"{self._name}: 4-bit elements come whole", "get_tensor(name)",
                       name=self._name)  # fmt: skip
        tensor, rest = opened._open().part(self._name, part)
        return _given(tensor, rest, opened._framework, opened._device)


class safe_open:
    """Opens a source, filename: a path or a ticket; tensors come when they are asked for. A context manager.

    framework: "pt" (torch) or "np".  device: where torch's tensors are to be, "cpu" unless it is said; host memory
    first, then moved.  timeout: seconds, for each request to a peer.  node: one of yours to ask with; without it a
    node is made and lives until this is closed.  What get_tensor gave outlives both.

    Over a ticket: names and generations are those of the opening. One that was replaced since raises StaleError: open
    again.

    MalformedError, FileNotFoundError, UnsupportedError (a framework); over a ticket also those of node.list.
    """

    def __init__(
        self, filename: Source, framework: Framework, device: Any = "cpu", *, node: Node | None = None,
        timeout: float | None = None,
    ) -> None:  # fmt: skip
        self._framework = _framework(framework)
        self._device = device
        _check_device(self._framework, device)
        self._source: _File | _Peer | None = _source(filename, node=node, timeout=timeout)

    def _open(self) -> _File | _Peer:
        if self._source is None:
            raise made(InvalidArgumentError, "File is closed", "safe_open it again, or stay within its `with`")
        return self._source

    def _entry(self, name: str) -> tuple[str, tuple[int, ...], Any]:
        entry: tuple[str, tuple[int, ...], Any] | None = self._open().entries.get(name)
        if entry is None:
            raise made(NotFoundError, f"File does not contain tensor {name}", "keys() tells what it does",
                       name=name)  # fmt: skip
        return entry

    def keys(self) -> list[str]:
        """Names, sorted."""
        return sorted(self._open().entries)

    def offset_keys(self) -> list[str]:
        """Names in the order of the file; of a peer, sorted."""
        return list(self._open().entries)

    def metadata(self) -> dict[str, str] | None:
        """The file's `__metadata__`, a dict of strings; None where it has none. Over a ticket: the attributes that all
        tensors there have, which are the metadata of the file that is served, up to 32 entries and 4 KiB of it."""
        return self._open().metadata

    def get_tensor(self, name: str) -> Any:
        """A whole tensor. NotFoundError; over a ticket also those of node.get."""
        self._entry(name)
        return _given(self._open().whole(name), None, self._framework, self._device)

    def get_tensors(self) -> dict[str, Any]:
        """All of them, by name. Over a ticket one request."""
        names = self.offset_keys()
        given = self._open().all(names)
        return {name: _given(tensor, None, self._framework, self._device) for name, tensor in zip(names, given)}

    def get_slice(self, name: str) -> _SafeSlice:
        """A tensor to slice: f.get_slice(n)[lo:hi, 3], with get_shape() and get_dtype(). Steps are above zero; a list
        of indices along one axis is gathered where the tensor is served."""
        self._entry(name)
        return _SafeSlice(self, name)

    def close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def __enter__(self) -> safe_open:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._source is None else f"{len(self._source.entries)} tensors"
        return f"<weft.safetensors.safe_open: {state}>"


def load_file(
    filename: Source, device: Any = "cpu", *, framework: Framework = "pt", node: Node | None = None,
    timeout: float | None = None, progress: Report | None = None, backend: str = "mmap",
) -> dict[str, Any]:  # fmt: skip
    """All tensors of a source, by name, as safe_open gives them. Over a ticket they come in one request, from one
    snapshot of the peer's catalog. progress: True for a bar, or a callable taking a weft.Progress. filename: a path,
    or a ticket. backend: as safetensors' own; files are mapped whatever it says.

    Errors: safe_open's, and BatchError where a tensor cannot be had."""
    given_as = _framework(framework)
    _check_device(given_as, device)
    opened = _source(filename, node=node, timeout=timeout, progress=progress)
    try:
        names = list(opened.entries)
        return {name: _given(tensor, None, given_as, device) for name, tensor in zip(names, opened.all(names))}
    finally:
        opened.close()


def save_file(
    tensors: Mapping[str, Array], filename: StrPath | bytes, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes a mapping of names to arrays (anything that node.put takes, of any strides) to a .safetensors file: byte
    for byte the file that safetensors' own save_file writes, and there whole or not at all. metadata: a dict of
    strings.

    UnsupportedError: an element type that the format lacks; InvalidArgumentError; ResourceExhaustedError (the disk)."""
    save_safetensors(filename, list(tensors.items()), metadata)
