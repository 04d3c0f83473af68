"""weft.Transfer in event loops: asyncio's and uvloop's."""

import asyncio
import gc
import os
import sys
import threading

import numpy as np
import pytest

import weft
from conftest import SECONDS, descriptors, soon


def test_await_gives_the_value_or_raises(server, client, run):
    array = np.arange(1 << 16)
    server.put("w", array)

    async def main():
        t = await client.get(server.ticket, "w")
        np.testing.assert_array_equal(t.numpy(), array)
        with pytest.raises(weft.NotFoundError):
            await client.get(server.ticket, "nope")
        again = client.get(server.ticket, "w")
        assert (await again) is (await again)
        done = client.get(server.ticket, "w")
        soon(done.done)
        assert (await done).name == "w"

    run(main())


def test_gather_takes_a_thousand_as_they_are(server, client, run):
    server.put("w", np.arange(512))

    async def main():
        before = len(asyncio.all_tasks())
        gathering = asyncio.gather(*[client.get(server.ticket, "w") for _ in range(1000)])
        assert len(asyncio.all_tasks()) == before  # no task around each
        tensors = await gathering
        assert all(int(t.numpy().sum()) == 511 * 256 for t in tensors)
        some = await asyncio.gather(client.get(server.ticket, "w"), client.get(server.ticket, "no"),
                                    return_exceptions=True)  # fmt: skip
        assert some[0].name == "w" and isinstance(some[1], weft.NotFoundError)
        with pytest.raises(weft.NotFoundError):
            await asyncio.gather(client.get(server.ticket, "no"), client.get(server.ticket, "w"))

    run(main())


def test_many_completions_are_one_wake_up(server, client):
    server.put("w", np.arange(512))

    async def main():
        loop = asyncio.get_running_loop()
        await client.get(server.ticket, "w")
        drains = 0
        port = loop._weft_port
        fd = [key for key in loop._selector.get_map() if key not in (loop._ssock.fileno(),)][0]

        def counted():
            nonlocal drains
            drains += 1
            port.drain()

        loop.add_reader(fd, counted)
        pulls = [client.get(server.ticket, "w") for _ in range(500)]
        everyone = asyncio.gather(*pulls)
        soon(lambda: all(p.done() for p in pulls))  # the loop does not turn meanwhile
        await everyone
        return drains

    assert asyncio.run(main()) <= 2


def test_wait_for_and_timeout_cancel_it(server, client, run):  # [T-12]
    async def main():
        pull = server.receive("x")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(pull, 0.02)
        assert pull.cancelled()
        if sys.version_info >= (3, 11):
            pull = server.receive("x")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await pull
            assert pull.cancelled()
        # A push that comes now is nobody's yet: it waits for who receives next.
        send = client.push(server.ticket, "x", b"1")
        assert (await server.receive("x")).name == "x"
        await send

    run(main())


def test_cancelling_the_task_cancels_the_transfer(server, run):
    async def main():
        pull = server.receive("x")

        async def wait():
            await pull

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pull.done() and pull.cancelled()
        pull = server.receive("x")
        pull.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pull

    run(main())


def test_cancelling_a_get_into_returns_when_no_write_can_come(server, client, run):
    server.put("w", np.ones(64 << 20, "u1"))
    server.put("after", np.ones(1 << 20, "u1"))
    into = np.zeros(64 << 20, "u1")

    async def main():
        for _ in range(5):
            pull = client.get(server.ticket, "w", into=into)
            task = asyncio.ensure_future(asyncio.wait_for(pull, 0.004))
            try:
                await task
            except asyncio.TimeoutError:
                assert pull.done()
                into[:] = 7
                await client.get(server.ticket, "after")  # by then what was left to write is gone
                assert (into == 7).all()

    run(main())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups came with Python 3.11")
def test_task_groups_and_create_task_take_it_as_a_coroutine(server, client, run):
    server.put("w", np.arange(4))

    async def main():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(client.get(server.ticket, "w")) for _ in range(10)]
        assert all(t.result().name == "w" for t in tasks)
        with pytest.raises(BaseExceptionGroup) as caught:  # noqa: F821
            async with asyncio.TaskGroup() as group:
                group.create_task(client.get(server.ticket, "nope"))
                waiting = group.create_task(server.receive("x"))
        assert isinstance(caught.value.exceptions[0], weft.NotFoundError)
        assert waiting.cancelled()

    run(main())


def test_wait_as_completed_and_shield_take_it(server, client, run):
    server.put("w", np.arange(4))

    async def main():
        # wait() takes tasks only; a Transfer is a coroutine to it, as it is to create_task and to task groups.
        refused = client.get(server.ticket, "w")
        if sys.version_info >= (3, 11):
            with pytest.raises(TypeError):
                await asyncio.wait([refused])
        await refused
        pulls = [asyncio.create_task(client.get(server.ticket, "w")) for _ in range(5)]
        done, pending = await asyncio.wait(pulls, timeout=SECONDS)
        assert done == set(pulls) and not pending
        names = [(await t).name for t in asyncio.as_completed([client.get(server.ticket, "w") for _ in range(5)])]
        assert names == ["w"] * 5
        inner = server.receive("s")
        outer = asyncio.shield(inner)
        outer.cancel()
        await asyncio.sleep(0)
        assert not inner.cancelled()
        inner.cancel()

    run(main())


def test_callbacks_run_in_their_context_and_may_raise(server, client, run):
    import contextvars

    variable = contextvars.ContextVar("variable", default="none")

    async def main():
        loop = asyncio.get_running_loop()
        told = []
        loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))
        pull = server.receive("cb")
        seen = []
        context = contextvars.copy_context()
        context.run(variable.set, "inside")
        pull.add_done_callback(lambda t: seen.append((variable.get(), t)), context=context)

        def fails(_):
            raise ValueError("in a callback")

        removed = lambda t: seen.append("removed")  # noqa: E731
        pull.add_done_callback(fails)
        pull.add_done_callback(removed)
        assert pull.remove_done_callback(removed) == 1
        pull.add_done_callback(lambda t: seen.append("after"))
        await client.push(server.ticket, "cb", b"1")
        await pull
        assert seen[0] == ("inside", pull)
        assert seen[1:] == ["after"]
        assert [str(e) for e in told] == ["in a callback"]
        late = asyncio.Event()
        pull.add_done_callback(lambda t: late.set())
        await late.wait()

    run(main())


def test_a_loop_that_closes_first_leaves_nothing_behind(server, client):
    before = descriptors()

    async def main(pulls):
        pull = server.receive("never")
        pull.add_done_callback(lambda t: None)
        pulls.append(weft.Transfer)
        task = asyncio.ensure_future(asyncio.wait_for(pull, 100))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel  # left as it is  # noqa: B018

    for _ in range(20):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main([]))
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False
        loop.close()
        del loop, task
    gc.collect()
    soon(lambda: gc.collect() is not None and descriptors() <= before + 1, "the descriptors' end")
    send = client.push(server.ticket, "never", b"1")
    assert server.receive("never").result(SECONDS).name == "never"
    send.result()


def test_each_thread_may_have_a_loop_of_its_own(server, client):
    server.put("w", np.arange(100))
    got = []

    def one():
        async def main():
            return [(await client.get(server.ticket, "w")).name for _ in range(50)]

        got.extend(asyncio.run(main()))

    workers = [threading.Thread(target=one) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(SECONDS)
    assert got == ["w"] * 300


def test_a_transfer_belongs_to_the_loop_that_awaited_it_first(server):
    pull = server.receive("x")

    async def first():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(pull), 0.01)

    async def second():
        with pytest.raises(RuntimeError, match="loop"):
            await pull

    asyncio.run(first())
    asyncio.run(second())
    pull.cancel()


def test_stop_is_called_from_the_loop_and_twice(run):  # [T-13]
    async def main():
        node = weft.Node()
        waiting = asyncio.ensure_future(node.receive())
        await asyncio.sleep(0)
        await asyncio.gather(node.stop(), node.stop())
        with pytest.raises(weft.ShuttingDownError, match="not started"):
            await waiting
        await node.stop()

    run(main())


def test_await_outside_of_a_loop_is_refused(server):
    pull = server.receive("x")
    with pytest.raises(RuntimeError, match=r"running event loop.*coroutine.*result\(\)"):
        next(iter(pull))
    loop = asyncio.new_event_loop()
    with pytest.raises(RuntimeError, match=r"running event loop.*coroutine.*result\(\)"):
        loop.run_until_complete(pull)
    loop.close()
    pull.cancel()


def test_asyncio_run_takes_it(server, client):
    server.put("w", np.arange(4))
    assert asyncio.run(client.get(server.ticket, "w")).name == "w"


def test_an_exception_that_is_an_exit_ends_the_loop_and_loses_no_other(server, client):
    server.put("w", np.arange(4))
    seen = []

    async def main():
        pulls = [client.get(server.ticket, "w") for _ in range(3)]

        def leave(_):
            raise SystemExit(3)

        for pull in pulls:
            pull.add_done_callback(leave if pull is pulls[0] else seen.append)
        soon(lambda: all(p.done() for p in pulls))
        await asyncio.sleep(SECONDS)

    loop = asyncio.new_event_loop()
    with pytest.raises(SystemExit):
        loop.run_until_complete(main())
    assert len(seen) == 2
    for task in asyncio.all_tasks(loop):
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
    assert os.getpid()


def test_a_task_cancelled_when_its_tensor_has_come_leaves_it_to_the_next(server, client, run):
    async def main():
        async def take():
            return await server.receive()

        task = asyncio.ensure_future(take())
        await asyncio.sleep(0)
        client.push(server.ticket, "x", b"1").result()
        soon(lambda: server.stats().receives == 1)  # it has come, and the loop has not heard of it
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await asyncio.wait_for(server.receive(), SECONDS)).name == "x"
        assert server.try_receive() is None

    run(main())


def test_a_cancelled_push_says_whether_it_may_have_arrived(server, client, run):
    async def main():
        held = asyncio.ensure_future(push_of(bytes(1 << 20)))  # nobody receives: it has not been sent
        await asyncio.wait_for(client.ping(server.ticket), SECONDS)
        held.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await held
        assert caught.value.may_have_arrived is False
        assert server.try_receive() is None
        met = set()
        for i in range(2000):
            sent = asyncio.ensure_future(push_of(b"%d" % i))
            await asyncio.sleep(0)
            if i % 2:
                await asyncio.sleep(0.0002)
            sent.cancel()
            try:
                await sent
                said = "done"
            except asyncio.CancelledError as error:
                said = getattr(error, "may_have_arrived", None)
            await client.push(server.ticket, "mark", b"")
            got = [(await server.receive()).name]
            while got[-1] != "mark":
                got.append((await server.receive()).name)
            assert got == ["mark"] or (got == ["x", "mark"] and said is not False), (said, got)
            met.add((said, len(got)))
            if (True, 2) in met and len(met) > 1:
                return
        raise AssertionError(f"never cancelled one that had arrived: {met}")

    async def push_of(data):
        return await client.push(server.ticket, "x", data)

    run(main())
