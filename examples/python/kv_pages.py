"""Prefill and decode in two processes: blocks of a KV cache are pulled by page number, from any pages of one tensor
into any free pages of another, all of them in one request."""

import multiprocessing

import numpy as np
import weft

BLOCK = (16, 8, 128)  # tokens, heads, width: 64 KiB of float32


def prefill(channel):
    cache = np.empty((64, *BLOCK), np.float32)
    for block in range(len(cache)):
        cache[block] = block  # what attention would leave there
    with weft.Node() as node, node.lend("kv.layer0", cache):  # lent: the cache is ours to write again afterwards
        channel.send((node.ticket, [3, 17, 18, 40, 63]))  # which blocks one sequence has
        channel.recv()


def decode(channel):
    cache = np.full((32, *BLOCK), -1, np.float32)
    ticket, blocks = channel.recv()
    free = [0, 9, 1, 31, 5]
    with weft.Node() as node:
        node.get(ticket, "kv.layer0", pages=weft.Pages(axis=0, source=blocks, target=free), into=cache).result()
    for block, page in zip(blocks, free):
        assert np.all(cache[page] == block)
        print(f"block {block:2} is page {page:2} here", flush=True)
    untouched = [page for page in range(len(cache)) if page not in free]
    assert np.all(cache[untouched] == -1)
    print(f"{len(untouched)} pages are untouched", flush=True)
    channel.send("done")


if __name__ == "__main__":
    start = multiprocessing.get_context("spawn")
    ours, theirs = start.Pipe()
    processes = [start.Process(target=prefill, args=(ours,)), start.Process(target=decode, args=(theirs,))]
    for process in processes:
        process.start()
    ours.close(), theirs.close()  # so that who waits for a process that has died is told
    for process in processes:
        process.join()
    raise SystemExit(any(process.exitcode for process in processes))
