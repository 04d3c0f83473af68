"""What the tests of weft.compat share."""

import asyncio
import contextlib
import faulthandler
import gc
import os
import pathlib
import struct
import time

import pytest

from weft.compat.tensor_protocol import PyTensorNode, TensorData, TensorMetadata, create_node

SECONDS = 30.0
ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ROOT / "python" / "compat"  # tensor_protocol, tensor_protocol_py, tensor_iroh


def run(main, seconds=SECONDS):
    """Runs main() in an event loop, within so many seconds, whatever blocks."""
    faulthandler.dump_traceback_later(2 * seconds, exit=True)
    try:
        return asyncio.run(asyncio.wait_for(main(), seconds))
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextlib.asynccontextmanager
async def started(count, make=create_node, **options):
    """So many nodes, started; shut down at the end."""
    nodes = [make(**options) for _ in range(count)]
    try:
        for node in nodes:
            await node.start()
        yield nodes
    finally:
        for node in nodes:
            node.shutdown()


def pyo3(**options):
    return PyTensorNode(**options)


async def soon(condition, what="it"):
    """Waits for a condition under a watchdog."""
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, f"{what} did not come about in {SECONDS:.0f} s"
        await asyncio.sleep(0.002)


def ramp(*shape):
    """The float32 tensor 0, 1, 2…"""
    count = 1
    for axis in shape:
        count *= axis
    return TensorData(TensorMetadata(list(shape), "float32", False), struct.pack(f"{count}f", *range(count)))


def opaque(dtype, data=b"1234", shape=(1,)):
    return TensorData(TensorMetadata(list(shape), dtype, False), data)


async def outcome(awaitable):
    """What it gives, or the exception it raises."""
    try:
        return await awaitable
    except Exception as error:
        return error


def held():
    """(descriptors, threads) of this process, without what only the collector keeps."""
    gc.collect()
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def skip_unless_free(count):
    """Skips a test that wants so many bytes, where they are not free, or where a sanitizer makes each cost more."""
    if count > 1 << 30 and "WEFT_PYTHON_INSTRUMENTED" in os.environ:
        pytest.skip("too large for an instrumented build")
    if available_bytes() < count:
        pytest.skip(f"{count >> 20} MiB of memory are not free")


def available_bytes():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("/proc/meminfo has no MemAvailable")


def flat(before):
    """Whether no more is held than before; what earlier tests left may have gone meanwhile."""
    return all(now <= then for now, then in zip(held(), before))
