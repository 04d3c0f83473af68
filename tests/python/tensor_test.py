"""weft.Tensor: what comes out shares its memory, and lives while anyone looks at it."""

import gc
import sys

import numpy as np
import pytest

import weft


@pytest.fixture
def tensor(server, client):
    server.put("w", np.arange(24, dtype="f4").reshape(4, 6))
    return client.get(server.ticket, "w").result()


def test_numpy_and_memoryview_share_its_memory(tensor):
    array = np.asarray(tensor)
    assert array.ctypes.data == tensor.data_ptr
    assert tensor.numpy().ctypes.data == tensor.data_ptr
    assert np.from_dlpack(tensor).ctypes.data == tensor.data_ptr
    view = memoryview(tensor)
    assert (view.format, view.shape, view.strides, view.readonly) == ("f", (4, 6), (24, 4), False)
    flat = tensor.bytes()
    assert (flat.format, flat.shape) == ("B", (96,))
    array[0, 0] = 42  # writable and private
    assert view[0, 0] == 42
    assert bytes(flat[:4]) == np.float32(42).tobytes()
    assert len(tensor) == 4
    assert tensor.ndim == 2
    assert np.asarray(tensor, dtype="f8").dtype == "f8"


def test_its_memory_outlives_it_and_its_node():
    server, client = weft.Node(), weft.Node()
    server.put("small", np.arange(100))
    server.put("large", np.arange(1 << 20))
    views = []
    for name in ("small", "large"):
        t = client.get(server.ticket, name).result()
        views += [np.asarray(t), memoryview(t), np.from_dlpack(t), t.bytes()]
    del t
    client.stop().result()
    server.stop().result()
    del client, server
    gc.collect()
    for i, length in enumerate((100, 1 << 20)):
        expected = np.arange(length)
        array, view, other, flat = views[4 * i : 4 * i + 4]
        np.testing.assert_array_equal(array, expected)
        np.testing.assert_array_equal(np.asarray(view), expected)
        np.testing.assert_array_equal(other, expected)
        assert bytes(flat) == expected.tobytes()


def test_dlpack_speaks_both_versions_and_copies_when_asked(tensor):
    assert tensor.__dlpack_device__() == (1, 0)
    assert '"dltensor"' in repr(tensor.__dlpack__())
    assert '"dltensor_versioned"' in repr(tensor.__dlpack__(max_version=(1, 0)))
    assert '"dltensor"' in repr(tensor.__dlpack__(max_version=(0, 8)))
    assert '"dltensor"' in repr(tensor.__dlpack__(stream=None, dl_device=(1, 0)))
    with pytest.raises(BufferError, match="host memory"):
        tensor.__dlpack__(dl_device=(2, 0))
    copied = np.from_dlpack(tensor, copy=True)
    assert not np.shares_memory(copied, np.asarray(tensor))
    np.testing.assert_array_equal(copied, np.asarray(tensor))
    # Capsules that nobody takes let go of what they hold.
    before = sys.getrefcount(tensor)
    for _ in range(1000):
        tensor.__dlpack__()
        tensor.__dlpack__(max_version=(1, 0))
    assert sys.getrefcount(tensor) == before


def test_read_only_memory_stays_so():
    t = weft.view(b"abcdefgh")
    assert t.readonly
    assert memoryview(t).readonly
    assert not np.asarray(t).flags.writeable
    with pytest.raises(BufferError, match="read-only"):
        t.__dlpack__()
    assert not np.from_dlpack(t).flags.writeable
    with pytest.raises(weft.InvalidArgumentError):
        with weft.Node() as node:
            node.put("w", b"12345678")
            node.get(node, "w", into=t)


def test_a_strided_tensor_is_strided_outside(server, client):
    server.put("w", np.arange(12, dtype="i4").reshape(3, 4))
    space = np.zeros((3, 8), "i4")
    t = client.get(server.ticket, "w", into=space[:, ::2]).result()
    assert t.strides == (8, 2)
    assert np.asarray(t).strides == (32, 8)
    np.testing.assert_array_equal(np.from_dlpack(t), np.arange(12).reshape(3, 4))
    with pytest.raises(weft.InvalidArgumentError):
        t.bytes()
    assert not memoryview(t).c_contiguous


def test_without_ml_dtypes_bfloat16_says_what_else_there_is(server, client, monkeypatch):
    server.put("w", weft.view(np.arange(4, dtype="u2"), dtype="bfloat16"))
    t = client.get(server.ticket, "w").result()
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    for ask in (t.numpy, lambda: np.asarray(t)):
        with pytest.raises(TypeError, match="ml_dtypes is not installed") as caught:
            ask()
        assert "t.torch()" in caught.value.hint and 't.numpy(view="uint16")' in caught.value.hint
        assert isinstance(caught.value, weft.UnsupportedError)
    array = t.numpy(view="uint16")
    assert (array.dtype, array.ctypes.data) == ("uint16", t.data_ptr)
    assert array.tolist() == [0, 1, 2, 3]
    with pytest.raises(BufferError, match=r"t\.bytes\(\)"):
        memoryview(t)
    with pytest.raises(weft.InvalidArgumentError):
        t.numpy(view="uint32")
    with pytest.raises(weft.InvalidArgumentError):
        t.numpy(view="print('x')")


def test_with_ml_dtypes_asarray_knows_bfloat16(server, client):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    given = np.array([1, 2, 3], ml_dtypes.bfloat16)
    server.put("w", given)
    t = client.get(server.ticket, "w").result()
    array = np.asarray(t)
    assert array.dtype == ml_dtypes.bfloat16
    assert array.ctypes.data == t.data_ptr
    np.testing.assert_array_equal(array, given)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn", "float16", "int64", "bool", "uint8"])
def test_torch_tensors_go_in_and_out_without_a_copy(server, client, dtype):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    given = torch.arange(24).reshape(4, 6).to(getattr(torch, dtype))
    assert weft.view(given).data_ptr == given.data_ptr()
    server.put("w", given)
    t = client.get(server.ticket, "w").result()
    got = t.torch()
    assert (got.dtype, got.data_ptr()) == (given.dtype, t.data_ptr)
    assert torch.equal(got.view(torch.uint8), given.view(torch.uint8))
    assert (t.dtype, t.shape) == (dtype, (4, 6))


def test_torch_parameters_are_given_as_they_are(server, client):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    weight = torch.nn.Parameter(torch.randn(8, 8))
    server.put("w", weight.t())
    t = client.get(server.ticket, "w").result()
    assert t.requires_grad
    assert torch.equal(t.torch(), weight.detach().t())


def test_scalars_and_empty_tensors_are_tensors(server, client):
    for array in (np.array(2.5), np.zeros((0, 3), "f4"), np.zeros((3, 0, 2), "i8")):
        server.put("w", array)
        t = client.get(server.ticket, "w").result()
        assert (t.shape, t.nbytes) == (array.shape, array.nbytes)
        np.testing.assert_array_equal(t.numpy(), array)
        np.testing.assert_array_equal(np.from_dlpack(t), array)
        assert bytes(t.bytes()) == array.tobytes()
        assert bytes(memoryview(t)) == array.tobytes()
    with pytest.raises(TypeError):
        len(weft.view(np.array(1.0)))
