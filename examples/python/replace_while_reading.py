"""A trainer replaces its weights while two actors read them: each pull is whole, of one generation, and none older than
what that actor has seen."""

import multiprocessing

import numpy as np
import weft

NAMES, GENERATIONS = ["policy.w", "policy.b"], 50


def trainer(channels):
    with weft.Node() as node:
        step = 0

        def publish():  # both tensors at once: who pulls them has both of one step
            w, b = np.full((512, 512), step, np.float32), np.full(512, step, np.float32)
            node.put_many({"policy.w": w, "policy.b": b})

        publish()
        for channel in channels:
            channel.send(node.ticket)
        while not all(channel.poll() for channel in channels):
            step += 1
            publish()  # new arrays: what is served is never written


def actor(number, channel):
    ticket, newest, seen = channel.recv(), 0, set()
    with weft.Node() as node:
        while len(seen) < GENERATIONS:
            w, b = node.get_many(ticket, NAMES).result().unwrap()  # one snapshot of the peer
            step = b.numpy()[0]
            assert np.all(w.numpy() == step) and np.all(b.numpy() == step)
            assert w.generation == b.generation >= newest
            newest = w.generation
            seen.add(newest)
    print(f"actor {number}: {len(seen)} generations seen, each whole", flush=True)
    channel.send("done")


if __name__ == "__main__":
    start = multiprocessing.get_context("spawn")
    pipes = [start.Pipe() for _ in range(2)]
    processes = [start.Process(target=trainer, args=([ours for ours, _ in pipes],))]
    processes += [start.Process(target=actor, args=(i, theirs)) for i, (_, theirs) in enumerate(pipes)]
    for process in processes:
        process.start()
    for end in (end for pipe in pipes for end in pipe):
        end.close()
    for process in processes:
        process.join()
    raise SystemExit(any(process.exitcode for process in processes))
