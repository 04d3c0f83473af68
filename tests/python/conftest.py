"""What the tests of the Python package share: nodes, a process that serves, counts that must be flat."""

import asyncio
import contextlib
import gc
import os
import pathlib
import subprocess
import sys
import sysconfig
import time

import pytest

import weft

SECONDS = 20.0
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
if FREE_THREADED:
    # Importing weft turns the GIL on, with a warning. The Pythons that tests start have it on from the beginning.
    os.environ.setdefault("PYTHON_GIL", "1")


@pytest.fixture
def server():
    with weft.Node() as node:
        yield node


@pytest.fixture
def client():
    with weft.Node() as node:
        yield node


def loop_kinds():
    kinds = ["asyncio"]
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: F401

        kinds.append("uvloop")
    return kinds


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine in a loop of each kind, within SECONDS."""
    if request.param == "uvloop":
        uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
        new_loop = uvloop.new_event_loop
    else:
        new_loop = asyncio.new_event_loop

    def run(coroutine):
        loop = new_loop()
        try:
            return loop.run_until_complete(asyncio.wait_for(coroutine, SECONDS))
        finally:
            loop.close()

    return run


def soon(condition, what="it"):
    """Waits for a condition under a watchdog."""
    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come about in {SECONDS:.0f} s")
        time.sleep(0.002)


def python(code, *arguments, seconds=60, flags=(), **options):
    """A Python of its own that runs code; its output."""
    done = subprocess.run([sys.executable, *flags, "-c", code, *map(str, arguments)], capture_output=True, text=True,
                          timeout=seconds, **options)  # fmt: skip
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@contextlib.contextmanager
def process(code, *arguments):
    """A Python of its own: it prints a line when it is ready, and ends when its stdin closes."""
    with subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as child:  # fmt: skip
        try:
            yield child
        finally:
            with contextlib.suppress(OSError):
                child.stdin.close()
            try:
                child.wait(SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                raise


def resident_bytes():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads():
    return len(os.listdir("/proc/self/task"))


def collect():
    gc.collect()
    gc.collect()
