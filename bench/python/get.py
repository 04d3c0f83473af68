"""Question: what does a pull cost in Python, against the C++ API? `await node.get` of 4 KiB, of 1 MiB and 1 GiB `into`
memory of the caller's, from a node in a process of its own; each beside the same pulls by bench_puller, in turn in one
run. And how many pulls of 4 KiB a second are awaited together?

Usage: bench/python/get.py [--rounds N] [--tiny] [--build FOLDER]
"""

import asyncio
import time

import numpy as np
import weft
from common import arguments, figures, python, result, skipped, talking

SERVE = """
import sys, numpy as np, weft
with weft.Node() as node:
    for size in map(int, sys.argv[1:]):
        node.put(str(size), (np.arange(size, dtype=np.uint32) * 2654435761 >> 13).astype(np.uint8))
    print(node.ticket, flush=True)
    sys.stdin.read()
"""


async def pulls(node, ticket, name, count, into):
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        await node.get(ticket, name, into=into)
        taken.append(time.perf_counter() - began)
    return taken


async def together(node, ticket, name, count):
    began = time.perf_counter()
    await asyncio.gather(*[node.get(ticket, name) for _ in range(count)])
    return time.perf_counter() - began


def main():
    options = arguments(__doc__)
    KiB, MiB = 1 << 10, 1 << 20
    large = 4 * MiB if options.tiny else 1 << 30
    rows = [("4KiB", 4 * KiB, 300, False), ("1MiB.into", MiB, 60, True), ("1GiB.into", large, 1, True)]
    puller = options.build / "bench" / "bench_puller"
    with python(SERVE, *[size for _, size, _, _ in rows]) as server, weft.Node() as node:
        ticket = server()
        if puller.exists():
            with talking(puller, ticket) as cpp:
                beside(node, ticket, rows, options, cpp)
        else:
            skipped("C++", f"{puller} is not built")
            beside(node, ticket, rows, options, None)
        count = 100 if options.tiny else 1000
        asyncio.run(together(node, ticket, str(rows[0][1]), count))
        taken = [asyncio.run(together(node, ticket, str(rows[0][1]), count)) for _ in range(options.rounds * 3)]
        figures(f"{count} gets of 4 KiB awaited together", taken)
        result("python.together.per_second", count / sorted(taken)[len(taken) // 2])


def beside(node, ticket, rows, options, cpp):
    for key, size, count, into in rows:
        count = 3 if options.tiny else count
        buffer = np.empty(size, np.uint8) if into else None
        ours, theirs = [], []
        for turn in range(options.rounds + 1):
            mine = asyncio.run(pulls(node, ticket, str(size), count, buffer))
            its = [float(t) for t in cpp(f"{size} {count} {'into' if into else 'pool'}").split()] if cpp else []
            if turn > 0:  # the first warms up
                ours += mine
                theirs += its
        nbytes = size if into else 0
        python_s = figures(f"{key}: await node.get", ours, nbytes)
        result(f"python.{key}.us", python_s * 1e6)
        if theirs:
            cpp_s = figures(f"{key}: C++ wait()", theirs, nbytes)
            result(f"python.{key}.over_cpp_us", (python_s - cpp_s) * 1e6)
            result(f"python.{key}.to_cpp", cpp_s / python_s)


if __name__ == "__main__":
    main()
