"""Question: how long does it take to push 64 KiB and to know that they have arrived?

A push until its receipt (every byte verified), beside what a program would do by hand: pyzmq with an echo of one byte,
and plain blocking sockets with an answer of one byte; to a process of its own, over loopback TCP, in turn in one run.

Usage: bench/python/push.py [--rounds N] [--tiny]
"""

import asyncio
import contextlib
import socket
import time

import numpy as np
import weft
from common import arguments, figures, python, result, skipped

SIZE = 64 << 10

RECEIVE = """
import weft
with weft.Node() as node:
    print(node.ticket, flush=True)
    for pushed in node.pushes():
        memoryview(pushed)[-1:]
        if pushed.name == "end":
            break
"""
ZMQ = """
import zmq
with zmq.Context() as context, context.socket(zmq.REP) as end:
    print(end.bind_to_random_port("tcp://127.0.0.1"), flush=True)
    while len(end.recv(copy=False)):
        end.send(b"y")
"""
SOCKET = f"""
import socket
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    end, _ = listening.accept()
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    view = memoryview(bytearray({SIZE}))
    got = 1
    while got:
        at = 0
        while at < {SIZE} and (got := end.recv_into(view[at:])):
            at += got
        if got:
            end.sendall(b"y")
"""


def timed(count, once):
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        once()
        taken.append(time.perf_counter() - began)
    return taken


@contextlib.contextmanager
def weft_ways(data):
    with python(RECEIVE) as other, weft.Node() as node:
        ticket = other()

        async def awaited(count):
            taken = []
            for _ in range(count):
                began = time.perf_counter()
                await node.push(ticket, "act", data)
                taken.append(time.perf_counter() - began)
            return taken

        yield {
            "weft": lambda count: timed(count, lambda: node.push(ticket, "act", data).result()),
            "weft.await": lambda count: asyncio.run(awaited(count)),
        }
        node.push(ticket, "end", b"").result()


@contextlib.contextmanager
def zmq_way(data):
    import zmq

    with python(ZMQ) as other, zmq.Context() as context, context.socket(zmq.REQ) as end:
        end.connect(f"tcp://127.0.0.1:{other()}")

        def once():
            end.send(data, copy=False)
            end.recv()

        yield {"pyzmq": lambda count: timed(count, once)}
        end.send(b"")


@contextlib.contextmanager
def socket_way(data):
    with python(SOCKET) as other, socket.create_connection(("127.0.0.1", int(other()))) as end:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def once():
            end.sendall(data)
            end.recv(1)

        yield {"sockets": lambda count: timed(count, once)}


def main():
    options = arguments(__doc__)
    data = (np.arange(SIZE, dtype=np.uint32) * 2654435761 >> 13).astype(np.uint8)
    count = 5 if options.tiny else 300
    with contextlib.ExitStack() as stack:
        ways = dict(stack.enter_context(weft_ways(data)))
        try:
            ways |= stack.enter_context(zmq_way(data))
        except ImportError as why:
            skipped("pyzmq", why)
        ways |= stack.enter_context(socket_way(data))
        samples = {way: [] for way in ways}
        for turn in range(options.rounds + 1):
            for way, run in ways.items():
                taken = run(count)
                if turn > 0:
                    samples[way] += taken
    medians = {way: figures(f"64 KiB: {way}", taken, SIZE) for way, taken in samples.items()}
    for way, median in medians.items():
        result(f"python.push64KiB.{way}.us", median * 1e6)
        if not way.startswith("weft"):
            result(f"python.push64KiB.to_{way}", medians["weft"] / median)


if __name__ == "__main__":
    main()
