"""A pipeline of three stages in three processes: each receives activations, applies its layer and pushes them on."""

import asyncio
import multiprocessing

import numpy as np
import weft

BATCHES, WIDTH = 8, 256


def layer(number):
    return np.random.default_rng(number).standard_normal((WIDTH, WIDTH), dtype=np.float32) / 16


def batch(number):
    return np.full((32, WIDTH), number, np.float32)


async def stage(number, tickets, forward):
    """tickets[i] carries the ticket of stage i to the one before it."""
    w = layer(number)
    async with weft.Node() as node:
        if number > 0:
            tickets[number].put(node.ticket)
        following = tickets[number + 1].get() if forward else None
        for i in range(BATCHES):
            if number == 0:
                name, x = f"act.{i}", batch(i)
            else:
                pushed = await node.receive("act.*")
                name, x = pushed.name, pushed.numpy()  # its own memory, no copy
            y = np.maximum(x @ w, 0)
            if forward:
                receipt = await node.push(following, name, y)  # the next stage has verified every byte
                assert receipt.bytes == y.nbytes
            else:
                expected = batch(i)
                for layers in (layer(0), layer(1), layer(2)):
                    expected = np.maximum(expected @ layers, 0)
                assert name == f"act.{i}" and np.array_equal(y, expected)
                print(f"{name} went through 3 stages", flush=True)


def run(number, tickets):
    asyncio.run(stage(number, tickets, forward=number < 2))


if __name__ == "__main__":
    start = multiprocessing.get_context("spawn")
    tickets = [start.Queue() for _ in range(3)]
    stages = [start.Process(target=run, args=(number, tickets)) for number in range(3)]
    for process in stages:
        process.start()
    for process in stages:
        process.join()
    raise SystemExit(any(process.exitcode for process in stages))
