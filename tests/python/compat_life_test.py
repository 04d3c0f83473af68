"""Creation, start, shutdown: what they open, what they end, and that all of it is given back."""

import asyncio
import signal
import socket
import threading

import pytest

import weft
from compat_support import flat, held, opaque, outcome, pyo3, ramp, run, soon, started
from conftest import process
from weft.compat.tensor_protocol import PyTensorNode, TensorError, create_node


@pytest.mark.parametrize("make", [create_node, PyTensorNode])
def test_a_thousand_nodes_that_are_not_started_open_nothing(make):  # [T-01]
    before = held()
    nodes = [make() for _ in range(1000)]
    assert held() == before
    for node in nodes[:10]:
        node.shutdown()
        node.shutdown()
    assert held() == before


@pytest.mark.parametrize("make", [create_node, pyo3])
def test_two_hundred_lives_leave_descriptors_and_threads_as_they_were(make):  # [T-32]
    async def main():
        async def live():
            async with started(2, make) as (sender, receiver):
                address = await receiver.get_node_addr()
                if make is create_node:
                    await sender.send_tensor_direct(address, "x", ramp(64, 64))
                else:
                    from weft.compat.tensor_protocol import PyTensorData

                    await sender.send_tensor(address, "x", PyTensorData(bytes(16384), [64, 64], "float32"))
                assert await receiver.receive_tensor() is not None

        for _ in range(5):
            await live()
        before = held()
        for _ in range(200):
            await live()
        await soon(lambda: flat(before), f"{before} descriptors and threads")

    run(main, seconds=120)


def test_start_is_idempotent_and_its_options_are_checked():  # [T-02]
    async def main():
        node = create_node(None, connections=3, idle=1.0, heartbeat=0.2)
        await asyncio.gather(node.start(), node.start())
        address = await node.get_node_addr()
        await node.start()
        assert await node.get_node_addr() == address
        node.shutdown()
        with pytest.raises(TypeError, match="no option nonsense"):
            create_node(None, nonsense=1)
        for listen in ("no address", "256.1.1.1:0"):
            with pytest.raises(TensorError.Connection):
                await create_node(None, listen=listen).start()

    run(main)


def test_a_port_that_is_taken_is_a_connection_error_and_free_after_shutdown():  # [T-02]
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(TensorError.Connection, match="^Connection error: "):
                await create_node(None, listen=f"127.0.0.1:{port}").start()
        for _ in range(3):
            node = create_node(None, listen=f"127.0.0.1:{port}")
            await node.start()
            node.shutdown()
            with socket.create_server(("127.0.0.1", port)):
                pass

    run(main)


def test_the_environment_stands_over_the_defaults_and_keywords_over_it(monkeypatch):
    monkeypatch.setenv("WEFT_CONNECTIONS", "2")

    async def main():
        async with started(1) as (by_environment,), started(1, connections=1) as (by_keyword,), started(3) as receivers:
            for sender, most in ((by_environment, 2), (by_keyword, 1)):
                for receiver in receivers:
                    await sender.send_tensor_direct(await receiver.get_node_addr(), "x", ramp(1))
                assert await sender.get_pool_size() == most

    run(main)


@pytest.mark.parametrize("where", ["loop", "thread"])
def test_a_pending_wait_ends_with_an_error_at_shutdown(where):
    async def main():
        async with started(1) as (sender,):
            for _ in range(5):
                async with started(1) as (receiver,):
                    # A session and a held transfer, so that there is something to end.
                    await sender.send_tensor_direct(await receiver.get_node_addr(), "x", ramp(1))
                    await receiver.receive_tensor()
                    waits = [asyncio.ensure_future(receiver.wait_for_tensor()) for _ in range(3)]
                    await asyncio.sleep(0)
                    if where == "loop":
                        receiver.shutdown()
                    else:
                        thread = threading.Thread(target=receiver.shutdown)
                        thread.start()
                    for error in await asyncio.gather(*waits, return_exceptions=True):
                        assert isinstance(error, TensorError.Protocol) and "not started" in str(error)
                    if where == "thread":
                        thread.join()

    run(main)


def test_shutdown_in_a_callback_of_the_node_itself():
    async def main():
        async with started(2) as (sender, receiver):
            ended = asyncio.Event()

            class Ends:
                def on_tensor_received(self, peer_id, tensor_name, tensor):
                    receiver.shutdown()
                    receiver.shutdown()
                    ended.set()

            receiver.set_receive_callback(Ends())
            await sender.send_tensor_direct(await receiver.get_node_addr(), "x", ramp(1))
            await ended.wait()
            with pytest.raises(TensorError.Protocol, match="not started"):
                await receiver.receive_tensor()

    run(main)


def test_sends_in_flight_end_when_either_side_shuts_down():
    async def main():
        for who in ("sender", "receiver"):
            async with started(1) as (sender,), started(1, inbox_bytes=1 << 20) as (receiver,):
                address = await receiver.get_node_addr()
                big = opaque("uint8", bytes(900 << 10), (900 << 10,))
                sends = [
                    asyncio.ensure_future(outcome(sender.send_tensor_direct(address, f"{i}", big))) for i in range(4)
                ]
                await sends[0]  # the others wait for room
                (sender if who == "sender" else receiver).shutdown()
                results = [await send for send in sends]
                assert results[0] is None
                kind = TensorError.Protocol if who == "sender" else TensorError
                assert all(isinstance(result, kind) for result in results[1:]), results
                assert (who == "sender") == ("not started" in str(results[1]))

    run(main)


def test_any_thread_may_use_a_node_and_end_it():  # [T-31]
    async def main():
        async with started(2) as (shared, receiver):
            address = await receiver.get_node_addr()
            results = []

            def work(number):
                async def some():
                    for i in range(40):
                        shared.register_tensor(f"{number}", ramp(4))
                        results.append(await outcome(shared.send_tensor_direct(address, f"{number}.{i}", ramp(16, 16))))
                        results.append(await outcome(shared.get_pool_size()))

                asyncio.run(some())

            workers = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            for worker in workers:
                worker.start()
            got = 0
            while got < 60:
                await receiver.wait_for_tensor()
                got += 1
            await asyncio.to_thread(shared.shutdown)
            for worker in workers:
                await asyncio.to_thread(worker.join)
            assert len(results) == 640
            errors = [result for result in results if isinstance(result, Exception)]
            assert errors and all(isinstance(error, TensorError.Protocol) for error in errors), errors[:3]

    run(main)


def test_each_kind_of_error_has_its_class_its_prefix_and_a_hint():  # [T-18]
    sleeper = """if True:
        import sys, weft
        with weft.Node(access="any") as node:
            print(node.ticket, flush=True)
            sys.stdin.read()"""

    async def provoked(kind):
        async with started(1) as (sender,):
            if kind == "Io":
                with process(sleeper) as child:
                    ticket = (await asyncio.to_thread(child.stdout.readline)).strip()
                    sending = asyncio.ensure_future(outcome(sender.send_tensor_direct(ticket, "x", ramp(512, 512))))
                    await soon(lambda: sender.weft_node.stats().sessions == 1, "the session")
                    child.send_signal(signal.SIGKILL)
                    return await sending
            if kind == "Serialization":
                async with started(1) as (receiver,):
                    return await outcome(
                        sender.send_tensor_direct(await receiver.get_node_addr(), "n", opaque("d" * 256))
                    )
            if kind == "Connection":
                async with started(1) as (gone,):
                    address = await gone.get_node_addr()
                return await outcome(sender.send_tensor_direct(address, "x", ramp(1)))
            sender.shutdown()
            return await outcome(sender.get_node_addr())

    async def main():
        for kind, prefix in (("Io", "IO error: "), ("Serialization", "Serialization error: "),
                             ("Connection", "Connection error: "), ("Protocol", "Protocol error: ")):  # fmt: skip
            error = await provoked(kind)
            assert type(error) is getattr(TensorError, kind), repr(error)
            assert str(error).startswith(prefix) and str(error).count(prefix) == 1
            assert isinstance(error, TensorError) and isinstance(error, RuntimeError)
            if kind != "Protocol":
                assert isinstance(error.__cause__, weft.Error) and error.hint == error.__cause__.hint

    run(main)


@pytest.mark.parametrize("bad", ["", "n" * 256, "a\0b", "\ud800", None, 5, b"x"])
def test_a_name_that_cannot_be_is_a_serialization_error(bad):
    async def main():
        async with started(2) as (sender, receiver):
            with pytest.raises(TensorError.Serialization):
                await sender.send_tensor_direct(await receiver.get_node_addr(), bad, ramp(1))
            with pytest.raises(TensorError.Serialization):
                sender.register_tensor(bad, ramp(1))

    run(main)


@pytest.mark.parametrize("shape, dtype", [([2**63], "f"), (["1"], "f"), ([1.5], "f"), (None, "f"), ([1], "\ud800"),
                                          ([1], "d" * 256), ([1], "a\0b"), ([1], None)])  # fmt: skip
def test_a_description_that_cannot_be_is_a_serialization_error(shape, dtype):
    async def main():
        async with started(2) as (sender, receiver):
            tensor = opaque(dtype)
            tensor.metadata.shape = shape
            with pytest.raises(TensorError.Serialization):
                await sender.send_tensor_direct(await receiver.get_node_addr(), "x", tensor)
            assert await receiver.receive_tensor() is None

    run(main)


@pytest.mark.parametrize(
    "dtype", ["tensor_protocol:", "tensor_protocol:1,x:f", "tensor_protocol:1", "tensor_protocol:" + "9" * 200 + ":f"]
)
def test_a_hostile_description_is_received_as_what_its_bytes_are(dtype):
    async def main():
        async with started(1) as (receiver,), weft.Node() as sender:
            await sender.push(await receiver.get_node_addr(), "x", weft.view(b"1234", dtype=dtype, shape=[4]))
            received = await receiver.receive_tensor()
            assert received.data == b"1234" and all(type(axis) is int for axis in received.metadata.shape)

    run(main)
