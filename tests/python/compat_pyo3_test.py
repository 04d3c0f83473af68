"""What the PyO3 suite of the original checks, and the shape of that module."""

import asyncio
import ctypes

import pytest

from compat_support import NAMES, pyo3, run, skip_unless_free, started


@pytest.fixture
def ti(monkeypatch):
    monkeypatch.syspath_prepend(str(NAMES))
    import tensor_iroh

    return tensor_iroh


async def sent(data, name="test_tensor"):
    """(name, tensor) as a second node has it."""
    async with started(2, pyo3) as (sender, receiver):
        await sender.send_tensor(await receiver.get_node_addr(), name, data)
        return await receiver.wait_for_tensor()


def test_pyo3_addresses_begin_with_node(ti):
    async def main():
        async with started(1, ti.PyTensorNode) as (node,):
            assert (await node.get_node_addr()).startswith("node")

    run(main)


@pytest.mark.parametrize("shape", [(3, 4), (64, 64)])
def test_an_array_arrives_as_it_was_sent(ti, shape):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    array = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    data = ti.PyTensorData(array.tobytes(), list(shape), "float32", False)
    _, received = run(lambda: sent(data))
    assert (received.shape, received.dtype, received.requires_grad) == (list(shape), "float32", False)
    np.testing.assert_array_equal(received.as_numpy().view(np.float32).reshape(shape), array)
    assert received.as_bytes() == array.tobytes()


def test_the_name_comes_with_the_tensor(ti):
    name, _ = run(lambda: sent(ti.PyTensorData(b"1234", [1], "float32", False), "my_test_tensor_123"))
    assert name == "my_test_tensor_123"


def test_twenty_tensors_arrive_by_name_and_content(ti):  # [T-16]
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    arrays = {f"tensor_{i}": np.random.default_rng(i).standard_normal((128, 128), dtype=np.float32) for i in range(20)}

    async def main():
        async with started(2, ti.PyTensorNode) as (sender, receiver):
            address = await receiver.get_node_addr()
            for name, array in arrays.items():
                data = ti.PyTensorData(array.view(np.uint8).reshape(-1), [128, 128], "float32", False)
                await sender.send_tensor(address, name, data)
            received = [await receiver.wait_for_tensor() for _ in arrays]
            assert [name for name, _ in received] == list(arrays)
            for name, tensor in received:
                np.testing.assert_array_equal(tensor.as_numpy().view(np.float32).reshape(128, 128), arrays[name])
            assert await receiver.receive_tensor() is None
            assert await sender.pool_size() == 1

    run(main)


@pytest.mark.parametrize("side", [12, 128, 11457])
def test_a_torch_tensor_of_any_size_arrives(ti, side):  # [T-16]
    torch = pytest.importorskip("torch", reason="torch is not installed")
    skip_unless_free(6 * side * side * 4)
    tensor = torch.arange(12, dtype=torch.float32) if side == 12 else torch.randn(side, side)
    flat = tensor.reshape(-1).view(torch.uint8).numpy()
    data = ti.PyTensorData(flat, list(tensor.shape), "float32", False)
    _, received = run(lambda: sent(data), seconds=120)
    assert torch.allclose(received.to_torch(), tensor)


def test_sent_memory_and_received_memory_are_not_copied(ti):  # [T-16]
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    array = np.arange(64, dtype=np.uint8)
    data = ti.PyTensorData(array, [64], "uint8", False)
    assert np.shares_memory(data.as_numpy(), array)
    assert data.as_numpy().dtype == np.uint8 and data.as_numpy().ndim == 1
    _, received = run(lambda: sent(data))
    first, second = received.as_numpy(), received.as_numpy()
    assert np.shares_memory(first, second)
    first[0] = 99
    assert second[0] == 99 and received.as_bytes()[0] == 99
    same = b"1234"
    assert ti.PyTensorData(same, [4], "uint8", False).as_bytes() is same


def test_to_torch_gives_the_true_dtype_and_shares_what_may_be_written(ti):  # [T-16]
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for dtype in ("float32", "float64", "bfloat16", "float16", "int64", "uint8", "bool", "complex64", "float8_e4m3fn"):
        made = torch.ones(2, 3).to(getattr(torch, dtype))
        raw = ctypes.string_at(made.data_ptr(), made.nbytes)
        _, received = run(lambda raw=raw, dtype=dtype: sent(ti.PyTensorData(raw, [2, 3], dtype, False)))
        tensor = received.to_torch()
        assert tensor.dtype == made.dtype and tensor.shape == made.shape
        assert torch.equal(tensor.view(torch.uint8), made.view(torch.uint8))
        tensor.view(torch.uint8)[0, 0] = 55
        assert received.as_bytes()[0] == 55
    constant = ti.PyTensorData(bytes([1, 2]), [2], "torch.uint8", False)
    constant.to_torch()[0] = 9
    assert list(constant.as_bytes()) == [1, 2]
    assert ti.PyTensorData(bytes(8), [2], "float32", True).to_torch().requires_grad
    assert ti.PyTensorData(b"", [0, 3], "float32").to_torch().shape == (0, 3)
    for shape, dtype in (([3], "float32"), ([2], "request_marker"), ([2], "nn")):
        with pytest.raises(RuntimeError, match="^Serialization error: "):
            ti.PyTensorData(bytes(8), shape, dtype, False).to_torch()


def test_other_inputs_are_a_type_error(ti):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    for data in ("text", 3, None, [1, 2], np.zeros(3, np.float32), np.zeros(3, np.int8)):
        with pytest.raises(TypeError, match="Expected bytes-like or NumPy u8 array"):
            ti.PyTensorData(data, [3], "uint8", False)
    for data in (b"abc", bytearray(b"abc"), memoryview(b"abc"), np.frombuffer(b"abc", np.uint8),
                 np.frombuffer(b"axbxc", np.uint8)[::2], np.frombuffer(b"abc", np.uint8).reshape(1, 3)):  # fmt: skip
        assert ti.PyTensorData(data, [3], "uint8", False).as_bytes() == b"abc"


def test_nothing_yet_is_none_at_once_beside_one_who_waits(ti):  # [T-11]
    async def main():
        async with started(2, ti.PyTensorNode) as (sender, receiver):
            waiting = asyncio.ensure_future(receiver.wait_for_tensor())
            await asyncio.sleep(0)
            assert await receiver.receive_tensor() is None
            await sender.send_tensor(await receiver.get_node_addr(), "x", ti.PyTensorData(b"1", [1], "uint8", False))
            assert (await waiting)[0] == "x"

    run(main)


def test_every_failure_is_a_runtime_error(ti):
    async def main():
        node = ti.PyTensorNode()
        data = ti.PyTensorData(b"1", [1], "uint8", False)
        calls = [
            node.get_node_addr,
            node.receive_tensor,
            node.wait_for_tensor,
            lambda: node.send_tensor("node", "x", data),
        ]
        for call in calls:
            with pytest.raises(RuntimeError, match="^Protocol error: .*not started"):
                await call()
        await node.start()
        with pytest.raises(RuntimeError, match="^Connection error: "):
            await node.send_tensor("invalid_address", "x", data)
        node.shutdown()

    run(main)
    assert ti.CHUNK_SIZE == 64 * 1024
