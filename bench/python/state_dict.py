"""Question: how long does it take to load a state dict of 256 MiB (64 tensors in a safetensors file) from another
process, beside the safetensors library's load_file of a local copy?

By weft.safetensors.load_file over a ticket, into memory that is there already (get_many into=), by torch's
load_state_dict, and from the local file; in turn in one run, page cache warm.

Usage: bench/python/state_dict.py [--rounds N] [--tiny]
"""

import pathlib
import tempfile
import time

import numpy as np
import weft
from common import arguments, figures, python, result, skipped
from weft.safetensors import load_file, save_file

SERVE = """
import sys, weft
with weft.serve(sys.argv[1]) as served:
    print(served.ticket, flush=True)
    sys.stdin.read()
"""


def ways_of(path, ticket, node, tensors):
    """name -> (prepare() -> once()): what is timed is once."""
    yield "weft, over tcp", lambda: lambda: load_file(ticket, framework="np", node=node)
    kept = {name: np.empty_like(t) for name, t in tensors.items()}
    items = [weft.Item(name, into=array) for name, array in kept.items()]
    yield "weft, over tcp, into", lambda: lambda: node.get_many(ticket, items).result().unwrap()
    yield "weft, local file (mapped)", lambda: lambda: load_file(path, framework="np")

    def touched():
        for array in load_file(path, framework="np").values():
            array.reshape(-1)[::1024].sum()

    yield "weft, local file, every page read", lambda: touched
    try:
        import safetensors.numpy
    except ImportError as why:
        skipped("safetensors", why)
    else:
        yield "safetensors.numpy, local file", lambda: lambda: safetensors.numpy.load_file(path)
    try:
        import torch
    except ImportError as why:
        skipped("torch", why)
        return
    state = {name: torch.empty(t.shape) for name, t in tensors.items()}
    yield "weft.torch.load_state_dict", lambda: lambda: weft.torch.load_state_dict(state, ticket, node=node)
    try:
        import safetensors.torch
    except ImportError:
        return

    def copied():
        for name, tensor in safetensors.torch.load_file(path).items():
            state[name].copy_(tensor)

    yield "safetensors.torch, copied into", lambda: copied


def main():
    options = arguments(__doc__)
    rows = 16 if options.tiny else 1024
    rng = np.random.default_rng(0)
    tensors = {f"layers.{i:02}.w": rng.standard_normal((rows, 1024), dtype=np.float32) for i in range(64)}
    nbytes = sum(t.nbytes for t in tensors.values())
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.safetensors"
        save_file(tensors, path)
        with python(SERVE, path) as other, weft.Node() as node:
            ticket = other()
            ways = dict(ways_of(path, ticket, node, tensors))
            samples = {way: [] for way in ways}
            for turn in range(options.rounds + 1):
                for way, prepare in ways.items():
                    once = prepare()
                    began = time.perf_counter()
                    given = once()
                    taken = time.perf_counter() - began
                    if isinstance(given, dict) and turn == 0:
                        assert all(np.array_equal(given[name], t) for name, t in tensors.items())
                    del given
                    if turn > 0:
                        samples[way].append(taken)
    medians = {way: figures(way, taken, nbytes) for way, taken in samples.items()}
    result("python.state_dict.ms", medians["weft, over tcp"] * 1e3)
    result("python.state_dict.into.ms", medians["weft, over tcp, into"] * 1e3)
    if "safetensors.numpy, local file" in medians:
        local = medians["safetensors.numpy, local file"]
        result("python.state_dict.to_numpy_load_file", medians["weft, over tcp"] / local)
        result("python.state_dict.into_to_numpy_load_file", medians["weft, over tcp, into"] / local)


if __name__ == "__main__":
    main()
