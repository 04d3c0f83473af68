"""What Python gave is let go of, with or without a node, and threads that are in Weft when the interpreter ends."""

import asyncio
import gc
import mmap
import threading

import numpy as np
import pytest

import weft
from conftest import python
from weft.safetensors import load_file, save_file


def test_memory_that_was_viewed_goes_with_the_view():
    code = """
import weakref, numpy as np, weft
class Array(np.ndarray):
    pass
array = np.zeros(8, "u1").view(Array)
gone = weakref.ref(array)
view = weft.view(array)
del array
assert gone() is not None
del view
assert gone() is None, "a view that is gone holds its array"
"""
    python(code)


def test_saved_arrays_are_not_kept(tmp_path):
    code = """
import sys, weakref, numpy as np
from weft.safetensors import save_file
class Array(np.ndarray):
    pass
array = np.zeros(8, "u1").view(Array)
gone = weakref.ref(array)
save_file({"a": array}, sys.argv[1])
del array
assert gone() is None, "save_file keeps what it has written"
"""
    python(code, tmp_path / "a.safetensors")


@pytest.mark.parametrize("how", ["load_file(path, framework='np')", "safe_open(path, 'np').get_tensor('a')"])
def test_files_that_were_read_leave_no_descriptor(tmp_path, how):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.ones(10)}, path)
    code = f"""
import resource, sys, numpy
from weft.safetensors import load_file, safe_open
path = sys.argv[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
for _ in range(500):
    {how}
"""
    python(code, path)


def test_no_descriptor_left_is_resource_exhausted(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.ones(10)}, path)

    def refuse(*_args, **_keywords):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(mmap, "mmap", refuse)
    with pytest.raises(weft.ResourceExhaustedError, match="Too many open files"):
        load_file(path, framework="np")


@pytest.mark.parametrize("body", [
    "while True: node.try_receive()",
    "for _ in node.pushes(): pass",
    "node.receive().result()",
    "while True: node.get(node, 'w').exception()",
])  # fmt: skip
def test_daemon_threads_within_weft_end_with_the_interpreter(body):
    code = f"""
import threading, weft
node = weft.Node()
node.put("w", b"1")
begun = threading.Barrier(4)
def work():
    begun.wait()
    try:
        {body}
    except weft.ShuttingDownError:
        pass
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
begun.wait()
for _ in range(1000):  # now they have their turns of the interpreter
    node.stats()
"""
    for _ in range(8):
        python(code)


def test_who_blocks_gets_wefts_cancelled_error_though_a_loop_awaits(server, run):
    t = server.receive("never")
    seen = []

    def block():
        try:
            t.result()
        except BaseException as error:
            seen.append(type(error))

    thread = threading.Thread(target=block)
    thread.start()

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(t, 0.1)

    run(main())
    thread.join()
    assert seen == [weft.CancelledError]
    with pytest.raises(weft.CancelledError):
        t.exception()


def test_a_tasks_cancel_message_arrives(server, run):
    async def main():
        async def wait():
            await server.receive("never")

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0.05)
        task.cancel("why")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.args == ("why",)

    run(main())


def test_a_second_loop_is_refused_and_the_first_gets_the_value(server, client, run):
    t = server.receive("later")

    async def second():
        await t

    async def first():
        async def wait():
            return await t

        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(second()))
        assert not t.cancelled()
        await client.push(server.ticket, "later", b"1")
        assert (await waiting).name == "later"

    run(first())


def test_bounds_that_are_no_number_are_refused(server):
    t = server.receive("never")
    for call in (t.result, t.exception, t.wait):
        with pytest.raises(weft.InvalidArgumentError):
            call(float("nan"))
    with pytest.raises(weft.InvalidArgumentError):
        t.wait("x")
    t.cancel()
    assert t.wait() and t.wait(None)
    with weft.serve({"w": b"1"}) as served:
        for bound in (float("nan"), "x"):
            with pytest.raises(weft.InvalidArgumentError):
                served.wait(bound)


def test_a_forked_child_that_names_its_parents_node_as_peer_is_told():
    python("""
import os, weft
node = weft.Node()
pid = os.fork()
if pid == 0:
    try:
        weft.Node().get(node, "w")
    except weft.ShuttingDownError:
        os._exit(0)
    finally:
        os._exit(1)
assert os.waitpid(pid, 0)[1] == 0
""")


def test_a_node_that_is_dropped_while_it_runs_warns():
    with pytest.warns(ResourceWarning, match="not stopped"):
        weft.Node()
        gc.collect()


def test_what_has_ended_says_so():
    with weft.Node() as node:
        loan = node.lend("l", b"1")
        assert repr(loan) == "<weft.Loan of 'l', generation 1>"
        loan.end()
        assert repr(loan).endswith(": ended>")
    assert repr(node).endswith(", stopped>")
