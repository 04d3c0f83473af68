"""Tensor parallel: one process serves a model, two ranks pull their columns of each matrix, and only those."""

import multiprocessing

import numpy as np
import weft

RANKS, WIDTH = 2, 512


def model():
    """What would be loaded from a checkpoint."""
    rng = np.random.default_rng(0)
    return {f"layers.{i}.w": rng.standard_normal((256, WIDTH), dtype=np.float32) for i in range(4)}


def serve(tickets, done):
    with weft.serve(model()) as served:
        for _ in range(RANKS):
            tickets.put(served.ticket)
        done.wait()


def rank(number, tickets):
    columns = slice(number * WIDTH // RANKS, (number + 1) * WIDTH // RANKS)
    ticket = tickets.get()
    with weft.Node() as node:
        names = [entry.name for entry in node.list(ticket, "layers.*").result()]
        shard = {name: np.empty((256, WIDTH // RANKS), np.float32) for name in names}  # where they are needed
        items = [weft.Item(name, slice=weft.s_[:, columns], into=shard[name]) for name in names]
        node.get_many(ticket, items).result().unwrap()  # one request; the server gathers the columns
        whole = model()
        assert all(np.array_equal(shard[name], whole[name][:, columns]) for name in names)
        received = node.stats().bytes_in
    print(f"rank {number} has columns {columns.start} to {columns.stop} of {len(names)} matrices, {received} bytes",
          flush=True)  # fmt: skip


if __name__ == "__main__":
    start = multiprocessing.get_context("spawn")  # a node does not survive a fork
    tickets, done = start.Queue(), start.Event()
    server = start.Process(target=serve, args=(tickets, done))
    ranks = [start.Process(target=rank, args=(number, tickets)) for number in range(RANKS)]
    for process in (server, *ranks):
        process.start()
    for process in ranks:
        process.join()
    done.set()
    server.join()
    raise SystemExit(any(process.exitcode for process in (server, *ranks)))
