"""weft.fetch: what somebody serves, as a dict, in one line."""

from __future__ import annotations

import time

from ._errors import BatchError, NotFoundError
from ._node import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ._weft import LaneName, NodeBase, Peer, Report, Tensor


def fetch(
    ticket: Peer, names: str | Iterable[str] = "*", *, device: object = None, timeout: float | None = None,
    progress: Report | None = None, lane: LaneName | None = None, node: NodeBase | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """All tensors of a ticket whose names match: dict[str, Tensor], of one snapshot of the peer's catalog.

    names: a glob, or names.  timeout: seconds for all of it.  progress: True for a bar, or a callable taking a
    Progress.  node: one of yours to ask with; without it a node is made for this call (the tensors outlive it).
    NotFoundError where names are not there and all others came, or nothing matches a glob; BatchError where one cannot
    be had for another reason; and those of node.get.
    """
    if device is not None and str(device) != "cpu":
        from ._errors import UnsupportedError, made

        raise made(UnsupportedError, f"fetch: device={device}: Weft lands in host memory yet",
                   "leave device= out, and move it afterwards: t.torch().to(device)", operation="fetch")  # fmt: skip
    if not isinstance(names, str) and not hasattr(names, "__iter__"):
        from ._errors import InvalidArgumentError, made

        raise made(InvalidArgumentError, f"fetch: names={names!r} cannot be", "a glob, or a list of names",
                   operation="fetch")  # fmt: skip
    left = time_left(timeout)
    asked = Node() if node is None else node
    try:
        wanted = list(names) if not isinstance(names, str) else _matching(asked, ticket, names, timeout)
        bound = timeout if not isinstance(names, str) else left()
        tensors = asked.get_many(ticket, wanted, timeout=bound, progress=progress, lane=lane).result().unwrap()
        return dict(zip(wanted, tensors))
    except BatchError as failed:
        missing = [error for error in failed.errors.values() if isinstance(error, NotFoundError)]
        if len(missing) < len(failed.errors):
            raise
        raise missing[0] from failed
    finally:
        if node is None:
            asked.stop().result()


def time_left(timeout: float | None) -> Callable[[], float | None]:
    """Tells what is left of so many seconds from now, 0 at least."""
    begun = time.monotonic()
    return lambda: None if timeout is None else max(0.0, timeout - (time.monotonic() - begun))


def _matching(node: NodeBase, ticket: Peer, pattern: str, timeout: float | None) -> list[str]:
    from ._errors import made

    wanted = [entry.name for entry in node.list(ticket, pattern, timeout=timeout).result()]
    if not wanted and pattern != "*":
        raise made(NotFoundError, f"fetch: nothing that matches {pattern!r} is served there",
                   "node.list(ticket) tells what is", operation="fetch")  # fmt: skip
    return wanted
