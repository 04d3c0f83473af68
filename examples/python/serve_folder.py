"""A folder of safetensors files, served as it lies there; another process lists it, and reads of it what it needs."""

import multiprocessing
import pathlib
import tempfile

import numpy as np
import weft
from weft.safetensors import load_file, safe_open, save_file


def tensors(shard):
    first = shard * 100
    return {f"layers.{shard}.{name}": np.arange(first, first + 24 * 1000, dtype=np.float32).reshape(24, 1000)
            for name in ("q", "k")}  # fmt: skip


def serve(folder, channel):
    with weft.serve(folder) as served:  # read as it is asked for, never loaded whole
        channel.send(served.ticket)
        channel.recv()


def read(channel):
    ticket = channel.recv()
    with safe_open(ticket, framework="np") as model:  # safetensors' own interface
        print("served:", *model.keys(), flush=True)
        rows = model.get_slice("layers.1.k")[8:12]  # only these rows travel
    assert np.array_equal(rows, tensors(1)["layers.1.k"][8:12])
    print("rows 8 to 12 of layers.1.k are right", flush=True)
    everything = load_file(ticket, framework="np")
    assert all(np.array_equal(everything[name], t) for shard in (0, 1) for name, t in tensors(shard).items())
    print(f"all {len(everything)} tensors are right", flush=True)
    channel.send("done")


if __name__ == "__main__":
    start = multiprocessing.get_context("spawn")
    ours, theirs = start.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        for shard in (0, 1):
            save_file(tensors(shard), pathlib.Path(folder) / f"model-{shard}.safetensors")
        processes = [start.Process(target=serve, args=(folder, ours)), start.Process(target=read, args=(theirs,))]
        for process in processes:
            process.start()
        ours.close(), theirs.close()
        for process in processes:
            process.join()
    raise SystemExit(any(process.exitcode for process in processes))
