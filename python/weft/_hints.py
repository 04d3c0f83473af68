"""What to do next, in Python's words: the engine's hints name the command's."""

from __future__ import annotations

import re

# In this order: what is longer comes first.
_WORDS = [
    (r"`weft help COMMAND` shows a command's form", "help(weft.Node{member}) shows its form"),
    (r"with the log at its most talkative \(-vv\)", "with what logging.getLogger(\"weft\") says at its most talkative"),
    (r"`weft id` prints our id for its --allow", "its access= takes our node.id"),
    (r"node ids as `weft id` prints them there", "node ids, as node.id tells them there"),
    (r"--allow any, or --allow NODEID for each peer", "access=\"any\", or access=[node ids]"),
    (r"--allow OUR-ID", "access=[our node.id]"),
    (r"--allow ?$", "access="),
    (r"--allow (\S+)", r'access=["\1"]'),
    (r"--trust NET", "trust=[NETWORK]"),
    (r"\(--timeout\)", "(timeout=)"),
    (r"--timeout", "timeout="),
    (r"`?weft ls TICKET`?", "node.list(ticket)"),
    (r"`?weft explain TICKET NAME`?", "node.explain(ticket, name)"),
    (r"`?weft explain`?", "node.explain(ticket, name)"),
    (r"`?weft ping`?", "node.ping(ticket)"),
    (r"`?weft info`?", "node.lanes()"),
    (r"`?weft version`?", "weft.__version__"),
    (r"weft recv, node.receive or on_offer", "node.receive"),
    (r"weft recv prints the ticket of a node that takes pushes", "take the ticket of a node that receives"),
]
_ALL = [(re.compile(words), ours) for words, ours in _WORDS]


def in_python(hint: str, operation: str) -> str:
    """A hint of the engine's to a call of this package."""
    if "weft" not in hint and "-" not in hint:
        return hint
    for words, ours in _ALL:
        hint = words.sub(ours, hint)
    return hint.replace("{member}", f".{operation}" if operation in _CALLS else "")


_CALLS = frozenset(
    "put put_many lend serve remove get get_many push receive try_receive list explain ping stop".split()
)
