"""Lifetimes: what is collected, forked, or still running when the interpreter ends."""

import gc
import os
import sys
import sysconfig

import numpy as np
import pytest

import weft
from conftest import FREE_THREADED, descriptors, python, resident_bytes, soon, threads


def test_an_array_that_is_collected_while_it_is_pushed_arrives_whole(server, client):
    sends = []
    for i in range(20):
        sends.append(client.push(server.ticket, f"w{i}", np.full(1 << 20, i, "u1")))
    gc.collect()
    for i, send in enumerate(sends):
        t = server.receive(f"w{i}").result()
        assert (t.numpy() == i).all()
        send.result()


def test_a_node_that_is_collected_stops_and_frees_all():
    def one():
        server, client = weft.Node(), weft.Node()
        server.put("w", np.zeros(1000))
        client.get(server.ticket, "w").result()

    one()
    before = threads(), descriptors()
    for _ in range(5):
        one()
    gc.collect()
    soon(lambda: (threads(), descriptors()) <= before and threads() <= before[0], "the end of threads and descriptors")


def test_transfers_keep_their_node_until_they_are_done(server):
    server.put("w", np.arange(1 << 20))
    t = weft.Node().get(server.ticket, "w")
    gc.collect()
    np.testing.assert_array_equal(t.result().numpy(), np.arange(1 << 20))


def test_cycles_through_a_transfer_are_collected(server):
    import weakref

    class Thing:
        pass

    thing = Thing()
    thing.transfer = server.receive("never", timeout=100)
    thing.transfer.cancel()
    with pytest.raises(weft.CancelledError) as caught:
        thing.transfer.result()
    thing.error = caught.value
    del caught
    gone = weakref.ref(thing)
    del thing
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("how", ["end", "exit", "error", "in a thread", "in a loop"])
def test_an_interpreter_ends_with_a_node_that_runs(how):
    code = """
import asyncio, sys, threading, numpy as np, weft
how = sys.argv[1]
server, client = weft.Node(), weft.Node()
server.put("w", np.zeros(8 << 20, "u1"))
t = client.get(server.ticket, "w").result()
array = np.asarray(t)
running = [client.get(server.ticket, "w") for _ in range(8)] + [client.receive()]
print("ready", flush=True)
if how == "exit":
    sys.exit(0)
if how == "error":
    raise SystemExit(0) from ValueError("x")
if how == "in a thread":
    def wait():
        try:
            client.receive().result()
        except weft.ShuttingDownError:
            pass
    threading.Thread(target=wait, daemon=True).start()
if how == "in a loop":
    async def main():
        asyncio.ensure_future(asyncio.gather(*running))
        await asyncio.sleep(0)
    asyncio.run(main())
"""
    done = python(code, how, flags=["-W", "ignore::ResourceWarning"])
    assert done.stdout == "ready\n"
    assert "Traceback" not in done.stderr and "Fatal" not in done.stderr, done.stderr


def test_after_fork_the_child_is_told_and_the_parent_is_unharmed():
    code = """
import os, sys, threading, time, numpy as np, weft
server, client = weft.Node(), weft.Node()
server.put("w", np.arange(1000))
t = client.get(server.ticket, "w").result()
running = server.receive("later")
stop = threading.Event()
def traffic():
    while not stop.is_set():
        client.get(server.ticket, "w").result()
        server.put("x", np.arange(10))
threads = [threading.Thread(target=traffic) for _ in range(3)]
[thread.start() for thread in threads]
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        try:
            calls = [lambda: client.get(server.ticket, "w"), lambda: server.put("y", b"1"), lambda: server.ticket,
                     lambda: client.receive(), lambda: running.result(), lambda: running.cancel(), lambda: client.stop(),
                     lambda: client.stats(), lambda: server.remove("w"), lambda: client.try_receive()]
            for call in calls:
                try:
                    call()
                except weft.ShuttingDownError as error:
                    assert "not started" in str(error) and error.hint, error
                else:
                    os._exit(3)
            assert np.asarray(t)[999] == 999  # memory that was there is there
            repr(client), repr(running), running.done()
            del t, running
            import gc
            gc.collect()
            with weft.Node() as own:  # a node of the child's own works
                own.put("c", np.arange(5))
                assert own.get(own, "c").result().nbytes == 40
                with weft.Node() as other:
                    assert other.get(own.ticket, "c").result().numpy()[4] == 4
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(4)
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
stop.set()
[thread.join() for thread in threads]
assert client.get(server.ticket, "w").result().nbytes == 8000
client.push(server.ticket, "later", b"1").result()
assert running.result().name == "later"
print("unharmed")
"""
    assert python(code, seconds=120).stdout == "unharmed\n"


def test_a_forked_child_that_returns_from_main_ends_cleanly():
    code = """
import os, weft
node = weft.Node()
node.put("w", b"1")
pid = os.fork()
if pid:
    assert os.waitpid(pid, 0)[1] == 0
    print("done", node.get(node, "w").result().nbytes)
"""
    assert python(code).stdout == "done 1\n"


@pytest.mark.parametrize("within", ["weft.Node()", "weft.serve({'w': b'1'})", "node.lend('l', b'1')",
                                    "weft.safetensors.safe_open(node.ticket, 'np')"])  # fmt: skip
def test_a_forked_child_leaves_a_with_block_as_it_came(within):
    code = f"""
import os, sys, weft
node = weft.Node()
node.put("w", b"1")
with {within} as inside:
    pid = os.fork()
    if pid == 0:
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    if hasattr(inside, "ticket"):
        assert weft.Node().list(inside).exception() is None
    if "lend" in {within!r}:
        assert node.get(node, "l").result().nbytes == 1
    print("served on")
"""
    done = python(code)
    assert (done.stdout, "Traceback" in done.stderr) == ("served on\n", False), done.stderr


def test_a_forked_child_leaves_an_async_with_block_as_it_came():
    code = """
import asyncio, os, sys, weft
async def main():
    async with weft.Node() as node:
        node.put("w", b"1")
        pid = os.fork()
        if pid == 0:
            return 7
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        print((await node.get(node, "w")).nbytes)
    return 0
sys.exit(asyncio.run(main()))
"""
    assert python(code).stdout == "1\n"


def test_multiprocessing_by_fork_and_by_spawn_works(tmp_path):
    code = """
import multiprocessing, sys, weft
def pull(ticket, queue):
    with weft.Node() as node:
        queue.put(bytes(node.get(ticket, "w").result().bytes()))
if __name__ == "__main__":
    with weft.Node() as node:
        node.put("w", b"bytes")
        for how in ("fork", "spawn"):
            context = multiprocessing.get_context(how)
            queue = context.Queue()
            child = context.Process(target=pull, args=(node.ticket, queue))
            child.start()
            assert queue.get(timeout=30) == b"bytes"
            child.join(30)
            assert child.exitcode == 0, child.exitcode
    print("both")
"""
    script = tmp_path / "program.py"  # spawn imports it again
    script.write_text(code)
    assert python("import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')",
                  script).stdout == "both\n"  # fmt: skip


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
def test_a_sub_interpreter_is_refused_in_words(kind):
    code = """
import sys
import weft
try:
    import _interpreters as interpreters
    one = interpreters.create(sys.argv[1])
except ImportError:
    import _xxsubinterpreters as interpreters
    one = interpreters.create(isolated=sys.argv[1] == "isolated")
try:
    interpreters.run_string(one, '''
try:
    import weft
except ImportError as error:
    print("refused:", error)
''')
finally:
    interpreters.destroy(one)
with weft.Node() as node:
    node.put("w", b"1")
"""
    done = python(code, kind)
    assert done.stdout.startswith("refused:"), done
    assert "sub" in done.stdout


CYCLES = int(os.environ.get("WEFT_PYTHON_CYCLES", "100000"))


def test_cycles_of_put_get_push_leave_nothing(server, client):
    array, into = np.arange(512, dtype="i8"), np.empty(512, "i8")
    names = [f"n{i}" for i in range(8)]

    def cycle(count):
        for i in range(count):
            name = names[i % 8]
            server.put(name, array[: 256 + i % 8])
            client.get(server.ticket, name).result()
            if i % 8 == 0:
                client.get(server.ticket, name, into=into[: 256]).result()
            t = server.receive("act")
            client.push(server.ticket, "act", array).result()
            t.result()

    cycle(1000)
    gc.collect()
    before = resident_bytes(), threads(), descriptors(), len(gc.get_objects())
    cycle(CYCLES)
    gc.collect()
    assert threads() == before[1]
    assert descriptors() == before[2]
    assert len(gc.get_objects()) < before[3] + 100
    grown = resident_bytes() - before[0]
    assert grown < (8 << 20), f"{grown / CYCLES:.0f} bytes a cycle"


def test_nodes_that_come_and_go_leave_nothing():
    def one():
        with weft.Node() as server, weft.Node() as client:
            server.put("w", b"1234")
            client.get(server.ticket, "w").result()

    for _ in range(3):
        one()
    gc.collect()
    before = threads(), descriptors(), resident_bytes()
    for _ in range(60):
        one()
    gc.collect()
    soon(lambda: threads() <= before[0] and descriptors() <= before[1], "the end of threads and descriptors")
    assert resident_bytes() - before[2] < (32 << 20)


free_threaded = pytest.mark.skipif(not FREE_THREADED, reason="this Python always has the GIL")
UNTOLD = {key: value for key, value in os.environ.items() if key != "PYTHON_GIL"}


@free_threaded
def test_importing_turns_the_gil_of_a_free_threaded_python_on():
    code = "import sys; before = sys._is_gil_enabled(); import weft; print(before, sys._is_gil_enabled())"
    done = python(code, env=UNTOLD)
    assert done.stdout == "False True\n"
    assert "RuntimeWarning" in done.stderr and "weft._weft" in done.stderr


@free_threaded
def test_a_python_that_is_kept_without_the_gil_is_refused_in_words():
    code = """
import sys
try:
    import weft
except ImportError as error:
    print(error, sys._is_gil_enabled())
"""
    for how in ({"env": UNTOLD, "flags": ["-X", "gil=0"]}, {"env": {**UNTOLD, "PYTHON_GIL": "0"}}):
        assert python(code, **how).stdout.startswith("weft needs the GIL, and PYTHON_GIL=0"), how
