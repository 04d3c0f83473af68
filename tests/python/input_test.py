"""What goes in: DLPack, the buffer protocol, __array_interface__; any strides; never a copy."""

import array
import ctypes
import gc
import weakref

import numpy as np
import pytest

import weft
from conftest import soon

ml_dtypes = pytest.importorskip("ml_dtypes")

PLAIN = "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 complex128".split()


class OnlyDLPack:
    """What has DLPack and nothing else; `versioned` as torch of today, else as of yesterday."""

    def __init__(self, array, versioned):
        self.array, self.versioned = array, versioned

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **options):
        if self.versioned:
            return self.array.__dlpack__(**options)
        if options:
            raise TypeError("unexpected keyword")
        return self.array.__dlpack__()


class OnlyInterface:
    def __init__(self, array):
        self.array = array
        self.dtype = array.dtype

    @property
    def __array_interface__(self):
        return self.array.__array_interface__


@pytest.mark.parametrize("dtype", PLAIN)
def test_every_dtype_of_numpy_goes_there_and_back(server, client, dtype):
    array = np.random.default_rng(3).integers(0, 2 if dtype == "bool" else 100, (4, 5)).astype(dtype)
    server.put("w", array)
    t = client.get(server.ticket, "w").result()
    assert t.dtype == dtype
    assert t.numpy().dtype == array.dtype
    np.testing.assert_array_equal(t.numpy(), array)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"])
def test_dtypes_of_ml_dtypes_keep_their_names(server, client, dtype):
    array = np.array([[1, 2, 4], [0.5, 1, 8]]).astype(getattr(ml_dtypes, dtype))
    server.put("w", array)
    t = client.get(server.ticket, "w").result()
    assert t.dtype == dtype
    assert t.numpy().dtype == array.dtype
    assert t.numpy().tobytes() == array.tobytes()
    server.put("part", array[:, ::2])
    assert client.get(server.ticket, "part").result().numpy().tobytes() == array[:, ::2].tobytes()


@pytest.mark.parametrize("wrap", ["array", "dlpack", "old dlpack", "interface", "memoryview", "tensor"])
def test_each_way_in_takes_the_memory_as_it_is(server, wrap):
    array = np.arange(24, dtype="f4").reshape(4, 6)
    given = {"array": lambda a: a, "dlpack": lambda a: OnlyDLPack(a, True), "old dlpack": lambda a: OnlyDLPack(a, False),
             "interface": OnlyInterface, "memoryview": memoryview, "tensor": weft.view}[wrap](array)  # fmt: skip
    t = weft.view(given)
    assert t.data_ptr == array.ctypes.data
    assert (t.shape, t.dtype) == ((4, 6), "float32")
    assert np.shares_memory(t.numpy(), array)


def test_strided_memory_is_read_as_it_lies(server, client):
    array = np.arange(6 * 8 * 10).reshape(6, 8, 10)
    for view in (array[::2], array[:, 1:7:3], array.T, array.transpose(1, 0, 2), array[:, :, 3], array[1:, 2:, 4:],
                 np.broadcast_to(array[0, 0], (5, 10))):  # fmt: skip
        assert weft.view(view).data_ptr == view.__array_interface__["data"][0]
        server.put("w", view)
        np.testing.assert_array_equal(client.get(server.ticket, "w").result().numpy(), view)
        server.put("w", OnlyDLPack(view, True) if view.flags.writeable else OnlyInterface(view))
        np.testing.assert_array_equal(client.get(server.ticket, "w").result().numpy(), view)
        send = client.push(server.ticket, "p", view)
        np.testing.assert_array_equal(server.receive("p").result().numpy(), view)
        send.result()


def test_plain_buffers_go_in(server, client):
    for given, dtype, raw in [
        (b"abc", "uint8", b"abc"),
        (bytearray(b"abcd"), "uint8", b"abcd"),
        (array.array("d", [1.5, 2.5]), "float64", array.array("d", [1.5, 2.5]).tobytes()),
        ((ctypes.c_int32 * 3)(1, 2, 3), "int32", bytes((ctypes.c_int32 * 3)(1, 2, 3))),
        (memoryview(b"abcdef").cast("H"), "uint16", b"abcdef"),
        (np.float32(2.5), "float32", np.float32(2.5).tobytes()),
    ]:
        server.put("w", given)
        t = client.get(server.ticket, "w").result()
        assert (t.dtype, bytes(t.bytes())) == (dtype, raw)


def test_what_cannot_go_in_says_why(server):
    strings = np.array(["a"])
    for given, error, words in [
        (object(), weft.InvalidArgumentError, "no array"),
        ([1, 2], weft.InvalidArgumentError, "no array"),
        (None, weft.InvalidArgumentError, "no array"),
        (strings, weft.UnsupportedError, "no name in Weft"),
        (np.zeros(3, ">f4"), weft.UnsupportedError, "no name in Weft"),
        (np.zeros(3, [("a", "i4")]), weft.UnsupportedError, "no name in Weft"),
        (np.zeros(3, "longdouble"), weft.UnsupportedError, "no name in Weft"),
        (np.zeros(3, "M8[s]"), weft.UnsupportedError, "no name in Weft"),
        (np.arange(10)[::-1], weft.UnsupportedError, "backwards"),
    ]:
        with pytest.raises(error, match=words) as caught:
            server.put("w", given)
        assert caught.value.hint
    for name in ("", "a" * 256, "nul\0", 3, None, b"w", "\ud800"):
        with pytest.raises(weft.InvalidArgumentError):
            server.put(name, b"1")


def test_bytes_of_what_has_no_name_are_sent_as_the_hint_says(server, client):
    records = np.array([(1, 2.5), (3, 4.5)], [("a", "<i4"), ("b", "<f4")])
    with pytest.raises(weft.UnsupportedError) as caught:
        weft.view(records, dtype="records")
    assert 'weft.view(x.view("uint8"), dtype="NAME")' in caught.value.hint
    server.put("r", weft.view(records.view("uint8"), dtype="records"))
    got = client.get(server.ticket, "r").result()
    assert got.dtype == "records"
    assert np.frombuffer(got.bytes(), records.dtype).tolist() == records.tolist()


def test_memory_of_a_device_is_refused_with_a_hint(server):
    class Cuda:
        __cuda_array_interface__ = {"shape": (1,), "typestr": "<f4", "data": (0, False), "version": 3}

    class CudaDLPack:
        def __dlpack__(self, **options):
            raise AssertionError("it is asked where it is first")

        def __dlpack_device__(self):
            return (2, 1)

    for given in (Cuda(), CudaDLPack()):
        with pytest.raises(weft.UnsupportedError) as caught:
            server.put("w", given)
        assert isinstance(caught.value, NotImplementedError)
        assert ".cpu()" in caught.value.hint
    with pytest.raises(weft.UnsupportedError, match="cuda:1"):
        server.put("w", CudaDLPack())
    with pytest.raises(weft.UnsupportedError, match="cuda:0"):
        server.get(server.ticket, "w", device="cuda:0")


def test_a_lying_interface_is_refused(server):
    class Lies:
        def __init__(self, **told):
            self.__array_interface__ = told

    for told in (
        {},
        {"typestr": "<f4", "shape": (1,)},
        {"typestr": "<f4", "shape": (1,), "data": 5},
        {"typestr": "<f4", "shape": (1 << 62, 1 << 62), "data": (1, False)},
        {"typestr": "<f4", "shape": (-1,), "data": (1, False)},
        {"typestr": "<f4", "shape": (2,), "data": (0, False)},
        {"typestr": "<f4", "shape": 5, "data": (1, False)},
        {"typestr": "<f4", "shape": ("2",), "data": (1, False)},
        {"typestr": "<f4", "shape": (2,), "data": (1, False), "strides": 5},
        {"typestr": 5, "shape": (2,), "data": (1, False)},
        {"typestr": "<f4", "shape": (2, 2), "data": (1, False), "strides": (4,)},
        {"typestr": "", "shape": (2,), "data": (1, False)},
        {"typestr": "<f4; __import__('os')", "shape": (2,), "data": (1, False)},
        {"typestr": "|O8", "shape": (2,), "data": (1, False)},
        {"typestr": "<f4", "shape": (1,) * 33, "data": (1, False)},
    ):
        with pytest.raises(weft.Error):
            server.put("w", Lies(**told))

    class Wrong:
        def __init__(self, capsule):
            self.capsule = capsule

        def __dlpack__(self, **options):
            return self.capsule

        def __dlpack_device__(self):
            return (1, 0)

    used = np.arange(3).__dlpack__()
    np.from_dlpack(Wrong(used))
    for capsule in (None, 5, used):
        with pytest.raises(weft.InvalidArgumentError):
            server.put("w", Wrong(capsule))


def test_into_must_be_writable_and_fit(server, client):
    server.put("w", np.arange(6, dtype="f4"))
    read_only = np.zeros(6, "f4")
    read_only.flags.writeable = False
    for into in (b"123456781234567812345678", read_only, np.zeros(5, "f4"), np.zeros(6, "f8"), np.zeros((2, 3), "f4"),
                 np.broadcast_to(np.zeros(1, "f4"), 6)):  # fmt: skip
        with pytest.raises(weft.InvalidArgumentError):
            client.get(server.ticket, "w", into=into).result()


def test_the_object_is_held_while_it_is_served_and_no_longer(server, client):
    array = np.arange(1000)
    gone = weakref.ref(array)
    server.put("w", array)
    del array
    gc.collect()
    assert gone() is not None
    np.testing.assert_array_equal(client.get(server.ticket, "w").result().numpy(), np.arange(1000))
    server.remove("w")
    soon(lambda: gone() is None, "the array's end")
    array = np.arange(10)
    gone = weakref.ref(array)
    with server.lend("l", array):
        del array
        assert gone() is not None
    soon(lambda: gone() is None, "the array's end")


def test_a_buffer_is_exported_while_it_is_held(server):
    buffer = bytearray(100)
    server.put("w", buffer)
    with pytest.raises(BufferError):
        buffer.extend(b"more")
    server.remove("w")

    def free():
        try:
            buffer.extend(b"more")
        except BufferError:
            return False
        return True

    soon(free, "the buffer's release")


def test_a_pending_sign_or_conjugation_of_torch_is_refused(server, client):
    torch = pytest.importorskip("torch")
    from weft.safetensors import save_file

    spectrum = torch.fft.rfft(torch.arange(4.0))
    pending, resolved = spectrum.conj().imag, spectrum.conj().imag.resolve_neg()
    assert pending.is_neg() and not resolved.is_neg()
    server.put("into", resolved)
    for given in (pending, spectrum.conj()):
        for call in (
            lambda given=given: server.put("w", given),
            lambda given=given: client.push(server.ticket, "w", given),
            lambda given=given: weft.view(given),
            lambda given=given: save_file({"w": given}, "/nonexistent/file"),
            lambda given=given: client.get(server.ticket, "into", into=given),
        ):
            with pytest.raises(weft.UnsupportedError, match="pending") as caught:
                call()
            assert "resolve_conj().resolve_neg()" in caught.value.hint
    server.put("w", resolved)
    assert torch.equal(client.get(server.ticket, "w").result().torch(), pending)


def test_a_masked_array_is_refused_and_one_without_a_mask_is_not(server):
    masked = np.ma.masked_array(np.arange(3.0), mask=[0, 1, 0])

    class Interface:
        __array_interface__ = {**masked.data.__array_interface__, "mask": masked.mask}

    for given in (masked, Interface()):
        for call in (lambda given=given: server.put("w", given), lambda given=given: weft.view(given)):
            with pytest.raises(weft.UnsupportedError, match="mask") as caught:
                call()
            assert "x.filled" in caught.value.hint
    for given in (masked.filled(0), masked.data, np.ma.masked_array(np.arange(3.0))):
        assert weft.view(given).shape == (3,)


def test_what_an_array_raises_is_the_cause_of_an_error_of_weft(server):
    class Raises:
        def __init__(self, error):
            self.error = error

        def __dlpack__(self, **options):
            raise self.error

        def __dlpack_device__(self):
            return (1, 0)

    class RaisingInterface:
        @property
        def __array_interface__(self):
            raise ZeroDivisionError("of the interface")

    for error in (RuntimeError("first\nsecond"), BufferError(""), ValueError("x" * 999), ZeroDivisionError("zero")):
        with pytest.raises(weft.UnsupportedError) as caught:
            server.put("w", Raises(error))
        assert caught.value.__cause__ is error
        assert len(str(caught.value)) < 400 and "\n" not in str(caught.value) and caught.value.hint
    with pytest.raises(weft.UnsupportedError, match="of the interface") as caught:
        server.put("w", RaisingInterface())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(KeyboardInterrupt):
        server.put("w", Raises(KeyboardInterrupt()))
    for kind in (np.ndarray, Raises):
        with pytest.raises(weft.InvalidArgumentError, match="a class"):
            server.put("w", kind)


def test_torch_tensors_without_dense_memory_are_unsupported(server):
    torch = pytest.importorskip("torch")
    for given in (torch.eye(3).to_sparse(), torch.empty(3, device="meta"),
                  torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])):  # fmt: skip
        with pytest.raises(weft.UnsupportedError) as caught:
            server.put("w", given)
        assert caught.value.__cause__ is not None and caught.value.hint


def test_an_array_that_is_refused_is_named_with_its_call(server, client, tmp_path):
    from weft.safetensors import save_file

    good, backward, ticket = np.zeros(3), np.zeros(3)[::-1], server.ticket
    server.put("w", good)
    for bad in ([1, 2], backward, None):
        for operation, call in [
            ("put", lambda bad=bad: server.put("layers.7", bad)),
            ("put_many", lambda bad=bad: server.put_many({"good": good, "layers.7": bad})),
            ("lend", lambda bad=bad: server.lend("layers.7", bad)),
            ("push", lambda bad=bad: client.push(ticket, "layers.7", bad)),
            ("serve", lambda bad=bad: weft.serve({"good": good, "layers.7": bad})),
            ("save_file", lambda bad=bad: save_file({"good": good, "layers.7": bad}, tmp_path / "f")),
            ("get", lambda bad=bad: client.get(ticket, "layers.7", into=5 if bad is None else bad)),
            ("get_many", lambda bad=bad: client.get_many(ticket, [weft.Item("layers.7", into=5 if bad is None else bad)])),
        ]:  # fmt: skip
            with pytest.raises(weft.Error) as caught:
                call()
            assert (caught.value.operation, caught.value.name) == (operation, "layers.7")
            assert str(caught.value).startswith(f"{operation}: 'layers.7': ")
            assert caught.value.hint
    with pytest.raises(weft.InvalidArgumentError, match=r"serve: 'm\.bad'"):
        weft.serve({"bad": [1]}, prefix="m.")
