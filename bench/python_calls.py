#!/usr/bin/env python3
"""Question: what do calls cost from Python, against the same calls in C++ and against plain sockets?

In turn in one run, between two processes of this host: a 4 KiB get that blocks, that asyncio and uvloop await, and a
thousand awaited together; 1 MiB and 1 GiB into memory of the caller's; a push of 64 KiB until its receipt, beside plain
blocking sockets and pyzmq with an echo of a byte; `import weft`. C++'s figures are bench_round_trip's, run between.

    PYTHONPATH=build/release/python bench/python_calls.py [BUILD = build/release] [--rounds N] [--tiny]

Prints the machine, p50, p99 and max of each, and last `result KEY VALUE` lines.
"""

import argparse
import asyncio
import os
import pathlib
import platform
import re
import socket
import subprocess
import sys
import time

import numpy as np

import weft

SERVER = """
import socket, sys, threading, numpy as np, weft
node = weft.Node()
for name, size in (("4K", 4096), ("1M", 1 << 20), ("big", int(sys.argv[1]))):
    node.put(name, np.ones(size, "u1"))
listener = socket.create_server(("127.0.0.1", 0))
def echo(peer):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(65536)
    while True:
        got = 0
        while got < len(buffer):
            more = peer.recv_into(memoryview(buffer)[got:])
            if not more:
                return
            got += more
        peer.sendall(b"r")
def accept():
    while True:
        echo(listener.accept()[0])
threading.Thread(target=accept, daemon=True).start()
def take():
    for _ in node.pushes():
        pass
threading.Thread(target=take, daemon=True).start()
zmq_port = 0
try:
    import zmq
    replies = zmq.Context().socket(zmq.REP)
    zmq_port = replies.bind_to_random_port("tcp://127.0.0.1")
    def answer():
        while True:
            replies.recv(copy=False)
            replies.send(b"r")
    threading.Thread(target=answer, daemon=True).start()
except ImportError:
    pass
print(node.ticket, listener.getsockname()[1], zmq_port, flush=True)
sys.stdin.read()
"""
RESULTS = {}


def tell(key, seconds):
    """p50, p99, max of samples in µs; the median is a result."""
    samples = sorted(1e6 * s for s in seconds)
    p50, p99 = samples[len(samples) // 2], samples[min(len(samples) - 1, len(samples) * 99 // 100)]
    print(f"{key:<28} p50 {p50:10.1f} us   p99 {p99:10.1f} us   max {samples[-1]:10.1f} us   of {len(samples)}")
    RESULTS.setdefault(f"python.{key}.us", []).append(p50)


def timed(call, count):
    samples = []
    for _ in range(count):
        begun = time.perf_counter()
        call()
        samples.append(time.perf_counter() - begun)
    return samples


async def awaited(node, ticket, count):
    samples = []
    for _ in range(count):
        begun = time.perf_counter()
        await node.get(ticket, "4K")
        samples.append(time.perf_counter() - begun)
    return samples


async def together(node, ticket):
    begun = time.perf_counter()
    await asyncio.gather(*[node.get(ticket, "4K") for _ in range(1000)])
    return 1000 / (time.perf_counter() - begun)


def cpp_round_trip(build, tiny):
    bench = build / "bench" / "bench_round_trip"
    if not bench.exists():
        return print("bench_round_trip is not built: no figures of C++ beside Python's")
    done = subprocess.run([bench, *(["--tiny"] if tiny else ["--rounds", "1"])], capture_output=True, text=True, check=True)
    for key, value in re.findall(r"^result (round_trip\.(?:wait|then)\.us) (\S+)", done.stdout, re.M):
        print(f"{'C++ ' + key:<28} p50 {float(value):10.1f} us")
        RESULTS.setdefault(key, []).append(float(value))


def one_round(node, ticket, port, zmq_port, build, options):
    few = 20 if options.tiny else 2000
    tell("get_4K.block", timed(lambda: node.get(ticket, "4K").result(), few))
    tell("get_4K.asyncio", asyncio.run(awaited(node, ticket, few)))
    rate = asyncio.run(together(node, ticket))
    print(f"{'1000 gets together':<28} {rate:10.0f} /s by asyncio")
    RESULTS.setdefault("python.together.per_second", []).append(rate)
    try:
        import uvloop

        tell("get_4K.uvloop", uvloop.run(awaited(node, ticket, few)))
    except ImportError:
        print("uvloop is not installed")
    cpp_round_trip(build, options.tiny)
    into = np.empty(1 << 20, "u1")
    tell("get_1M_into", timed(lambda: node.get(ticket, "1M", into=into).result(), max(3, few // 10)))
    big = np.empty(options.big, "u1")
    seconds = timed(lambda: node.get(ticket, "big", into=big).result(), 2 if options.tiny else 5)
    tell("get_big_into", seconds)
    print(f"{'':<28} {options.big / sorted(seconds)[len(seconds) // 2] / 1e9:.2f} GB/s, hash {int(big.sum()) % 65521}")
    payload = np.ones(65536, "u1")
    tell("push_64K", timed(lambda: node.push(ticket, "p", payload).result(), few))
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tell("socket_64K", timed(lambda: (plain.sendall(payload), plain.recv(1)), few))
    if zmq_port:
        import zmq

        with zmq.Context() as context, context.socket(zmq.REQ) as asks:
            asks.connect(f"tcp://127.0.0.1:{zmq_port}")
            tell("pyzmq_64K", timed(lambda: (asks.send(payload, copy=False), asks.recv()), few))
    else:
        print("pyzmq is not installed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "build" / "release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    options.big = 8 << 20 if options.tiny else 1 << 30
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, 1 GiB is {options.big} bytes")
    with subprocess.Popen([sys.executable, "-c", SERVER, str(options.big)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as server, weft.Node() as node:  # fmt: skip
        ticket, port, zmq_port = server.stdout.readline().split()
        node.get(ticket, "4K").result()
        for number in range(1 if options.tiny else options.rounds):
            print(f"\nround {number + 1}")
            one_round(node, ticket, int(port), int(zmq_port), options.build, options)
        server.stdin.close()
    imports = [float(subprocess.run([sys.executable, "-S", "-c", "import time; t = time.perf_counter(); import weft; "
                                     "print(time.perf_counter() - t)"], capture_output=True, text=True, check=True,
                                    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).stdout) for _ in range(5)]  # fmt: skip
    tell("import", imports)
    print()
    for key, values in RESULTS.items():
        print(f"result {key} {sorted(values)[len(values) // 2]:.3f}")


if __name__ == "__main__":
    main()
