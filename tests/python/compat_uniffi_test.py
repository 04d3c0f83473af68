"""What the UniFFI suite of the original checks, and the shape of that module."""

import asyncio

import pytest

from compat_support import NAMES, ramp, run, started


@pytest.fixture
def tp(monkeypatch):
    monkeypatch.syspath_prepend(str(NAMES))
    import tensor_protocol_py.tensor_protocol as module

    return module


async def sent(tensor, name="test_tensor"):
    """What a second node receives of it."""
    async with started(2) as (sender, receiver):
        await sender.send_tensor_direct(await receiver.get_node_addr(), name, tensor)
        return await receiver.receive_tensor()


def test_addresses_begin_with_node(tp):
    async def main():
        node = tp.create_node(None)
        await node.start()
        address = await node.get_node_addr()
        node.shutdown()
        assert address.startswith("node") and address != node

    run(main)


@pytest.mark.parametrize("shape", [(3, 4), (64, 64)])
def test_a_tensor_arrives_as_it_was_sent(tp, shape):  # [T-17]
    tensor = ramp(*shape)
    received = run(lambda: sent(tensor))
    assert received == tensor and received.data == tensor.data and type(received.data) is bytes
    assert received.metadata == tp.TensorMetadata(list(shape), "float32", False)


@pytest.mark.parametrize("which", ["arange", "randn"])
def test_a_torch_tensor_arrives_as_it_was_sent(tp, which):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    tensor = torch.arange(12, dtype=torch.float32).reshape(3, 4) if which == "arange" else torch.randn(128, 128)
    data = tp.TensorData(tp.TensorMetadata(list(tensor.shape), "float32", False), tensor.numpy().tobytes())
    received = run(lambda: sent(data))
    back = torch.frombuffer(received.view, dtype=torch.float32).reshape(received.metadata.shape)
    assert torch.equal(back, tensor)


def test_values_go_by_position_or_keyword_and_compare(tp):
    by_position = tp.TensorData(tp.TensorMetadata([2, 3], "float32", True), b"abc")
    by_keyword = tp.TensorData(
        metadata=tp.TensorMetadata(shape=[2, 3], dtype="float32", requires_grad=True), data=b"abc"
    )
    assert by_position == by_keyword
    assert by_position != tp.TensorData(by_position.metadata, b"abd")
    assert by_position != tp.TensorData(tp.TensorMetadata([3, 2], "float32", True), b"abc")
    assert "3 bytes" in repr(by_position) and "abc" not in repr(by_position)


def test_what_is_received_has_its_name_and_sender_and_a_view_without_a_copy(tp):
    async def main():
        async with started(2) as (sender, receiver):
            await sender.send_tensor_direct(await receiver.get_node_addr(), "layers.0.w", ramp(256, 256))
            received = await receiver.wait_for_tensor()
            assert received.name == "layers.0.w"
            assert received.peer_id == sender.weft_node.id
            sender.shutdown()
            receiver.shutdown()
            view = received.view  # outlives the nodes
            assert view.nbytes == 256 * 256 * 4 and not view.readonly
            view[0] = 7
            assert received.view[0] == 7 and received.data[0] == 7
            received.view[0] = 8
            assert received.data[0] == 7  # bytes, made once

    run(main)


def test_any_dtype_and_shape_may_be_said_of_any_bytes(tp):
    said = [([1, 1], "request_marker", b"1234"), ([2, 2], "tensor_3", bytes(16)), ([2, 3], "float32", b"17 bytes"),
            ([100], "float16", b"xyz"), ([-1, 2], "uint8", b""), ([1] * 40, "uint8", b"x"), ([], "", b"abc"),
            ([2], "half", bytes(4)), ([2**63 - 1, 2], "", b"a"), ([1], "tensor_protocol:2,3:x", b"a")]  # fmt: skip

    async def main():
        async with started(2) as (sender, receiver):
            address = await receiver.get_node_addr()
            for shape, dtype, data in said:
                tensor = tp.TensorData(tp.TensorMetadata(shape, dtype, True), data)
                await sender.send_tensor_direct(address, "x", tensor)
                received = await receiver.receive_tensor()
                assert received == tensor, (shape, dtype, received)

    run(main)


def test_a_strict_node_sends_only_what_bytes_and_dtype_agree_on(tp):
    async def main():
        async with started(2, strict=True) as (sender, receiver):
            address = await receiver.get_node_addr()
            await sender.send_tensor_direct(address, "x", ramp(2, 3))
            for shape, dtype, data in [([2, 3], "float32", b"17"), ([1], "request_marker", b"1")]:
                with pytest.raises(tp.TensorError.Serialization):
                    await sender.send_tensor_direct(
                        address, "y", tp.TensorData(tp.TensorMetadata(shape, dtype, False), data)
                    )
            assert (await receiver.receive_tensor()).name == "x"
            assert await receiver.receive_tensor() is None

    run(main)


class Collected:
    def __init__(self, raises=()):
        self.calls = asyncio.Queue()
        self.raises = raises

    def on_tensor_received(self, peer_id, tensor_name, tensor):
        self.calls.put_nowait((peer_id, tensor_name, tensor.data))
        if tensor_name in self.raises:
            raise ValueError(tensor_name)


def test_a_callback_is_given_what_comes_and_its_errors_stop_nothing(tp):  # [T-15]
    async def main():
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
        async with started(1) as (sender,):
            receiver = tp.create_node(None)
            callback = Collected(raises=["1"])
            receiver.set_receive_callback(callback)  # before start
            await receiver.start()
            address = await receiver.get_node_addr()
            for name in "0123":
                await sender.send_tensor_direct(
                    address, name, tp.TensorData(tp.TensorMetadata([1], "uint8", False), name.encode())
                )
            calls = [await callback.calls.get() for _ in range(4)]
            assert calls == [(sender.weft_node.id, name, name.encode()) for name in "0123"]
            assert [str(error) for error in told] == ["1"]
            receiver.set_receive_callback(None)
            await sender.send_tensor_direct(address, "4", ramp(1))
            assert (await receiver.wait_for_tensor()).name == "4" and callback.calls.empty()
            receiver.set_receive_callback(callback)  # of a node that runs
            await sender.send_tensor_direct(address, "5", ramp(1))
            assert (await callback.calls.get())[1] == "5"
            receiver.shutdown()

    run(main)


def test_a_callback_that_is_a_coroutine_is_awaited(tp):
    class Slow(tp.TensorReceiveCallback):
        def __init__(self):
            self.names = []
            self.done = asyncio.Event()

        async def on_tensor_received(self, peer_id, tensor_name, tensor):
            await asyncio.sleep(0)
            self.names.append(tensor_name)
            if len(self.names) == 2:
                self.done.set()

    async def main():
        async with started(2) as (sender, receiver):
            callback = Slow()
            receiver.set_receive_callback(callback)
            for name in ("a", "b"):
                await sender.send_tensor_direct(await receiver.get_node_addr(), name, ramp(1))
            await callback.done.wait()
            assert callback.names == ["a", "b"]

    run(main)


def test_callbacks_run_in_the_event_loop_that_was_set(tp):  # [T-17]
    import threading

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    called = []

    class Where:
        def on_tensor_received(self, peer_id, tensor_name, tensor):
            called.append((threading.current_thread(), asyncio.get_running_loop()))
            arrived.set()

    arrived = threading.Event()
    tp.uniffi_set_event_loop(loop)
    try:

        async def main():
            async with started(2) as (sender, receiver):
                receiver.set_receive_callback(Where())
                await sender.send_tensor_direct(await receiver.get_node_addr(), "x", ramp(1))
                assert await asyncio.to_thread(arrived.wait, 10)
                assert called == [(thread, loop)]

        run(main)
    finally:
        tp.uniffi_set_event_loop(None)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
