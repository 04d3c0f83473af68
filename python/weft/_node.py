"""weft.Node."""

from __future__ import annotations

from ._errors import ShuttingDownError
from ._weft import NodeBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed import StrPath

    from ._weft import Access, LaneName, Tensor


class Pushes:
    """What is pushed to a node, one after the other: `async for t in node.pushes("act*")`, or `for`.

    It ends when the node stops.
    """

    __slots__ = ("_node", "_pattern")

    def __init__(self, node: Node, pattern: str) -> None:
        self._node = node
        self._pattern = pattern

    def __aiter__(self) -> Pushes:
        return self

    async def __anext__(self) -> Tensor:
        try:
            return await self._node.receive(self._pattern)
        except ShuttingDownError:
            raise StopAsyncIteration from None

    def __iter__(self) -> Pushes:
        return self

    def __next__(self) -> Tensor:
        try:
            return self._node.receive(self._pattern).result()
        except ShuttingDownError:
            raise StopIteration from None


class Node(NodeBase):
    """One process's presence: it serves named tensors, pulls and pushes.

    A context manager, of `with` and of `async with`; it runs from when it is made to stop().  Any thread may call any
    member.  Keywords, each over what the environment says (WEFT_LISTEN, WEFT_ALLOW, WEFT_TRUST, WEFT_LANES,
    WEFT_IDENTITY, WEFT_INBOX_BYTES, WEFT_MEMORY_BYTES, WEFT_CONNECTIONS, WEFT_IDLE, WEFT_HEARTBEAT, WEFT_SPIN_US):

    listen        addresses: "127.0.0.1:0" (the default), ":7700", "unix:///PATH".  One that other hosts reach needs
                  an access rule other than local
    access        "local" (this host, the default), "any", a list of node ids, or a weft.Access
    identity      a key file, made when it is not there; without one a fresh identity
    lanes, trust  lanes that may be used; networks ("10.0.0.0/8") in which bulk may travel in clear
    connections, idle, dial_timeout      sessions at a time; seconds
    heartbeat, silent_after              seconds
    spin          seconds, 1 at most, that a node looks for work before it sleeps: it costs a processor
    inbox_bytes, memory_bytes, warm_bytes   bytes: of pushes not taken yet, of all landings, of those kept warm

    InvalidArgumentError: an address, a rule; ExistsError: the address is in use; ResourceExhaustedError.
    """

    def __init__(
        self, *, listen: str | Iterable[str] | None = None, access: str | Iterable[str] | Access | None = None,
        identity: StrPath | None = None, lanes: Iterable[LaneName] | None = None,
        trust: str | Iterable[str] | None = None, connections: int | None = None, idle: float | None = None,
        dial_timeout: float | None = None, heartbeat: float | None = None, silent_after: float | None = None,
        spin: float | None = None, inbox_bytes: int | None = None, memory_bytes: int | None = None,
        warm_bytes: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            listen=listen, access=access, identity=identity, lanes=lanes, trust=trust, connections=connections,
            idle=idle, dial_timeout=dial_timeout, heartbeat=heartbeat, silent_after=silent_after, spin=spin,
            inbox_bytes=inbox_bytes, memory_bytes=memory_bytes, warm_bytes=warm_bytes)  # fmt: skip

    def pushes(self, pattern: str = "*") -> Pushes:
        """What is pushed here under names that match, as it comes: `async for`, or `for`."""
        return Pushes(self, pattern)

    @property
    def pool_size(self) -> int:
        """Sessions with peers that are up."""
        return self.stats().sessions

    def __enter__(self) -> Node:
        self._check_running()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._inherited:  # a fork's child leaves the parent's node alone
            self.stop().result()

    async def __aenter__(self) -> Node:
        self._check_running()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._inherited:
            await self.stop()

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_") or name.startswith("__")]
