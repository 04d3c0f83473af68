"""What a user sees besides calls: import, progress, logs, serve and fetch, help."""

import asyncio
import inspect
import io
import json
import logging
import os
import struct
import time
import types

import numpy as np
import pytest

import weft
from conftest import process, python, soon


def test_import_is_light_and_asks_for_nothing():
    code = """
import sys
before = set(sys.modules)
import weft
new = set(sys.modules) - before
assert not {"numpy", "torch", "asyncio", "typing", "logging", "threading", "ml_dtypes"} & new, new
assert len(new) < 25, new  # its own, and what `os` needs
"""
    python(code, flags=["-S"])


def test_it_works_without_numpy():
    code = """
import sys
sys.modules["numpy"] = None
import weft
with weft.Node() as a, weft.Node() as b:
    a.put("w", memoryview(bytearray(range(12))).cast("B", (3, 4)))
    t = b.get(a.ticket, "w", slice=weft.s_[1:2]).result()
    print(t.shape, memoryview(t).tolist())
"""
    assert python(code).stdout == "(1, 4) [[4, 5, 6, 7]]\n"


def test_progress_is_told_where_it_is_waited_for(server, client, run):
    server.put("w", np.zeros(64 << 20, "u1"))
    told = []
    client.get(server.ticket, "w", progress=told.append).result()
    assert (told[-1].done, told[-1].total) == (64 << 20, 64 << 20)
    assert [p.done for p in told] == sorted(p.done for p in told)

    async def main():
        told.clear()
        await client.get(server.ticket, "w", progress=told.append)
        assert told[-1].done == 64 << 20
        told.clear()
        await client.push(server.ticket, "p", np.zeros(1 << 20, "u1"), progress=told.append)
        assert told[-1].done == 1 << 20

    async def both():
        taken = asyncio.ensure_future(server.receive("p"))
        await main()
        await taken

    run(both())


def test_progress_that_raises_is_told_and_harms_nothing(server, client):
    server.put("w", np.zeros(1 << 20, "u1"))

    def fails(_):
        raise ValueError("in progress")

    t = client.get(server.ticket, "w", progress=fails)
    with pytest.raises(ValueError, match="in progress"):
        t.result()
    assert t.result().nbytes == 1 << 20
    for call in (
        lambda: client.get(server.ticket, "w", progress=5),
        lambda: client.get_many(server.ticket, ["w"], progress="bar"),
        lambda: client.push(server.ticket, "w", b"1", progress=1),
    ):
        with pytest.raises(weft.InvalidArgumentError, match="progress="):
            call()


def test_progress_of_what_has_ended_already_is_told_once(server, client, run):
    server.put("w", np.zeros(1 << 20, "u1"))
    whole = (1 << 20, 1 << 20)
    told = []

    def ended(**options):
        told.clear()
        pull = client.get(server.ticket, "w", progress=told.append, **options)
        soon(pull.done)
        assert not told
        return pull

    for ask in (weft.Transfer.result, weft.Transfer.exception, lambda pull: pull.result(0)):
        pull = ended()
        ask(pull)
        pull.result()
        assert [(p.done, p.total) for p in told] == [whole]

    async def main():
        await ended()
        assert [(p.done, p.total) for p in told] == [whole]
        pull = ended()
        await asyncio.gather(pull, asyncio.shield(pull))
        assert [(p.done, p.total) for p in told] == [whole]

    run(main())


def test_the_bar_is_drawn_on_a_terminal_only(monkeypatch, server, client):
    import sys

    from weft import _bar

    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    server.put("w", np.zeros(3 << 20, "u1"))
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        client.get(server.ticket, "w", progress=True).result()
        if stream.isatty():
            assert "100%" in stream.getvalue() and "3.0 MiB / 3.0 MiB" in stream.getvalue()
            assert stream.getvalue().endswith("\n")
        else:
            assert stream.getvalue() == ""
    assert not _bar._in_notebook()
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=lambda **_: pytest.fail("tqdm was asked")))
    client.get(server.ticket, "w", progress=True).result()  # stderr is no terminal
    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    with pytest.raises(pytest.fail.Exception):
        client.get(server.ticket, "w", progress=True).result()
    assert _bar._bytes(0) == "0 B"
    assert _bar._bytes(5 << 40).endswith("GiB")


def test_a_bar_is_drawn_in_a_notebook_without_tqdm_and_of_bytes_only(monkeypatch, server, client):
    import sys

    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    server.put("w", np.zeros(3 << 20, "u1"))
    server.put("empty", np.zeros(0))

    def drawn():
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        client.get(server.ticket, "empty", progress=True).result()
        with pytest.raises(weft.NotFoundError):
            client.get(server.ticket, "none", progress=True).result()
        nothing = sys.stderr.getvalue()
        client.get(server.ticket, "w", progress=True).result()
        return nothing, sys.stderr.getvalue()

    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    nothing, bar = drawn()
    assert nothing == "" and "3.0 MiB / 3.0 MiB" in bar and "\x1b" not in bar

    bars = []

    class Tqdm:
        def __init__(self, total, **_):
            self.total, self.n = total, 0
            bars.append(self)

        def update(self, more):
            self.n += more

        def close(self):
            self.closed = True

    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Tqdm))
    drawn()
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(3 << 20, 3 << 20, True)]


def test_fetch_and_load_state_dict_share_one_timeout(server, monkeypatch):
    asked = []
    late = 0.0
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + late)

    class Slow(weft.Node):
        def list(self, *arguments, **options):
            nonlocal late
            asked.append(options["timeout"])
            listed = super().list(*arguments, **options)
            late += 0.05  # the time that a slow peer takes
            return listed

        def get_many(self, *arguments, **options):
            asked.append(options["timeout"])
            return super().get_many(*arguments, **options)

    server.put("w", np.ones(3, "f4"))
    with Slow() as node:
        weft.fetch(server, timeout=30, node=node)
        first, second = asked
        assert first == 30 and 0 < second <= 29.95
        torch = pytest.importorskip("torch")
        asked.clear()
        weft.torch.load_state_dict({"w": torch.zeros(3)}, server, node=node, timeout=30)
        first, second = asked
        assert first == 30 and 0 < second <= 29.95


def test_pages_of_a_generator_serve_more_than_one_call(server, client):
    server.put("w", np.arange(6.0))
    pages = weft.Pages(source=(i for i in (4, 2)))
    for _ in range(2):
        assert client.get(server.ticket, "w", pages=pages).result().numpy().tolist() == [4, 2]


def test_the_engines_log_is_pythons(caplog, client):
    with caplog.at_level(logging.DEBUG, logger="weft"):
        from weft import _log

        _log.emit(2, "lane degraded", {"lane": "tcp", "class": "PeerLost"})
        with process("import sys, weft; n = weft.Node(); print(n.ticket, flush=True); sys.stdin.read(); import os; os._exit(0)") as child:
            ticket = child.stdout.readline().strip()
            client.ping(ticket).result()
            pull = client.get(ticket, "nope")
            with pytest.raises(weft.NotFoundError):
                pull.result()
        soon(lambda: client.stats().sessions == 0, "the end of the session")
    record = caplog.records[0]
    assert (record.name, record.levelname) == ("weft", "WARNING")
    assert record.getMessage() == "lane degraded lane=tcp class=PeerLost"
    assert record.weft == {"lane": "tcp", "class": "PeerLost"}


def test_records_come_from_the_engine_while_python_sleeps():
    code = """
import logging, sys, threading, time, weft
seen = threading.Event()
class Handler(logging.Handler):
    def emit(self, record):
        print(record.levelname, record.getMessage().split()[0], flush=True)
        seen.set()
logging.getLogger("weft").addHandler(Handler())
logging.getLogger("weft").setLevel(logging.DEBUG)
node = weft.Node()
import socket
address = repr(node).split("tcp://")[1].rstrip(">").split(":")
with socket.create_connection((address[0], int(address[1]))) as raw:
    raw.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    try:
        raw.recv(100)
    except ConnectionResetError:  # so it may end too: by the bytes that were not read
        pass
assert seen.wait(10), "no record"
"""
    assert python(code).stdout


def test_serve_and_fetch_move_a_state_dict(server):
    state = {"a.w": np.arange(100.0), "a.b": np.zeros((2, 2), "f4"), "c": np.arange(1 << 18)}
    with weft.serve(state) as served:
        assert served.count == 3
        got = weft.fetch(served.ticket)
        assert list(got) == sorted(state)
        for name, tensor in got.items():
            np.testing.assert_array_equal(tensor.numpy(), state[name])
        assert list(weft.fetch(served.ticket, names="a.*")) == ["a.b", "a.w"]
        assert list(weft.fetch(served.ticket, names=["c", "a.w"], node=server)) == ["c", "a.w"]
        with pytest.raises(weft.NotFoundError):
            weft.fetch(served.ticket, names="z*")
        with pytest.raises(weft.NotFoundError) as caught:
            weft.fetch(served.ticket, names=["c", "nope"])
        assert caught.value.name == "nope" and isinstance(caught.value.__cause__, weft.BatchError)
        with pytest.raises(weft.UnsupportedError):
            weft.fetch(served.ticket, device="cuda:0")
        assert not served.wait(0.01)
    assert served.wait()
    with weft.serve(state, prefix="model.") as served:
        got = weft.fetch(served.ticket)
        assert "model.c" in got
        assert len({tensor.generation for tensor in got.values()}) == 1
    with weft.serve({}) as served:
        assert served.count == 0
    with pytest.raises(weft.InvalidArgumentError):
        weft.serve({5: np.zeros(2)})
    with pytest.raises(TypeError):
        weft.serve(5)
    with pytest.raises(weft.InvalidArgumentError):
        weft.serve({"a": object()})


def test_serve_reads_a_safetensors_file(tmp_path):
    array = np.arange(1 << 16, dtype="f4")
    header = json.dumps({"w": {"dtype": "F32", "shape": [256, 256], "data_offsets": [0, array.nbytes]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + array.tobytes())
    for given in (path, str(path), bytes(path)):
        with weft.Node() as node:
            assert node.serve(given) == 1
    with weft.serve(path) as served:
        np.testing.assert_array_equal(weft.fetch(served.ticket)["w"].numpy().ravel(), array)
    with pytest.raises(weft.NotFoundError):
        weft.serve(tmp_path / "none.safetensors")
    path.write_bytes(b"not a model")
    with pytest.raises(weft.MalformedError):
        weft.serve(path)


def test_help_says_shapes_units_and_errors():
    for thing in (weft.Node, weft.Transfer, weft.Tensor, weft.serve, weft.fetch, weft.view, weft.Pages, weft.s_):
        assert len(inspect.getdoc(thing) or "") > 60, thing
    for name in ("put", "lend", "get", "get_many", "push", "receive", "pushes", "list", "remove", "explain", "stats",
                 "ping", "stop", "serve", "try_receive", "lanes", "ticket", "id", "pool_size"):  # fmt: skip
        assert len(inspect.getdoc(getattr(weft.Node, name)) or "") > 20, name
    doc = inspect.getdoc(weft.Node.get)
    for word in ("seconds", "NotFoundError", "into", "slice"):
        assert word in doc
    assert weft.__all__[:3] == ["Node", "serve", "fetch"]
    assert dir(weft) == sorted([*weft.__all__, "__version__", "compat", "safetensors", "torch"])

    class Own(weft.Node):
        def mine(self):
            pass

    with Own() as own:
        own.attribute = 1
        assert {"mine", "attribute", "put", "get"} <= set(dir(own)) and "_inherited" not in dir(own)
    for name in weft.__all__:
        assert getattr(weft, name) is not None
    with pytest.raises(AttributeError):
        weft.nothing  # noqa: B018


def test_values_show_what_they_hold(server, client):
    server.put("w", np.zeros((2, 3), "f4"))
    send = client.push(server.ticket, "p", b"1234")
    server.receive().result()
    assert repr(send.result()).startswith("Receipt(bytes=4, generation=1, digest='")
    assert repr(client.list(server.ticket).result()) == "[Entry(name='w', dtype='float32', shape=[2, 3], nbytes=24, generation=1)]"
    assert "sessions=1" in repr(client.stats())
    assert " used=True, " in repr(client.lanes())
    evil = "\x1b[2J\n'name"
    server.put(evil, weft.view(b"x", dtype="\x1b[31mred"))
    for shown in (repr(client.list(server.ticket, "\x1b*").result()), repr(client.get(server.ticket, evil).result())):
        assert shown.isprintable()
        assert repr(evil) in shown and repr("\x1b[31mred") in shown
    assert repr(weft.Pages(source=[1, 2])) == "Pages(axis=0, 2 pages)"
    assert repr(weft.s_) == "weft.s_"
    assert "model" not in repr(weft.Item("w"))


def test_every_member_says_what_it_is():
    bare = []
    for kind in (weft.Tensor, weft.Transfer, weft.Progress, weft.Receipt, weft.Entry, weft.Node, weft.Plan, weft.PingReport):
        for name in dir(kind):
            if name.startswith("_"):
                continue
            words = (getattr(kind, name).__doc__ or "").splitlines()
            told = [word for word in words if word.strip() and "->" not in word and not word.startswith(f"{name}(")]
            if not told and name not in ("send", "throw"):  # a coroutine's own
                bare.append(f"{kind.__name__}.{name}")
    assert not bare
