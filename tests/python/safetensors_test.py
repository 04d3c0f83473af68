"""weft.safetensors: safetensors' own interface, over a path and over a ticket of another process."""

import importlib
import itertools
import os
import pathlib

import numpy as np
import pytest

import weft
from serving import serving
from weft import safetensors as ws

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32",
          "float64", "complex64"]  # fmt: skip
INDICES = [
    "0", "-1", ":, 1", "...", "..., 1", "0:100", "5:3", "::2", ":, :, ::2", "1:2, ...", "-2:", "()", ":0", "0, 0, 0",
    ":, 1:3, 2", "1, 1:", "0, ..., 1:3", "-2:-1, -1:, -3::2",
]  # fmt: skip
ARRAYS = ["np.array([1, 0])", ":, np.array([0, -1]), 1:", "np.array([True, False])", ":, :, np.arange(4) > 1"]
LISTS = ["[0, 1]", "[1, 0]", ":, [0, 2]", ":, [2, 2, 0, 1]", ":, [-1], 1", "0, :, [1, 3]", "[1], 1:, ::2"]


def arrays():
    rng = np.random.default_rng(5)
    made = {f"t.{name}": rng.integers(0, 2 if name == "bool" else 100, (2, 3, 4)).astype(name) for name in DTYPES}
    made["scalar"] = np.array(3.5)
    made["empty"] = np.zeros((0, 3), np.float32)
    made["large"] = rng.standard_normal((512, 300)).astype(np.float32)
    return made


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "model.safetensors"
    ws.save_file(arrays(), path, metadata={"format": "np", "made by": "a test"})
    return path


@pytest.fixture(scope="module", params=["path", "ticket"])
def source(request, file):
    if request.param == "path":
        yield file
        return
    with serving(file) as ticket:
        yield ticket


def same(got, expected):
    assert got.dtype == expected.dtype and got.shape == expected.shape
    assert np.asarray(got).tobytes() == np.asarray(expected).tobytes()


def test_every_tensor_comes_as_it_was_saved(source):
    with ws.safe_open(source, framework="np") as f:
        assert f.keys() == sorted(arrays())
        for name, expected in arrays().items():
            same(f.get_tensor(name), expected)
        for name, got in f.get_tensors().items():
            same(got, arrays()[name])
    loaded = ws.load_file(source, framework="np")
    assert loaded.keys() == arrays().keys()
    for name, expected in arrays().items():
        same(loaded[name], expected)


def test_a_slice_tells_its_shape_and_dtype_before_it_comes(source):
    with ws.safe_open(source, "numpy") as f:
        assert f.get_slice("large").get_shape() == [512, 300] and f.get_slice("large").get_dtype() == "F32"
        assert f.get_slice("scalar").get_shape() == [] and f.get_slice("t.bool").get_dtype() == "BOOL"


@pytest.mark.parametrize("index", INDICES + LISTS + ARRAYS)
def test_a_slice_is_numpys(source, index):
    whole = arrays()["t.float32"]
    with ws.safe_open(source, "np") as f:
        for name in ("t.float32", "t.bool", "t.complex64"):
            got = eval(f"f.get_slice(name)[{index}]")
            same(got, np.asarray(eval(f"arrays()[name][{index}]")))
            assert got.flags.c_contiguous
    assert whole.flags.c_contiguous


@pytest.mark.parametrize(
    ("index", "error"),
    [("2", IndexError), ("0, 0, 0, 0", IndexError), ("..., ...", IndexError), ("::-1", ValueError), ("'a'", TypeError),
     ("True", TypeError), ("[0], [0]", TypeError), ("1.5", TypeError), ("None", TypeError), ("np.array([True])", IndexError), ("np.array([9])", IndexError),
     ("np.array([1.5])", TypeError)],
)  # fmt: skip
def test_an_index_that_cannot_be_is_refused_as_numpy_does(source, index, error):
    with ws.safe_open(source, "np") as f, pytest.raises(error):
        eval(f"f.get_slice('t.float32')[{index}]")


def test_indices_may_be_torchs(source):
    torch = pytest.importorskip("torch")
    with ws.safe_open(source, "np") as f:
        same(f.get_slice("t.float32")[:, torch.tensor([2, 0])], arrays()["t.float32"][:, [2, 0]])
        same(f.get_slice("t.float32")[torch.tensor([False, True])], arrays()["t.float32"][[1]])


def test_keywords_are_the_librarys(file):
    with ws.safe_open(filename=file, framework="np") as f:
        assert "large" in f.keys()
    assert "large" in ws.load_file(filename=file, framework="np", backend="mmap")
    for wrong in (None, 5):
        with pytest.raises(weft.InvalidArgumentError, match=f"filename={wrong}"):
            ws.safe_open(wrong, "np")


def test_only_the_bytes_of_a_slice_travel(file):
    with serving(file) as ticket, weft.Node() as node, ws.safe_open(ticket, "np", node=node) as f:
        before = node.stats().bytes_in
        same(f.get_slice("large")[100:140], arrays()["large"][100:140])
        assert node.stats().bytes_in - before == 40 * 300 * 4
        same(f.get_slice("large")[[3, 500]], arrays()["large"][[3, 500]])
        assert node.stats().bytes_in - before == 42 * 300 * 4


def test_metadata_is_the_files_from_a_path_and_over_a_ticket(source):
    with ws.safe_open(source, "np") as f:
        assert f.metadata() == {"format": "np", "made by": "a test"}


def test_metadata_over_a_ticket_is_what_all_tensors_have(file):
    with weft.Node() as node:
        node.serve(file)
        node.put("other", weft.view(b"1234", attributes={"format": "np", "made by": "another"}))
        with ws.safe_open(node.ticket, "np") as f:
            assert f.metadata() == {"format": "np"}
        node.put("bare", b"1234")
        with ws.safe_open(node.ticket, "np") as f:
            assert f.metadata() is None
    with weft.Node() as empty, ws.safe_open(empty.ticket, "np") as f:
        assert f.metadata() is None


@pytest.mark.parametrize("metadata", [{"a": 1}, {1: "a"}, ["a"], "ab", 3])
def test_metadata_is_a_dict_of_strings(metadata, tmp_path):
    with pytest.raises(weft.InvalidArgumentError, match="a dict of strings"):
        ws.save_file({"a": np.zeros(3)}, tmp_path / "f.safetensors", metadata=metadata)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_named(source, tmp_path):
    with ws.safe_open(source, "np") as f:
        with pytest.raises(ws.SafetensorError, match="does not contain tensor nope") as caught:
            f.get_tensor("nope")
        assert isinstance(caught.value, KeyError) and caught.value.name == "nope"
        with pytest.raises(weft.NotFoundError):
            f.get_slice("nope")
    with pytest.raises(ws.SafetensorError, match="closed"):
        f.keys()
    with pytest.raises(FileNotFoundError):
        ws.safe_open(tmp_path / "none.safetensors", "np")
    with pytest.raises(weft.MalformedError):
        broken = tmp_path / "broken.safetensors"
        broken.write_bytes(b"\xff" * 100)
        ws.safe_open(broken, "np")
    with pytest.raises(weft.UnsupportedError, match="zz"):
        ws.safe_open(source, framework="zz")
    with pytest.raises(weft.InvalidArgumentError, match="numpy"):
        ws.load_file(source, device="cuda:0", framework="np")


def test_what_was_given_outlives_the_file_and_is_ones_own(source):
    with ws.safe_open(source, "np") as f:
        first, again = f.get_tensor("large"), f.get_tensor("t.int32")
    same(first, arrays()["large"])
    first[:] = 0
    again[:] = 7
    with ws.safe_open(source, "np") as f:
        same(f.get_tensor("large"), arrays()["large"])


def test_a_tensor_that_was_replaced_since_the_opening_is_stale():
    with weft.Node() as server, weft.Node() as client:
        server.put("a", np.arange(1000))
        with ws.safe_open(server, "np", node=client) as f:
            same(f.get_tensor("a"), np.arange(1000))
            server.put("a", np.arange(1000) + 1)
            with pytest.raises(weft.StaleError):
                f.get_tensor("a")
        assert client.get(server, "a").result().numpy()[0] == 1  # the node that was lent still runs


def test_a_closed_source_leaves_nothing_behind(file):
    descriptors = lambda: len(os.listdir("/proc/self/fd"))  # noqa: E731
    threads = lambda: len(os.listdir("/proc/self/task"))  # noqa: E731
    with serving(file) as ticket:
        ws.load_file(ticket, framework="np")
        before = descriptors(), threads()
        for _ in range(20):
            ws.load_file(ticket, framework="np")
            ws.load_file(file, framework="np")
        assert descriptors() <= before[0] + 1 and threads() <= before[1]


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(weft.UnsupportedError, match="wide"):
        ws.save_file({"ok": np.zeros(3), "wide": np.zeros(3, np.complex128)}, path)
    assert list(tmp_path.iterdir()) == []
    ws.save_file({"a": np.arange(12).reshape(3, 4).T}, path)
    assert list(tmp_path.iterdir()) == [path]
    with ws.safe_open(path, "np") as f:
        same(f.get_tensor("a"), np.ascontiguousarray(np.arange(12).reshape(3, 4).T))
        assert f.metadata() is None


def test_paths_of_every_kind(file, tmp_path, monkeypatch):
    monkeypatch.chdir(file.parent)
    odd = tmp_path / os.fsdecode(b"na\xefme.safetensors")
    odd.write_bytes(file.read_bytes())
    for path in (str(file), file.name, os.fsencode(file), pathlib.Path(file.name), odd):
        assert ws.safe_open(path, "np").keys() == sorted(arrays())


# What follows holds both libraries side by side.


def library():
    return pytest.importorskip("safetensors", reason="the safetensors library is not installed")


def torch():
    return pytest.importorskip("torch", reason="torch is not installed")


def every_dtype():
    th = torch()
    names = [*DTYPES, "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"]
    made = {}
    for i, name in enumerate(names):
        bytes_ = th.arange(i, i + 2 * 3 * 4 * 8, dtype=th.uint8) % (2 if name == "bool" else 251)
        made[name] = bytes_.view(getattr(th, name)).reshape(-1, 3, 4).clone()
    made["scalar"] = th.tensor(2.5)
    made["empty"] = th.zeros(3, 0)
    return made


def bits(tensor):
    return tensor.dtype, tuple(tensor.shape), tensor.contiguous().flatten().view(torch().uint8).numpy().tobytes()


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_files_are_those_of_the_library_byte_for_byte(framework, tmp_path):
    library()
    tensors = arrays() if framework == "numpy" else every_dtype()
    save = importlib.import_module(f"safetensors.{framework}").save_file
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    for metadata in (None, {"format": "pt"}):
        save(tensors, theirs, metadata=metadata)
        ws.save_file(tensors, ours, metadata=metadata)
        assert ours.read_bytes() == theirs.read_bytes()


def test_numpys_results_are_those_of_the_library(source, file):
    with library().safe_open(file, "np") as theirs, ws.safe_open(source, "np") as ours:
        assert theirs.metadata() == ours.metadata() and theirs.keys() == ours.keys()
        for name in theirs.keys():
            same(ours.get_tensor(name), theirs.get_tensor(name))
            assert theirs.get_slice(name).get_dtype() == ours.get_slice(name).get_dtype()


@pytest.fixture(scope="module", params=["path", "ticket"])
def of_the_library(request, tmp_path_factory):
    library(), torch()
    import safetensors.torch

    path = tmp_path_factory.mktemp("theirs") / "model.safetensors"
    safetensors.torch.save_file(every_dtype(), path, metadata={"format": "pt"})
    if request.param == "path":
        yield path, path
        return
    with serving(path) as ticket:
        yield path, ticket


def test_results_are_those_of_the_library_for_every_dtype(of_the_library):
    import safetensors.torch

    path, source = of_the_library
    theirs, ours = safetensors.torch.load_file(path), ws.load_file(source)
    assert theirs.keys() == ours.keys()
    with safetensors.safe_open(path, "pt") as t, ws.safe_open(source, "pt") as o:
        assert t.keys() == o.keys()
        assert t.metadata() == o.metadata()
        if source is path:
            assert t.offset_keys() == o.offset_keys()
        for name in t.keys():
            assert bits(theirs[name]) == bits(ours[name]) == bits(o.get_tensor(name))
            assert t.get_slice(name).get_shape() == o.get_slice(name).get_shape()
            assert t.get_slice(name).get_dtype() == o.get_slice(name).get_dtype()


@pytest.mark.parametrize("index", INDICES + LISTS[1:])
def test_slices_are_those_of_the_library(of_the_library, index):
    import safetensors

    path, source = of_the_library
    with safetensors.safe_open(path, "pt") as theirs, ws.safe_open(source, "pt") as ours:
        for name in ("float32", "bfloat16", "float8_e4m3fn", "int64"):
            if "[" in index and name.startswith("float8"):
                continue  # torch itself does not gather them
            expected, got = (eval(f"f.get_slice(name)[{index}]", {"f": f, "name": name}) for f in (theirs, ours))
            assert bits(expected) == bits(got)


def test_a_device_is_where_torchs_tensors_are_given(of_the_library):
    _, source = of_the_library
    for device in ("meta", torch().device("meta")):
        loaded = ws.load_file(source, device=device)
        assert {t.device.type for t in loaded.values()} == {"meta"}
    with ws.safe_open(source, "pt", device="meta") as f:
        assert f.get_slice("float32")[0].device.type == "meta"


def test_no_torch_is_imported_for_numpy(file):
    import subprocess
    import sys

    code = f"import sys, weft; weft.safetensors.load_file({str(file)!r}, framework='np'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


assert len(set(itertools.chain(INDICES, LISTS))) == len(INDICES) + len(LISTS)
