"""Exceptions: the tree of docs/errors.md, each with what to do next."""

import pickle

import numpy as np
import pytest

import weft
from conftest import SECONDS

BUILTIN = {
    "InvalidArgumentError": ValueError, "MalformedError": ValueError, "UnauthenticatedError": PermissionError,
    "ForbiddenError": PermissionError, "NotFoundError": KeyError, "ExistsError": Exception, "StaleError": Exception,
    "PeerUnreachableError": ConnectionError, "PeerLostError": ConnectionError, "DeadlineExceededError": TimeoutError,
    "CancelledError": Exception, "IntegrityError": Exception, "ResourceExhaustedError": MemoryError,
    "OverloadedError": Exception, "UnsupportedError": NotImplementedError, "ShuttingDownError": Exception,
    "InternalError": Exception,
}  # fmt: skip


def test_each_class_is_an_error_and_a_builtin_one():  # [T-18]
    from weft._errors import _CLASSES, from_native

    assert [c.__name__ for c in _CLASSES] == list(BUILTIN)
    for kind, (name, builtin) in enumerate(BUILTIN.items()):
        error = from_native(kind, f"text {kind}", "do this", True, "get", "gpu-07", "t1", "tcp", "w", 111, False)
        assert type(error) is getattr(weft, name)
        assert isinstance(error, weft.Error) and isinstance(error, builtin)
        assert str(error) == f"text {kind}"
        assert (error.hint, error.retryable, error.operation, error.peer, error.transfer, error.lane, error.name,
                error.native_code, error.may_have_arrived) == ("do this", True, "get", "gpu-07", "t1", "tcp", "w", 111, False)  # fmt: skip
        assert type(error).__doc__


def test_a_traceback_ends_with_the_hint(server, client):
    import sys
    import traceback

    with pytest.raises(weft.NotFoundError) as caught:
        client.get(server.ticket, "nope").result()
    error = caught.value
    assert error.operation == "get" and error.name == "nope" and server.id[:4] in error.peer
    assert error.native_code == 0 and not error.retryable
    if sys.version_info >= (3, 11):
        assert traceback.format_exception(error)[-1].strip().endswith(f"hint: {error.hint}")


@pytest.mark.parametrize("ticket", ["invalid_address", "node123456789", "http://invalid.com", "", "nodeXXXXXXXXXXXXXXXXX",
                                    "weft" + "a" * 100000, "weft\0", "weft\ud800", "weftaé"])  # fmt: skip
def test_hostile_tickets_are_malformed_whatever_the_call(client, ticket):
    for call in (
        lambda: client.get(ticket, "w"),
        lambda: client.get_many(ticket, ["w"]),
        lambda: client.push(ticket, "w", b"1"),
        lambda: client.list(ticket),
        lambda: client.explain(ticket),
        lambda: client.ping(ticket),
    ):
        try:
            call().result()
        except (weft.MalformedError, weft.InvalidArgumentError):
            continue
        raise AssertionError(ticket)


def test_every_flipped_character_of_a_ticket_is_seen(server, client):
    ticket = server.ticket
    for i in range(4, len(ticket)):
        flipped = ticket[:i] + ("a" if ticket[i] != "a" else "b") + ticket[i + 1 :]
        with pytest.raises((weft.MalformedError, weft.UnsupportedError)):
            client.ping(flipped).result()
    with pytest.raises(weft.InvalidArgumentError):
        client.ping(5)
    with pytest.raises(weft.InvalidArgumentError):
        client.ping(None)
    assert client.ping(ticket.upper()).result().node == server.id
    assert client.ping("node" + ticket[4:]).result().node == server.id


def test_a_peer_that_is_not_there_is_unreachable(client):
    with weft.Node() as gone:
        ticket = gone.ticket
    with pytest.raises(weft.PeerUnreachableError) as caught:
        client.get(ticket, "w", timeout=SECONDS).result()
    assert isinstance(caught.value, ConnectionError)
    assert caught.value.retryable


def test_an_address_that_is_another_nodes_is_unauthenticated(client):
    with weft.Node() as first:
        ticket = first.ticket
        address = repr(first).split("tcp://")[1].rstrip(">")
    with weft.Node(listen=address), pytest.raises(weft.UnauthenticatedError):
        client.ping(ticket, timeout=SECONDS).result()


def test_an_address_in_use_exists_already(server):
    address = repr(server).split("tcp://")[1].rstrip(">")
    with pytest.raises(weft.ExistsError):
        weft.Node(listen=address)


def test_what_is_too_large_is_refused_before_it_is_allocated(server):
    server.put("w", np.zeros(64 << 20, "u1"))
    with weft.Node(memory_bytes=1 << 20) as small, pytest.raises(weft.ResourceExhaustedError) as caught:
        small.get(server.ticket, "w").result()
    assert isinstance(caught.value, MemoryError)


def test_wrong_slices_and_words_are_invalid_arguments(server, client):
    server.put("w", np.zeros((4, 4)))
    for options in ({"slice": "a:b"}, {"slice": weft.s_[::-1]}, {"slice": weft.s_[..., 0:1]}, {"slice": weft.s_[0, 0, 0]},
                    {"verify": "some"}, {"lane": "smoke"}, {"generation": "newest"}, {"timeout": "soon"},
                    {"pages": weft.Pages(source=[-1])}, {"pages": weft.Pages(source=[9])}):  # fmt: skip
        with pytest.raises(ValueError) as caught:
            client.get(server.ticket, "w", **options).result()
        assert isinstance(caught.value, weft.InvalidArgumentError), options
    with pytest.raises(TypeError):
        client.get(server.ticket, "w", slise="0:1")


class Odd:
    def __repr__(self):
        return "\ud800" + "x" * 1000


def test_every_wrong_argument_is_named_with_what_it_may_be(server, client):
    server.put("w", np.zeros((4, 4)))
    ticket = server.ticket
    get = lambda **options: client.get(ticket, "w", **options)  # noqa: E731
    for call, named in [
        *[(lambda name=name: call(name), "name=") for name in ("\ud800", 5, None, b"w", Odd()) for call in (
            lambda name: server.put(name, b""), lambda name: server.lend(name, b""), server.remove,
            lambda name: server.put_many({name: b""}), lambda name: client.get(ticket, name),
            lambda name: client.get_many(ticket, [weft.Item(name)]), lambda name: client.push(ticket, name, b""),
            lambda name: client.explain(ticket, name))],
        (lambda: client.get_many(ticket, ["\ud800"]), "name="),
        (lambda: client.list(ticket, None), "pattern="),
        (lambda: server.receive("\ud800"), "pattern="),
        (lambda: server.try_receive(5), "pattern="),
        (lambda: client.get("weft\ud800", "w"), "peer="),
        (lambda: client.get_many(ticket, "abc"), "items='abc'"),
        (lambda: client.get_many(ticket, [5]), "items=5"),
        (lambda: client.get_many(ticket, 5), "items=5"),
        (lambda: client.get_many(ticket, [get().result()]), "items=<weft.Tensor"),
        (lambda: server.put_many([("a", b"")]), "tensors="),
        (lambda: server.serve(5), "path=5"),
        (lambda: server.serve("/tmp", prefix=5), "prefix=5"),
        (lambda: get(pages=5), "pages=5"),
        (lambda: get(pages=weft.Pages(axis="x")), "pages.axis='x'"),
        (lambda: get(pages=weft.Pages(axis=2**40)), "pages.axis="),
        (lambda: get(pages=weft.Pages(source=5)), "pages.source=5"),
        (lambda: get(pages=weft.Pages(source=[1.5])), "pages.source=1.5"),
        (lambda: get(generation=-1), "generation=-1"),
        (lambda: get(generation=2**70), "generation="),
        (lambda: get(generation=True), "generation=True"),
        (lambda: weft.newer_than(-3), "generation=-3"),
        (lambda: weft.at_least("3"), "generation='3'"),
        (lambda: get(timeout=True), "timeout=True"),
        (lambda: get().result("soon"), "timeout='soon'"),
        (lambda: get(trace="x"), "trace='x'"),
        (lambda: get(trace=5), "trace=5"),
        (lambda: get(trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0G"), "trace="),
        (lambda: weft.view(b"1", dtype="\ud800"), "dtype="),
        (lambda: weft.view(b"1", dtype=np.datetime64), "dtype="),
        (lambda: weft.view(b"1", dtype="uint8", shape=1), "shape=1"),
        (lambda: weft.view(b"1", dtype="uint8", shape=[1.0]), "shape="),
        (lambda: weft.view(b"1", dtype="uint8", shape="1"), "shape='1'"),
        (lambda: get().result().numpy(view=np.datetime64), "view="),
        (lambda: weft.Access.any().names("\ud800"), "glob="),
        (lambda: weft.Access.any().verbs("gett"), "verbs='gett'"),
        (lambda: weft.Access.peers("abc"), "ids='abc'"),
        (lambda: weft.Access.peers(["x"]), "ids='x'"),
        (lambda: weft.Access.peers(5), "ids=5"),
        (lambda: weft.Node(access=["x"]), "access='x'"),
        (lambda: weft.Node(access="x"), "access='x'"),
        (lambda: weft.Node(access=server.id), "access="),
        (lambda: weft.Node(access=5), "access=5"),
        (lambda: weft.Node(listen=[5]), "listen=5"),
        (lambda: weft.Node(listen=5), "listen=5"),
        (lambda: weft.Node(lanes=["smoke"]), "lane='smoke'"),
        (lambda: weft.Node(identity=5), "identity=5"),
        (lambda: weft.Node(connections=-1), "connections=-1"),
        (lambda: weft.Node(connections=1.5), "connections=1.5"),
        (lambda: weft.Node(memory_bytes="1G"), "memory_bytes='1G'"),
        (lambda: weft.Node(idle=True), "idle=True"),
        (lambda: weft.fetch(ticket, 5), "names=5"),
    ]:  # fmt: skip
        with pytest.raises(weft.InvalidArgumentError) as caught:
            call()
        assert named in str(caught.value) and len(str(caught.value)) < 300, str(caught.value)
        assert caught.value.hint, named
    assert get(trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").result().name == "w"
    assert get(generation=np.int64(1)).result().name == "w"


def test_errors_of_python_code_have_hints_that_a_traceback_shows(server, client, tmp_path):
    from weft.safetensors import safe_open

    for call in (
        lambda: weft.fetch(server.ticket, "none*"),
        lambda: weft.fetch(server.ticket, device="cuda:0"),
        lambda: safe_open(tmp_path / "none", "np"),
        lambda: safe_open(server.ticket, "tf"),
        lambda: safe_open(server.ticket, "np", device="cuda:0"),
        lambda: safe_open(server.ticket, "np").get_tensor("none"),
        lambda: weft.s_[None],
    ):
        with pytest.raises(weft.Error) as caught:
            call()
        assert caught.value.hint
        assert caught.value.__notes__ == [f"hint: {caught.value.hint}"]


def test_a_batch_error_is_pickled_with_its_errors(server, client):
    server.put("w", b"1234")
    with pytest.raises(weft.BatchError) as caught:
        client.get_many(server.ticket, ["w", "nope"]).result().unwrap()
    error = caught.value
    same = pickle.loads(pickle.dumps(error))
    assert type(same) is weft.BatchError
    assert (str(same), same.hint, same.operation, same.peer) == (str(error), error.hint, "get_many", error.peer)
    assert same.results[0] is None and isinstance(same.results[1], weft.NotFoundError)
    assert list(same.errors) == ["nope"] and same.errors["nope"].hint == error.errors["nope"].hint
    assert error.results[0].name == "w"


def test_nothing_is_pickled(server, client):
    server.put("w", np.arange(4))
    for thing in (server, client.get(server.ticket, "w"), client.get(server.ticket, "w").result()):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
        if isinstance(thing, weft.Transfer):
            thing.result()


def words_of_the_command():
    """Every text in the engine's and the nodes' own code that names the command; what the command says is its own."""
    import pathlib
    import re

    root = pathlib.Path(__file__).parents[2]
    code = "\n".join(
        line
        for path in [*root.glob("engine/**/*.cpp"), *root.glob("nodes/*.cpp")]
        for line in path.read_text().splitlines()
        if not line.lstrip().startswith(("//", "#", "*"))
    )
    texts = re.findall(r"\"((?:[^\"\\\n]|\\.)*)\"", code)
    return [text for text in texts if re.search(r"--[a-zA-Z]|-vv|weft (?!grains)[a-z]+\b", text)]


def test_no_hint_speaks_the_commands_language():
    from weft._hints import in_python

    told = words_of_the_command()
    assert len(told) > 15 and any("--timeout" in hint for hint in told) and any("`weft ls" in hint for hint in told)
    for hint in told:
        words = in_python(hint, "get")
        for foreign in ("--", "-vv", "weft ls", "weft id", "weft help", "weft info", "weft ping", "weft explain",
                        "weft version", "weft recv", "weft get", "weft push", "weft serve"):  # fmt: skip
            assert foreign not in words, (hint, words)


def test_hints_of_calls_name_what_python_has(server, client):
    for call, words in [
        (lambda: client.get(server.ticket, "none").result(), "node.list(ticket)"),
        (lambda: server.receive("none", timeout=0.01).result(), "timeout="),
        (lambda: weft.Node(listen="0.0.0.0:0"), 'access="any"'),
    ]:
        with pytest.raises(weft.Error) as caught:
            call()
        assert words in caught.value.hint and "--" not in caught.value.hint, caught.value.hint
        assert caught.value.__notes__ == [f"hint: {caught.value.hint}"]
    with weft.Node(access=[server.id]) as picky, pytest.raises(weft.ForbiddenError) as caught:
        client.get(picky.ticket, "w").result()
    assert f'access=["{client.id}"]' in caught.value.hint


def test_a_variable_is_told_as_it_stands(monkeypatch):
    monkeypatch.setenv("WEFT_SPIN_US", "x")
    with pytest.raises(weft.InvalidArgumentError, match='WEFT_SPIN_US: "x" is no number of us'):
        weft.Node()
