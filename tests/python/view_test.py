"""weft.view: the memory of another under a type, a shape and attributes of one's own."""

import numpy as np
import pytest

import weft

ml_dtypes = pytest.importorskip("ml_dtypes")


def test_attributes_travel_with_a_view_and_its_parts(server, client):
    server.put("w", weft.view(np.arange(6.0).reshape(2, 3), attributes={"layer": "3", "kind": "über"}))
    whole = client.get(server.ticket, "w").result()
    part = client.get(server.ticket, "w", slice=weft.s_[0:1]).result()
    (entry,) = client.list(server.ticket).result()
    assert whole.attributes == part.attributes == entry.attributes == {"layer": "3", "kind": "über"}
    server.put("again", whole)
    assert client.get(server.ticket, "again").result().attributes == whole.attributes
    server.put("none", weft.view(whole, attributes={}))
    assert client.get(server.ticket, "none").result().attributes == {}
    for wrong in ({"a": 1}, {1: "a"}, [("a", "b")], "ab"):
        with pytest.raises(weft.InvalidArgumentError, match="a dict of strings"):
            weft.view(b"abcd", attributes=wrong)
    for wrong in ({"": "a"}, {"a": "b\0"}, {"a": "x" * 5000}, {str(i): "" for i in range(33)}):
        with pytest.raises(weft.InvalidArgumentError, match="attribute"):
            weft.view(b"abcd", attributes=wrong)


def test_a_view_gives_memory_another_type_or_shape(server, client):
    raw = np.arange(8, dtype="u2")
    t = weft.view(raw, dtype="bfloat16", shape=(2, 4))
    assert (t.dtype, t.shape, t.data_ptr) == ("bfloat16", (2, 4), raw.ctypes.data)
    server.put("w", t)
    got = client.get(server.ticket, "w").result()
    assert (got.dtype, got.shape) == ("bfloat16", (2, 4))
    assert got.numpy().tobytes() == raw.tobytes()
    packed = weft.view(b"\x21\x43", dtype="int4", shape=(4,))
    server.put("p", packed)
    got = client.get(server.ticket, "p").result()
    assert (got.dtype, got.shape, bytes(got.bytes())) == ("int4", (4,), b"\x21\x43")
    assert got.numpy(view="uint8").tolist() == [0x21, 0x43]
    marked = weft.view(raw, requires_grad=True)
    assert marked.requires_grad
    server.put("m", marked)
    got = client.get(server.ticket, "m").result()
    assert got.requires_grad
    with pytest.raises(weft.InvalidArgumentError):
        weft.view(raw, dtype="float32", shape=(5,))
    with pytest.raises(weft.InvalidArgumentError):
        weft.view(raw[::2], shape=(2, 2))
    with pytest.raises(weft.InvalidArgumentError):
        weft.view(raw, dtype="float32")


def test_a_dtype_of_no_known_name_is_opaque_and_never_evaluated(server, client):
    for dtype in ("request_marker", "tensor_3", "__import__('os').abort()", "float99"):
        t = weft.view(b"seventeen bytes!!", dtype=dtype, shape=[2, 3])
        assert (t.dtype, t.shape, t.nbytes, t.opaque) == (dtype, (2, 3), 17, True)
        send = client.push(server.ticket, "o", t)
        got = server.receive("o").result()
        send.result()
        assert (got.dtype, got.shape, got.nbytes, bytes(got.bytes())) == (dtype, (2, 3), 17, b"seventeen bytes!!")
        with pytest.raises(TypeError):
            got.numpy()
        with pytest.raises(BufferError):
            np.from_dlpack(got)
        for ask in (got.numpy, got.torch, got.jax, lambda: np.asarray(got)):
            with pytest.raises(TypeError, match="opaque") as caught:
                ask()
            assert isinstance(caught.value, weft.UnsupportedError)
            assert caught.value.hint.startswith("t.bytes()")
        with pytest.raises(BufferError, match=r"t\.bytes"):
            memoryview(got)
        assert got.numpy(view="uint8").tobytes() == b"seventeen bytes!!"
    for dtype in ("x" * 256, "nul\0"):
        with pytest.raises(weft.InvalidArgumentError):
            weft.view(b"1", dtype=dtype)


def test_dtypes_in_the_words_of_others_are_known(server, client):
    raw = np.arange(4, dtype="u4")
    for dtype in ("float32", "torch.float32", "numpy.float32", "f4", "<f4", "FLOAT32", np.float32, np.dtype("f4")):
        assert weft.view(raw, dtype=dtype).dtype == "float32", dtype
    words = raw.view("u2")
    for dtype in ("torch.bfloat16", ml_dtypes.bfloat16, np.dtype(ml_dtypes.bfloat16)):
        assert weft.view(words, dtype=dtype).dtype == "bfloat16"
    server.put("w", weft.view(words, dtype="bfloat16"))
    assert client.get(server.ticket, "w").result().numpy(view=np.uint16).tolist() == words.tolist()
    for dtype in (">f4", np.dtype(">f4")):
        with pytest.raises(weft.UnsupportedError, match="no name in Weft"):
            weft.view(raw, dtype=dtype)
    for dtype in (np.datetime64, object(), 5, float):
        with pytest.raises(weft.InvalidArgumentError, match="dtype="):
            weft.view(raw, dtype=dtype)
    for name in ("text/plain", "f3", "Model"):
        assert weft.view(raw, dtype=name).opaque
    torch = pytest.importorskip("torch")
    assert weft.view(words, dtype=torch.bfloat16).dtype == "bfloat16"
