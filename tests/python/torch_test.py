"""weft.torch: state dicts between processes, straight into the parameters' memory."""

import gc
import threading
import weakref

import pytest

import weft
from conftest import process

torch = pytest.importorskip("torch", reason="torch is not installed")
from torch import nn  # noqa: E402

# A model that a process of its own makes from the same seed.
MODEL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, tied=True):
        super().__init__()
        self.embed = nn.Embedding(40, 16)
        self.body = nn.Sequential(nn.Linear(16, 24), nn.BatchNorm1d(24), nn.Linear(24, 16, dtype=torch.bfloat16))
        self.head = nn.Linear(16, 40, bias=False)
        if tied:
            self.head.weight = self.embed.weight
        self.strided = nn.Parameter(torch.randn(12, 30).t())
        self.planes = nn.Parameter(torch.randn(6, 8, 10)[::2, :, 1:9:2])
        self.register_buffer("mask", torch.rand(7) > 0.5)
        self.register_buffer("left_out", torch.zeros(3), persistent=False)
        self.register_buffer("nothing", torch.zeros(0, 4))


def make(seed, tied=True):
    torch.manual_seed(seed)
    net = Net(tied)
    net.body[1].running_mean.normal_()
    net.body[1].num_batches_tracked += seed
    return net
"""
exec(MODEL)

PUBLISH = MODEL + """
import sys, weft
net = make(int(sys.argv[1]))
with weft.Node() as node:
    weft.torch.publish(node, net, prefix=sys.argv[2])
    print(node.ticket, flush=True)
    sys.stdin.read()
"""


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


@pytest.mark.parametrize("prefix", ["", "actor."])
def test_a_model_of_another_process_lands_in_the_parameters_own_memory(prefix):
    net = make(1)  # noqa: F821
    before = {name: (t.data_ptr(), t.stride()) for name, t in net.state_dict(keep_vars=True).items()}
    parameters = list(net.parameters())
    with process(PUBLISH, 2, prefix) as child:
        keys = weft.torch.load_state_dict(net, child.stdout.readline().strip(), prefix=prefix)
    assert repr(keys) == "<All keys matched successfully>"
    assert same(net, make(2))  # noqa: F821
    assert not same(make(1), make(2))  # noqa: F821
    assert before == {name: (t.data_ptr(), t.stride()) for name, t in net.state_dict(keep_vars=True).items()}
    assert all(a is b for a, b in zip(parameters, net.parameters()))
    assert net.head.weight is net.embed.weight and not net.strided.is_contiguous() and not net.planes.is_contiguous()
    assert net.strided.requires_grad


@pytest.fixture
def published(server):
    net = make(2)  # noqa: F821
    weft.torch.publish(server, net)
    return net


def test_a_publish_is_one_generation_and_keeps_the_memory_not_a_copy(server, client):
    net = make(3)  # noqa: F821
    first = weft.torch.publish(server, net)
    entries = client.list(server).result()
    assert {e.name for e in entries} == set(net.state_dict()) and {e.generation for e in entries} == {first}
    assert "left_out" not in {e.name for e in entries}
    with torch.no_grad():
        net.mask.logical_not_()  # nobody reads it meanwhile
    assert torch.equal(client.get(server, "mask").result().torch(), net.mask)
    watched = weakref.ref(net.strided)
    second = weft.torch.publish(server, make(4))  # noqa: F821
    assert second > first and {e.generation for e in client.list(server).result()} == {second}
    del net
    gc.collect()
    assert watched() is None


def test_a_copy_does_not_follow_the_model(server, client):
    net = make(3)  # noqa: F821
    weft.torch.publish(server, net, copy=True)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    other = make(1)  # noqa: F821
    weft.torch.load_state_dict(other, server, node=client)
    assert same(other, make(3))  # noqa: F821


def test_names_that_are_missing_or_unexpected_are_told_as_torch_tells_them(server, client, published):
    server.remove("mask")
    server.put("body.9.weight", torch.zeros(2))
    net = make(1)  # noqa: F821
    with pytest.raises(RuntimeError) as ours:
        weft.torch.load_state_dict(net, server, node=client)
    state = published.state_dict()
    del state["mask"]
    state["body.9.weight"] = torch.zeros(2)
    with pytest.raises(RuntimeError) as theirs:
        make(1).load_state_dict(state)  # noqa: F821
    assert str(ours.value) == str(theirs.value)
    assert isinstance(ours.value, weft.InvalidArgumentError) and ours.value.hint
    assert same(net, make(1))  # noqa: F821
    keys = weft.torch.load_state_dict(net, server, strict=False, node=client)
    expected = make(1).load_state_dict(state, strict=False)  # noqa: F821
    assert (keys.missing_keys, keys.unexpected_keys) == (expected.missing_keys, expected.unexpected_keys)
    assert torch.equal(net.strided, published.strided) and torch.equal(net.mask, make(1).mask)  # noqa: F821


@pytest.mark.parametrize("strict", [True, False])
def test_a_shape_or_dtype_that_differs_is_named_and_nothing_is_written(server, client, published, strict):
    server.put("mask", torch.zeros(8, dtype=torch.bool))
    server.put("strided", torch.zeros(30, 12, dtype=torch.float64))
    net = make(1)  # noqa: F821
    with pytest.raises(weft.torch.StateDictError) as caught:
        weft.torch.load_state_dict(net, server, strict, node=client)
    text = str(caught.value)
    assert "Error(s) in loading state_dict for Net" in text
    assert ("size mismatch for mask: copying a param with shape torch.Size([8]) from checkpoint, "
            "the shape in current model is torch.Size([7]).") in text  # fmt: skip
    assert "dtype mismatch for strided" in text and "float64" in text and "float32" in text
    assert "embed" not in text
    assert same(net, make(1))  # noqa: F821


def test_tied_weights_may_be_served_under_one_of_their_names(server, client, published):
    server.remove("embed.weight")  # as safetensors files hold them
    net = make(1)  # noqa: F821
    keys = weft.torch.load_state_dict(net, server, node=client)
    assert keys.missing_keys == [] and torch.equal(net.embed.weight, published.head.weight)
    server.remove("head.weight")
    with pytest.raises(RuntimeError, match='"embed.weight", "head.weight"'):
        weft.torch.load_state_dict(net, server, node=client)


def test_of_tied_names_that_differ_the_last_one_counts_as_in_torch(server, client):
    apart = make(5, tied=False)  # noqa: F821
    weft.torch.publish(server, apart)
    ours, theirs = make(1), make(1)  # noqa: F821
    weft.torch.load_state_dict(ours, server, node=client)
    theirs.load_state_dict(apart.state_dict())
    assert same(ours, theirs) and torch.equal(ours.embed.weight, apart.head.weight)


def test_autograd_sees_that_parameters_were_written(server, client):
    net = nn.Linear(3, 3)
    weft.torch.publish(server, nn.Linear(3, 3))
    loss = (net(torch.ones(2, 3, requires_grad=True)) ** 2).sum()
    weft.torch.load_state_dict(net, server, node=client)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


class Extra(nn.Linear):
    def get_extra_state(self):
        return {"anything": 1}

    def set_extra_state(self, state):
        pass


class Copying(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(4))
        self._register_state_dict_hook(lambda _module, state, prefix, _meta: state.update(w=state["w"] * 1))


def test_what_is_no_memory_of_the_models_is_refused_by_name(server, client):
    with pytest.raises(weft.UnsupportedError, match="_extra_state"):
        weft.torch.publish(server, Extra(2, 2))
    with pytest.raises(weft.UnsupportedError, match="meta"):
        weft.torch.publish(server, nn.Linear(2, 2, device="meta"))
    with pytest.raises(weft.UnsupportedError, match="sparse"):
        weft.torch.publish(server, {"sparse": torch.eye(3).to_sparse()})
    assert client.list(server).result() == []
    server.put("w", torch.ones(4))
    with pytest.raises(weft.UnsupportedError, match="w: state_dict"):
        weft.torch.load_state_dict(Copying(), server, node=client)


def test_a_mapping_is_a_model_too(server, client):
    weft.torch.publish(server, {"a": torch.arange(5), "b": torch.ones(2, 2)})
    into = {"a": torch.zeros(5, dtype=torch.int64), "b": torch.zeros(2, 2)}
    weft.torch.load_state_dict(into, server, node=client)
    assert torch.equal(into["a"], torch.arange(5)) and torch.equal(into["b"], torch.ones(2, 2))


def test_a_model_that_is_published_again_and_again_is_read_whole(server, client):
    names = [f"layer.{i}" for i in range(40)]
    stop, faults = threading.Event(), []

    def publish():
        for step in range(100_000):
            weft.torch.publish(server, {name: torch.full((300,), float(step)) for name in names})
            if stop.is_set():
                return

    weft.torch.publish(server, {name: torch.zeros(300) for name in names})
    trainer = threading.Thread(target=publish)
    trainer.start()
    try:
        seen = set()
        while len(seen) < 20:
            into = {name: torch.full((300,), -1.0) for name in names}
            weft.torch.load_state_dict(into, server, node=client)
            steps = {float(v) for tensor in into.values() for v in tensor.unique()}
            if len(steps) != 1:
                faults.append(steps)
            seen |= steps
    finally:
        stop.set()
        trainer.join()
    assert faults == []


def test_a_node_of_its_own_is_made_where_none_is_given(server):
    weft.torch.publish(server, nn.Linear(3, 2))
    net = nn.Linear(3, 2)
    weft.torch.load_state_dict(net, server.ticket, timeout=20)
    with pytest.raises(weft.MalformedError):
        weft.torch.load_state_dict(net, "weftnoticket")
