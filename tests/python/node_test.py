"""weft.Node: what it serves, pulls, pushes, tells."""

import asyncio
import os
import time
import warnings

import numpy as np
import pytest

import weft
from conftest import process, python, soon


def test_a_tensor_that_was_put_is_pulled_with_every_byte(server, client):
    array = np.arange(3 * 1000 * 1000, dtype="f4").reshape(3, 1000, 1000)
    generation = server.put("w", array)
    t = client.get(server.ticket, "w").result()
    assert (t.name, t.shape, t.dtype, t.nbytes, t.device) == ("w", array.shape, "float32", array.nbytes, "cpu")
    assert t.generation == generation
    assert t.peer == server.id
    assert len(t.digest) == 32
    assert t.lane in ("tcp", "tls")
    np.testing.assert_array_equal(np.asarray(t), array)


@pytest.mark.parametrize("size", [0, 1, 8191, 8192, 8193, 1 << 20])
def test_sizes_around_the_inline_bound_arrive_whole(server, client, size):
    array = np.random.default_rng(size).integers(0, 256, size, dtype="u1")
    server.put("bytes", array)
    assert bytes(client.get(server.ticket, "bytes").result().bytes()) == array.tobytes()


def test_two_processes_exchange_a_tensor():
    code = """
import sys, numpy as np, weft
with weft.Node() as node:
    node.put("w", np.arange(1 << 20, dtype="f4"))
    print(node.ticket, flush=True)
    pushed = node.receive("back").result(20)
    assert (np.asarray(pushed) == np.arange(1 << 20, dtype="f4") * 2).all(), pushed
    print("received", pushed.name, pushed.peer, flush=True)
    sys.stdin.read()
"""
    with process(code) as child, weft.Node() as node:
        ticket = child.stdout.readline().strip()
        t = node.get(ticket, "w").result()
        receipt = node.push(ticket, "back", np.asarray(t) * 2).result()
        assert receipt.bytes == 4 << 20
        assert receipt.verified_pieces
        assert child.stdout.readline().split() == ["received", "back", node.id]


def test_a_push_is_received_with_name_and_sender(server, client):
    array = np.arange(12, dtype="i8").reshape(3, 4)
    pull = server.receive("act*")
    receipt = client.push(server.ticket, "act.7", array).result()
    t = pull.result()
    assert (t.name, t.peer, t.shape, t.dtype) == ("act.7", client.id, (3, 4), "int64")
    np.testing.assert_array_equal(t.numpy(), array)
    assert receipt.bytes == array.nbytes
    assert receipt.digest == t.digest
    assert receipt.seconds > 0


def test_pushes_come_in_their_order_and_end_with_the_node(server, client):
    names = []
    sends = [client.push(server.ticket, f"q.{i}", np.full(4, i)) for i in range(20)]
    for t in server.pushes("q.*"):
        names.append((t.name, int(t.numpy()[0])))
        if len(names) == 20:
            break
    assert names == [(f"q.{i}", i) for i in range(20)]
    assert all(send.result().bytes == 32 for send in sends)


def test_async_pushes_end_when_the_node_stops(run):
    async def main():
        async with weft.Node() as sender, weft.Node() as receiver:
            got = []

            async def take():
                async for t in receiver.pushes():
                    got.append(t.name)

            task = asyncio.ensure_future(take())
            for i in range(3):
                await sender.push(receiver.ticket, f"n{i}", b"xyz")
            while len(got) < 3:
                await asyncio.sleep(0)
            await receiver.stop()
            await task
            return got

    assert run(main()) == ["n0", "n1", "n2"]


def test_try_receive_gives_what_is_there_or_none(server, client):  # [T-11]
    assert server.try_receive() is None
    pull = client.push(server.ticket, "here", b"12345678")
    got = []
    soon(lambda: got.append(server.try_receive("her?")) or got[-1] is not None, "the push")
    assert got[-1].name == "here"
    assert pull.result().bytes == 8
    assert server.try_receive() is None


def test_a_slice_is_numpys_but_keeps_axes(server, client):
    array = np.arange(6 * 8 * 4, dtype="i4").reshape(6, 8, 4)
    server.put("w", array)
    for key, same in [
        (weft.s_[1:5], np.s_[1:5]),
        (weft.s_[1:5, ::2], np.s_[1:5, ::2]),
        (weft.s_[-2:, :, 1:3], np.s_[-2:, :, 1:3]),
        (weft.s_[3], np.s_[3:4]),
        (weft.s_[-1], np.s_[-1:]),
        (weft.s_[:, 7, ...], np.s_[:, 7:8]),
        ("0:2, :, 3:4", np.s_[0:2, :, 3:4]),
        (weft.s_[np.int64(2) : np.int64(4)], np.s_[2:4]),
    ]:
        t = client.get(server.ticket, "w", slice=key).result()
        np.testing.assert_array_equal(t.numpy(), array[same], err_msg=str(key))


def test_an_index_beyond_its_axis_is_an_error_and_what_is_no_index_is_refused(server, client):
    array = np.arange(24, dtype="i4").reshape(4, 6)
    server.put("w", array)
    for key in (weft.s_[5], weft.s_[4], weft.s_[-5], weft.s_[-7], weft.s_[0, 6], weft.s_[1:3, -7], weft.s_[2**70],
                weft.s_[2**63 - 1], weft.s_[-(2**70)]):  # fmt: skip
        with pytest.raises(IndexError):
            array[key]
        with pytest.raises(IndexError, match="out of bounds for axis") as caught:
            client.get(server.ticket, "w", slice=key).result()
        assert isinstance(caught.value, weft.InvalidArgumentError)
        assert caught.value.name == "w" and caught.value.hint
        one, other = client.get_many(server.ticket, [weft.Item("w", slice=key), "w"]).result()
        assert isinstance(one, IndexError) and one.name == "w" and other.shape == (4, 6)
    known = client.get(server.ticket, "w").result()
    with pytest.raises(IndexError, match="'w'"):
        client.get(server.ticket, known, slice=weft.s_[9]).result()
    for key in (weft.s_[5:], weft.s_[2:1], weft.s_[10:20, 2], weft.s_[0 : 2**70]):  # ranges are clamped, as numpy's
        np.testing.assert_array_equal(client.get(server.ticket, "w", slice=key).result().numpy().ravel(),
                                      array[key].ravel())  # fmt: skip
    for key in ([0, 1], [slice(0, 1)], True, False, (0, None), (True, 0), 1.5, array, "0:\ud800", slice("a", None)):
        with pytest.raises(weft.InvalidArgumentError) as caught:
            client.get(server.ticket, "w", slice=key)
        assert caught.value.hint
        with pytest.raises(weft.InvalidArgumentError):
            client.get_many(server.ticket, [weft.Item("w", slice=key)])
    with pytest.raises(weft.InvalidArgumentError):
        weft.s_[None]


def test_pages_land_where_they_are_sent(server, client):
    blocks = np.random.default_rng(1).integers(0, 1 << 30, (64, 512), dtype="i4")
    server.put("kv", blocks)
    cache = np.zeros_like(blocks)
    source, target = [3, 9, 60], np.array([0, 63, 5], dtype="u4")
    client.get(server.ticket, "kv", pages=weft.Pages(axis=0, source=source, target=target), into=cache).result()
    np.testing.assert_array_equal(cache[[0, 63, 5]], blocks[source])
    assert not cache[1:5].any()
    dense = client.get(server.ticket, "kv", pages=weft.Pages(source=source)).result()
    np.testing.assert_array_equal(dense.numpy(), blocks[source])


def test_into_is_written_and_is_the_tensors_memory(server, client):
    array = np.random.default_rng(2).random((256, 1024))
    server.put("w", array)
    into = np.empty_like(array)
    t = client.get(server.ticket, "w", into=into).result()
    assert np.shares_memory(np.asarray(t), into)
    np.testing.assert_array_equal(into, array)
    strided = np.zeros((256, 2048))
    client.get(server.ticket, "w", into=strided[:, ::2]).result()
    np.testing.assert_array_equal(strided[:, ::2], array)
    assert not strided[:, 1::2].any()
    raw = bytearray(array.nbytes)
    client.get(server.ticket, "w", into=weft.view(raw, dtype="float64", shape=array.shape)).result()
    assert raw == array.tobytes()


def test_get_many_has_a_tensor_or_an_error_for_each(server, client):
    a, b = np.arange(10.0), np.arange(1 << 18)
    server.put("a", a)
    server.put("b", b)
    into = np.empty_like(b)
    items = ["a", "nope", weft.Item("b", into=into), weft.Item("a", slice=weft.s_[2:4])]
    got = client.get_many(server.ticket, items).result()
    np.testing.assert_array_equal(got[0].numpy(), a)
    assert isinstance(got[1], weft.NotFoundError)
    assert np.shares_memory(got[2].numpy(), into)
    np.testing.assert_array_equal(into, b)
    np.testing.assert_array_equal(got[3].numpy(), a[2:4])
    with pytest.raises(weft.BatchError) as caught:
        got.unwrap()
    assert list(caught.value.errors) == ["nope"]
    assert caught.value.results is got
    assert [t.name for t in client.get_many(server.ticket, ["a", "b"]).result().unwrap()] == ["a", "b"]


def test_get_by_a_known_tensor_asks_by_handle(server, client):
    server.put("w", np.arange(4))
    known = client.get(server.ticket, "w").result()
    assert client.get(server.ticket, known).result().name == "w"
    server.put("w", np.arange(5))
    with pytest.raises(weft.StaleError):
        client.get(server.ticket, known).result()


def test_generations_are_chosen(server, client):
    first = server.put("w", np.arange(4))
    assert client.get(server.ticket, "w", generation=first).result().generation == first
    with pytest.raises(weft.NotFoundError):
        client.get(server.ticket, "w", generation=weft.newer_than(first)).result()
    second = server.put("w", np.arange(5))
    assert second > first
    assert client.get(server.ticket, "w", generation=weft.at_least(second)).result().shape == (5,)


def test_list_remove_explain_stats_ping_tell_what_is(server, client):  # [T-14]
    server.put("b.1", np.zeros((2, 3), "f4"))
    server.put("a.1", np.zeros(7, "u1"))
    entries = client.list(server.ticket).result()
    assert [(e.name, e.dtype, e.shape, e.nbytes) for e in entries] == [("a.1", "uint8", (7,), 7), ("b.1", "float32", (2, 3), 24)]
    assert [e.name for e in client.list(server.ticket, "b.*").result()] == ["b.1"]
    server.remove("a.1")
    with pytest.raises(KeyError):
        server.remove("a.1")
    plan = client.explain(server.ticket, "b.1").result()
    assert plan.nbytes == 24
    assert [lane.lane for lane in plan.lanes if lane.chosen]
    assert "LANE" in str(plan)
    assert client.ping(server.ticket).result().node == server.id
    assert client.pool_size == 1
    assert client.stats().sessions == 1
    assert server.stats().catalog_tensors == 1
    assert any(lane.used for lane in client.lanes())


def test_a_loan_ends_and_its_name_goes(server, client):
    array = np.arange(100.0)
    with server.lend("w", array) as loan:
        assert loan.generation >= 1
        np.testing.assert_array_equal(client.get(server.ticket, "w").result().numpy(), array)
    with pytest.raises(weft.NotFoundError):
        client.get(server.ticket, "w").result()


def test_a_loan_that_is_dropped_says_so(server, client):
    array = np.arange(100.0)
    with pytest.warns(ResourceWarning, match="the loan of 'w' was dropped"):
        server.lend("w", array)
    assert client.list(server.ticket).result() == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with server.lend("w", array):
            pass
        loan = server.lend("w", array)
        loan.end()
        loan.end()
        del loan


def test_a_node_asks_itself(server):
    array = np.arange(10.0)
    server.put("w", array)
    t = server.get(server, "w").result()
    assert t.lane == "local"
    assert not np.shares_memory(t.numpy(), array)
    np.testing.assert_array_equal(t.numpy(), array)


def test_a_received_tensor_goes_on_without_a_copy(server, client):
    server.put("w", np.arange(1 << 18))
    t = client.get(server.ticket, "w").result()
    client.put("again", t)
    client.put("view", np.asarray(t)[::2])
    back = server.get(client.ticket, "again").result()
    np.testing.assert_array_equal(back.numpy(), np.arange(1 << 18))
    np.testing.assert_array_equal(server.get(client.ticket, "view").result().numpy(), np.arange(0, 1 << 18, 2))


def test_options_are_keywords_over_the_environment(monkeypatch, tmp_path):
    path = tmp_path / "key"
    with weft.Node(identity=path) as node:
        first = node.id
    monkeypatch.setenv("WEFT_IDENTITY", str(path))
    with weft.Node() as node:
        assert node.id == first
    with weft.Node(identity=tmp_path / "other") as node:
        assert node.id != first
    monkeypatch.setenv("WEFT_LANES", "nonsense")
    with pytest.raises(weft.InvalidArgumentError, match="WEFT_LANES"):
        weft.Node()


def test_lanes_that_are_allowed_are_used(server):
    server.put("w", np.zeros(1 << 20))
    with weft.Node(lanes=["tls"]) as node:
        assert node.get(server.ticket, "w").result().lane == "tls"
    with weft.Node() as node, pytest.raises(weft.InvalidArgumentError) as caught:
        node.get(server.ticket, "w", lane="pigeon")
    assert "tcp" in caught.value.hint


def test_access_says_who_may_do_what(client):
    with weft.Node(access=weft.Access.any().names("open.*").verbs("get", "list")) as node:
        node.put("open.w", b"1")
        node.put("closed.w", b"1")
        assert client.get(node.ticket, "open.w").result().nbytes == 1
        with pytest.raises(PermissionError) as caught:
            client.get(node.ticket, "closed.w").result()
        assert isinstance(caught.value, weft.ForbiddenError)
        with pytest.raises(weft.ForbiddenError):
            client.push(node.ticket, "open.w", b"1").result()
    with weft.Node(access=[client.id]) as node:
        node.put("w", b"1")
        assert client.get(node.ticket, "w").result().nbytes == 1
        with weft.Node() as stranger, pytest.raises(weft.ForbiddenError):
            stranger.get(node.ticket, "w").result()
    with pytest.raises(weft.UnsupportedError):
        weft.Node(access="cluster:/etc/weft/key")
    with pytest.raises(weft.InvalidArgumentError):
        weft.Node(listen="0.0.0.0:0")


def test_a_node_that_spins_ends_at_once():
    begun = time.process_time()  # a spin that is sat out is a second of a processor
    for _ in range(5):
        node = weft.Node(spin=1.0)
        node.stop().result()
        del node
    assert time.process_time() - begun < 2.5
    with pytest.raises(weft.InvalidArgumentError, match="spin"):
        weft.Node(spin=1.5)


def test_after_stop_every_call_says_not_started(server):
    node = weft.Node()
    ticket = node.ticket
    waiting = node.receive()
    node.stop().result()
    node.stop().result()
    for call in (
        lambda: node.put("w", b"1"),
        lambda: node.lend("w", b"1"),
        lambda: node.remove("w"),
        lambda: node.get(server.ticket, "w").result(),
        lambda: node.get_many(server.ticket, ["w"]).result(),
        lambda: node.push(server.ticket, "w", b"1").result(),
        lambda: node.receive().result(),
        lambda: node.list(server.ticket).result(),
        lambda: node.explain(server.ticket, "w").result(),
        lambda: node.ping(server.ticket).result(),
        lambda: waiting.result(),
        lambda: node.try_receive(),
        lambda: node.__enter__(),
        lambda: asyncio.run(node.__aenter__()),
    ):
        with pytest.raises(weft.ShuttingDownError, match="not started"):
            call()
    assert node.pool_size == 0
    assert node.ticket == ticket


def test_a_node_shows_what_it_is(server, client):
    assert server.id[:4] in repr(server)
    assert "tcp://127.0.0.1" in repr(server)
    server.put("layers.0.w", np.zeros((2, 2), "f4"))
    assert repr(client.get(server.ticket, "layers.0.w").result()).startswith(
        "<weft.Tensor 'layers.0.w' float32 [2, 2], generation 1, by ")
    assert "put" in dir(server) and not [n for n in dir(server) if n.startswith("_") and not n.startswith("__")]
    with pytest.raises(TypeError):
        weft.Node(lisen="127.0.0.1:0")


def test_without_libfabric_bulk_goes_by_tls_and_lanes_say_what_to_install(tmp_path, server):
    (tmp_path / "libfabric.so.1").touch()  # the first that is found is none
    server.put("w", bytes(4 << 20))
    code = """
import sys, weft
with weft.Node() as node:
    (tcp,) = (lane for lane in node.lanes() if lane.lane == "tcp")
    print(tcp.used, tcp.detail)
    t = node.get(sys.argv[1], "w").result()
    print(t.nbytes, t.lane)
    try:
        node.get(sys.argv[1], "w", lane="tcp").result()
    except weft.UnsupportedError:
        print("no tcp")
"""
    lanes, *rest = python(code, server.ticket, env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}).stdout.splitlines()
    assert lanes.startswith("False libfabric: ") and "(Debian: libfabric1)" in lanes
    assert rest == ["4194304 tls", "no tcp"]
