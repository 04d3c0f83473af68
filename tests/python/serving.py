"""A process of its own that serves files."""

import contextlib

from conftest import process

_SERVE = """
import sys, weft
with weft.serve(sys.argv[1]) as served:
    print(served.ticket, flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def serving(path):
    """The ticket of a process that serves a file or folder."""
    with process(_SERVE, path) as child:
        yield child.stdout.readline().strip()
