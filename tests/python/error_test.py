"""Exceptions: the tree of docs/errors.md, each with what to do next."""

import pickle

import numpy as np
import pytest

import weft

BUILTIN = {
    "InvalidArgumentError": ValueError, "MalformedError": ValueError, "UnauthenticatedError": PermissionError,
    "ForbiddenError": PermissionError, "NotFoundError": KeyError, "ExistsError": Exception, "StaleError": Exception,
    "PeerUnreachableError": ConnectionError, "PeerLostError": ConnectionError, "DeadlineExceededError": TimeoutError,
    "CancelledError": Exception, "IntegrityError": Exception, "ResourceExhaustedError": MemoryError,
    "OverloadedError": Exception, "UnsupportedError": NotImplementedError, "ShuttingDownError": Exception,
    "InternalError": Exception,
}  # fmt: skip


def test_each_class_is_an_error_and_a_builtin_one():
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
        except (weft.MalformedError, weft.InvalidArgumentError, UnicodeEncodeError):
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
        client.get(ticket, "w", timeout=5).result()
    assert isinstance(caught.value, ConnectionError)
    assert caught.value.retryable


def test_an_address_that_is_another_nodes_is_unauthenticated(client):
    with weft.Node() as first:
        ticket = first.ticket
        address = repr(first).split("tcp://")[1].rstrip(">")
    with weft.Node(listen=address), pytest.raises(weft.UnauthenticatedError):
        client.ping(ticket, timeout=10).result()


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
    for options in ({"slice": 1.5}, {"slise": "0:1"}, {"pages": 5}, {"trace": 5},
                    {"pages": weft.Pages(axis="x")}):
        with pytest.raises((TypeError, AttributeError, weft.InvalidArgumentError)):
            client.get(server.ticket, "w", **options).result()


def test_nothing_is_pickled(server, client):
    server.put("w", np.arange(4))
    for thing in (server, client.get(server.ticket, "w"), client.get(server.ticket, "w").result()):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
        if isinstance(thing, weft.Transfer):
            thing.result()
