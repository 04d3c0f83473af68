"""weft.fetch: what somebody serves, as a dict, in one line."""

from __future__ import annotations

from ._node import Node


def fetch(ticket, names="*", *, device=None, timeout=None, progress=None, lane=None, node=None):
    """All tensors of a ticket whose names match: dict[str, Tensor], of one snapshot of the peer's catalog.

    names: a glob, or names.  timeout: seconds for all of it.  progress: True for a bar, or a callable taking a
    Progress.  node: one of yours to ask with; without it a node is made for this call (the tensors outlive it).
    BatchError where one of them cannot be had; NotFoundError where a name is not there, or nothing matches a glob;
    and those of node.get.
    """
    if device is not None and str(device) != "cpu":
        from ._errors import UnsupportedError

        raise UnsupportedError(f"fetch: device={device}: Weft lands in host memory yet")
    own = Node() if node is None else None
    asked = own or node
    try:
        wanted = list(names) if not isinstance(names, str) else _matching(asked, ticket, names, timeout)
        tensors = asked.get_many(ticket, wanted, timeout=timeout, progress=progress, lane=lane).result().unwrap()
        return dict(zip(wanted, tensors))
    finally:
        if own is not None:
            own.stop().result()


def _matching(node, ticket, pattern, timeout):
    from ._errors import NotFoundError

    wanted = [entry.name for entry in node.list(ticket, pattern, timeout=timeout).result()]
    if not wanted and pattern != "*":
        error = NotFoundError(f"fetch: nothing that matches \"{pattern}\" is served there")
        error.hint = "node.list(ticket) tells what is"
        error.operation = "fetch"
        raise error
    return wanted
