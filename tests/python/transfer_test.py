"""weft.Transfer where it is blocked on, or dropped."""

import asyncio
import concurrent.futures
import gc
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import weft
from conftest import SECONDS, python, soon


def test_it_runs_already_and_says_so(server, client):
    t = server.receive("a")
    assert not t.done()
    assert "receive: running" in repr(t)
    client.push(server.ticket, "a", b"1234").result()
    soon(t.done)
    assert t.result() is t.result()
    assert t.exception() is None
    assert "receive: done" in repr(t)
    assert not t.cancel()
    assert not t.cancelled()


def test_result_within_a_time_leaves_it_running(server, client):
    t = server.receive("late")
    with pytest.raises(TimeoutError, match="still running"):
        t.result(0.05)
    assert not t.done()
    client.push(server.ticket, "late", b"1").result()
    assert t.result(SECONDS).name == "late"


def test_timeout_is_the_calls_own_deadline(server):
    t = server.receive("never", timeout=0.05)
    with pytest.raises(weft.DeadlineExceededError) as caught:
        t.result()
    assert isinstance(caught.value, TimeoutError)
    assert t.exception() is caught.value
    with pytest.raises(weft.InvalidArgumentError):
        server.receive(timeout=-1)
    with pytest.raises(weft.InvalidArgumentError):
        server.receive(timeout="soon")


def test_cancel_ends_it_and_result_says_so(server, client):
    t = server.receive("x")
    assert t.cancel()
    assert t.done() and t.cancelled()
    with pytest.raises(weft.CancelledError):
        t.result()
    # What comes now is for who receives next.
    send = client.push(server.ticket, "x", b"1")
    assert server.receive("x").result().name == "x"
    send.result()


def test_one_that_is_dropped_is_cancelled_with_a_warning(server, client):
    with pytest.warns(ResourceWarning, match="receive.*nobody awaited.*cancelled"):
        server.receive("dropped")
        gc.collect()
    send = client.push(server.ticket, "dropped", b"1")
    assert server.receive("dropped").result().name == "dropped"
    send.result()


def test_a_push_that_came_for_a_dropped_receive_is_kept_for_the_next(server, client):
    t = server.receive("kept")
    client.push(server.ticket, "kept", b"abcd").result()
    soon(t.done)
    with pytest.warns(ResourceWarning, match="nobody awaited$"):
        del t
        gc.collect()
    assert bytes(server.receive("kept").result(5).bytes()) == b"abcd"


def test_one_that_was_looked_at_is_dropped_without_a_word(server, client):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        t = server.receive()
        with pytest.raises(TimeoutError):
            t.result(0.01)
        del t
        t = server.receive()
        t.cancel()
        del t
        gc.collect()


def test_dropping_it_returns_when_into_is_quiet(server, client):
    server.put("w", np.ones(64 << 20, "u1"))
    server.put("after", np.ones(1 << 20, "u1"))
    into = np.zeros(64 << 20, "u1")
    for _ in range(5):
        t = client.get(server.ticket, "w", into=into)
        soon(lambda: t.progress().done > 0 or t.done())
        t.exception(0) if t.done() else t.cancel()
        del t
        into[:] = 7
        before = into.copy()
        client.get(server.ticket, "after").result()  # by then what was left to write is gone
        np.testing.assert_array_equal(into, before)


def test_progress_counts_the_bytes(server, client):
    server.put("w", np.ones(8 << 20, "u1"))
    t = client.get(server.ticket, "w")
    t.result()
    p = t.progress()
    assert (p.done, p.total) == (8 << 20, 8 << 20)
    assert p.bytes_per_second > 0
    assert t.id


def test_many_threads_share_a_node(server, client):
    arrays = {f"w{i}": np.full(1000 + i, i) for i in range(32)}
    for name, array in arrays.items():
        server.put(name, array)

    def pull(i):
        for _ in range(20):
            np.testing.assert_array_equal(client.get(server.ticket, f"w{i}").result().numpy(), arrays[f"w{i}"])
        return client.push(server.ticket, f"back{i}", arrays[f"w{i}"])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sends = list(pool.map(pull, range(32)))
    names = {server.receive("back*").result().name for _ in range(32)}
    assert names == {f"back{i}" for i in range(32)}
    assert all(send.result().bytes for send in sends)


def test_many_threads_wait_for_one_transfer(server, client):
    t = server.receive("one")
    got = []
    waiters = [threading.Thread(target=lambda: got.append(t.result(10))) for _ in range(8)]
    for waiter in waiters:
        waiter.start()
    client.push(server.ticket, "one", b"1").result()
    for waiter in waiters:
        waiter.join(10)
    assert len(got) == 8
    assert all(g is got[0] for g in got)


@pytest.fixture
def switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def outcomes(*calls):
    """What calls give or raise that begin at once in a thread each."""
    got = [None] * len(calls)
    ready = threading.Barrier(len(calls))

    def one(i):
        ready.wait()
        try:
            got[i] = calls[i]()
        except BaseException as error:
            got[i] = error

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    return got


def test_threads_that_look_at_once_get_the_same(server, client, switching):  # [T-31]
    names = [f"n{i}" for i in range(300)]
    for _ in range(60):
        t = client.get_many(server.ticket, names)
        got = outcomes(t.result, t.result, t.exception, t.result)
        assert [type(one).__name__ for one in got] == ["Results", "Results", "NoneType", "Results"], got
        assert got[0] is got[1] is got[3] and len(got[0]) == 300
    for _ in range(100):
        t = client.get(server.ticket, "nope")
        got = outcomes(t.result, t.exception, t.result, t.result)
        assert isinstance(got[0], weft.NotFoundError) and all(one is got[0] for one in got), got
    for _ in range(200):
        t = server.receive("never")
        got = outcomes(t.cancel, t.result, t.result, t.result)
        assert [type(one).__name__ for one in got] == ["bool"] + ["CancelledError"] * 3, got
        assert got[1] is got[2] is got[3]


def test_a_thread_and_a_loop_that_look_at_once_get_the_same(server, client, switching, run):  # [T-31]
    names = [f"n{i}" for i in range(300)]

    async def main():
        for _ in range(60):
            t = client.get_many(server.ticket, names)
            other = asyncio.get_running_loop().run_in_executor(None, t.result)
            assert (await t) is (await other)
            t = server.receive("never")
            other = asyncio.get_running_loop().run_in_executor(None, t.exception)
            await asyncio.sleep(0)
            t.cancel()
            with pytest.raises(asyncio.CancelledError):
                await t
            with pytest.raises((weft.CancelledError, asyncio.CancelledError)):
                await other

    run(main())


def test_python_code_within_the_making_of_a_value_may_look_at_it(server, client, monkeypatch):
    from weft import _results

    seen = []
    t = client.get_many(server.ticket, ["n"])

    class Looks(_results.Results):
        def __init__(self, made):
            super().__init__(made)
            with pytest.raises(RuntimeError, match="is being made"):
                t.result()
            seen.extend(outcomes(t.done, lambda: repr(t)))

    monkeypatch.setattr(_results, "Results", Looks)
    assert isinstance(t.result(), Looks)
    assert t.result() is t.result()
    assert seen == [True, "<weft.Transfer get_many: done>"]


def test_other_threads_run_while_one_blocks(server):
    t = server.receive("never")

    def end_it():
        for _ in range(1000):
            time.sleep(0)  # lets go of the interpreter, and is given it again
        t.cancel()

    other = threading.Thread(target=end_it)
    other.start()
    with pytest.raises(weft.CancelledError):  # by the other thread, and not by the time
        t.result(SECONDS)
    other.join()


def test_ctrl_c_gets_through_a_blocked_result():
    code = """
import os, signal, threading, time, weft
node = weft.Node()
t = node.receive("never")
main = threading.main_thread()
waits = False
def is_blocked():
    with open(f"/proc/self/task/{main.native_id}/stat") as stat:
        return waits and stat.read().rsplit(")", 1)[1].split()[0] == "S"
def send():
    for _ in range(3):  # not only by chance
        while not is_blocked():
            time.sleep(0.001)
        time.sleep(0.001)
    signal.pthread_kill(main.ident, signal.SIGINT)
try:
    threading.Thread(target=send).start()
    waits = True
    t.result()
except KeyboardInterrupt:
    print("interrupted", t.done())
node.stop().result()
"""
    assert python(code).stdout == "interrupted False\n"


def test_a_signal_handler_runs_while_a_result_is_waited_for(server):
    t = server.receive("never")
    old = signal.signal(signal.SIGALRM, lambda *_: t.cancel())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(weft.CancelledError):  # by the handler, and not by the time
            t.result(SECONDS)
    finally:
        signal.signal(signal.SIGALRM, old)
