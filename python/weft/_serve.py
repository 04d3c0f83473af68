"""weft.serve: tensors at a ticket, in one line."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping

from ._errors import Error, InvalidArgumentError, made, say_where
from ._node import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from _typeshed import StrPath

    from ._weft import Array


class Served:
    """A node of its own that serves something; a context manager.  Leaving it stops the node."""

    def __init__(self, node: Node, count: int) -> None:
        self.node = node
        self.count = count
        self._ended = threading.Event()

    @property
    def ticket(self) -> str:
        """What weft.fetch, weft get, node.get need to find it."""
        return self.node.ticket

    def wait(self, timeout: float | None = None) -> bool:
        """Blocks until stop() (then True), Ctrl-C, or so many seconds have passed."""
        if timeout is not None:
            if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or math.isnan(timeout):
                raise made(InvalidArgumentError, f"timeout={timeout!r} cannot be", "a number of seconds",
                           operation="wait")  # fmt: skip
            timeout = min(timeout, threading.TIMEOUT_MAX)
        return self._ended.wait(timeout)

    def stop(self) -> None:
        """Stops the node; in a fork's child nothing, the node being the parent's."""
        if not self.node._inherited:
            self._ended.set()
            self.node.stop().result()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<weft.Served {self.count} tensors by {self.node!r}>"


def serve(source: StrPath | Mapping[str, Array], *, prefix: str = "", **options: Any) -> Served:
    """Serves source until the `with` block ends, or stop().

    source: the path of a .safetensors file, a sharded index.json or a folder of them; or a mapping of names to arrays
    (a state_dict): anything that node.put takes, all in one generation.  prefix stands before every name.  options: weft.Node's.

        with weft.serve("model.safetensors") as s:
            print(s.ticket, flush=True)
            s.wait()

    NotFoundError, MalformedError (which file, which tensor), InvalidArgumentError.
    """
    if not isinstance(source, (str, os.PathLike, Mapping)):
        raise TypeError(f"serve takes a path or a mapping of names to arrays, not {type(source).__name__}")
    if isinstance(source, Mapping):
        for name in source:
            if not isinstance(name, str):
                raise made(InvalidArgumentError, f"serve: {name!r} is no name", "a mapping of str to arrays")
    node = Node(**options)
    try:
        if not isinstance(source, Mapping):
            return Served(node, node.serve(source, prefix=prefix))
        tensors = {prefix + name: value for name, value in source.items()}
        if tensors:
            node.put_many(tensors)
        return Served(node, len(tensors))
    except BaseException as error:
        node.stop().result()
        if isinstance(error, Error) and error.operation == "put_many":
            say_where(error, "serve", error.name)
        raise
