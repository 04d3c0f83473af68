"""Question: how fast does a tensor come from another process over loopback TCP, beside what other libraries do?

Pulls of 1 MiB and 64 MiB into memory that is kept, one at a time: node.get(into=), pyzmq (one byte asks), gloo
(torch.distributed), plain sockets, NIXL READ as installed and tuned (no progress thread, 256 KiB segments), Mooncake's
transfer engine, Monarch's RDMABuffer over its TCP; in turn in one run, warmed up, what arrived compared. Each is
skipped where it does not import.

Usage: bench/python/peers.py [--rounds N] [--tiny]
"""

import contextlib
import inspect
import os
import socket
import subprocess
import sys
import time

import numpy as np
import weft
from common import arguments, figures, python, result, skipped



def content(size):
    """What every source serves: the same bytes for the same size."""
    return (np.arange(size, dtype=np.uint32) * 2654435761 >> 13).astype(np.uint8)


CONTENT = f"""
import sys, numpy as np
{inspect.getsource(content)}
SIZES = [int(word) for word in sys.argv[1:]]
ALL = {{size: content(size) for size in SIZES}}
"""

WEFT = CONTENT + """
import weft
with weft.Node() as node:
    for size in SIZES:
        node.put(str(size), ALL[size])
    print(node.ticket, flush=True)
    sys.stdin.read()
"""
ZMQ = CONTENT + """
import zmq
with zmq.Context() as context, context.socket(zmq.REP) as end:
    print(end.bind_to_random_port("tcp://127.0.0.1"), flush=True)
    while size := int(end.recv()):
        end.send(ALL[size], copy=False)
"""
SOCKET = CONTENT + """
import socket
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    end, _ = listening.accept()
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while which := end.recv(1):
        end.sendall(ALL[SIZES[which[0]]])
"""
GLOO = CONTENT + """
import torch, torch.distributed as dist
sys.stdout.write("ready\\n"); sys.stdout.flush()
port = int(sys.stdin.readline())
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=1, world_size=2)
which, tensors = torch.zeros(1, dtype=torch.int64), [torch.from_numpy(ALL[size]) for size in SIZES]
while dist.recv(which, 0) is not None and which.item() >= 0:
    dist.send(tensors[which.item()], 0)
dist.destroy_process_group()
"""
NIXL = CONTENT + """
from nixl._api import nixl_agent, nixl_agent_config
agent = nixl_agent("source", nixl_agent_config(backends=["UCX"]))
spans = [(ALL[size].ctypes.data, size, 0, "") for size in SIZES]
agent.register_memory(spans, "DRAM")
print("ticket", agent.get_agent_metadata().hex(), *[span[0] for span in spans], flush=True)
sys.stdin.read()
"""
MOONCAKE = CONTENT + """
from mooncake.engine import TransferEngine
engine = TransferEngine()
assert engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0
for size in SIZES:
    assert engine.register_memory(ALL[size].ctypes.data, size) == 0
print(f"ticket 127.0.0.1:{engine.get_rpc_port()}", *[ALL[size].ctypes.data for size in SIZES], flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def weft_way(sizes):
    with python(WEFT, *sizes) as source, weft.Node() as node:
        ticket = source()
        yield lambda size, into: node.get(ticket, str(size), into=into, lane="tcp").result()


@contextlib.contextmanager
def zmq_way(sizes):
    import zmq

    with python(ZMQ, *sizes) as source, zmq.Context() as context, context.socket(zmq.REQ) as end:
        end.connect(f"tcp://127.0.0.1:{source()}")

        def pull(size, into):
            end.send(str(size).encode())
            end.recv_into(into)

        yield pull
        end.send(b"0")


@contextlib.contextmanager
def socket_way(sizes):
    with python(SOCKET, *sizes) as source, socket.create_connection(("127.0.0.1", int(source()))) as end:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def pull(size, into):
            end.send(bytes([sizes.index(size)]))
            view, at = memoryview(into), 0
            while at < size:
                at += end.recv_into(view[at:])

        yield pull


@contextlib.contextmanager
def gloo_way(sizes):
    import torch
    import torch.distributed as dist

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess_of(GLOO, sizes, port):
        dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=2)
        which = torch.zeros(1, dtype=torch.int64)

        def pull(size, into):
            which[0] = sizes.index(size)
            dist.send(which, 1)
            dist.recv(torch.from_numpy(into), 1)

        yield pull
        which[0] = -1
        dist.send(which, 1)
        dist.destroy_process_group()


@contextlib.contextmanager
def subprocess_of(code, sizes, word):
    """A process that is told one word and then goes its way."""
    words = [sys.executable, "-c", code, *map(str, sizes)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline()
        child.stdin.write(f"{word}\n")
        child.stdin.flush()
        try:
            yield
            child.wait(20)
        finally:
            child.kill()


def words_of(source):
    """Of the line that is meant for us: these libraries log to stdout too."""
    while not (line := source()).startswith("ticket "):
        pass
    return line.split()


@contextlib.contextmanager
def nixl_way(sizes, tuned):
    from nixl._api import nixl_agent, nixl_agent_config

    os.environ["UCX_TLS"] = "tcp"
    if tuned:
        os.environ.update(UCX_TCP_TX_SEG_SIZE="256k", UCX_TCP_RX_SEG_SIZE="256k")
    with python(NIXL, *sizes) as source:
        _, metadata, *places = words_of(source)
        agent = nixl_agent(f"puller{tuned}", nixl_agent_config(enable_prog_thread=not tuned, backends=["UCX"]))
        peer = agent.add_remote_agent(bytes.fromhex(metadata))
        handles = {}

        def pull(size, into):
            if size not in handles:
                agent.register_memory([(into.ctypes.data, size, 0, "")], "DRAM")
                local = agent.get_xfer_descs([(into.ctypes.data, size, 0)], "DRAM")
                remote = agent.get_xfer_descs([(int(places[sizes.index(size)]), size, 0)], "DRAM")
                handles[size] = agent.initialize_xfer("READ", local, remote, peer, b"")
            state = agent.transfer(handles[size])
            while state != "DONE":
                assert state != "ERR"
                state = agent.check_xfer_state(handles[size])

        yield pull


@contextlib.contextmanager
def mooncake_way(sizes):
    from mooncake.engine import TransferEngine

    with python(MOONCAKE, *sizes) as source:
        _, peer, *places = words_of(source)
        engine = TransferEngine()
        assert engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0
        known = set()

        def pull(size, into):
            if size not in known:
                assert engine.register_memory(into.ctypes.data, size) == 0
                known.add(size)
            place = int(places[sizes.index(size)])
            assert engine.transfer_sync_read(peer, into.ctypes.data, place, size) == 0

        yield pull


@contextlib.contextmanager
def monarch_way(sizes):
    from monarch.actor import Actor, endpoint, this_host
    from monarch.rdma import RDMABuffer

    class Source(Actor):
        def __init__(self, sizes):
            self.held = [content(size) for size in sizes]
            self.buffers = [RDMABuffer(memoryview(held)) for held in self.held]

        @endpoint
        async def all(self):
            return self.buffers

    processes = this_host().spawn_procs(per_host={"procs": 1})
    buffers = processes.spawn("source", Source, sizes).all.call_one().get()
    yield lambda size, into: buffers[sizes.index(size)].read_into(memoryview(into)).get()
    processes.stop().get()


WAYS = {
    "weft": weft_way,
    "sockets": socket_way,
    "pyzmq": zmq_way,
    "gloo": gloo_way,
    "nixl.as_installed": lambda sizes: nixl_way(sizes, tuned=False),
    "nixl.tuned": lambda sizes: nixl_way(sizes, tuned=True),
    "mooncake": mooncake_way,
    "monarch": monarch_way,
}


def worker(name, count, sizes):
    """One turn of one way: a line of seconds for each size, or why there is none."""
    try:
        with WAYS[name](sizes) as pull:
            for size in sizes:
                into, taken = np.zeros(size, np.uint8), []
                for _ in range(2 + count):  # the first two warm up
                    began = time.perf_counter()
                    pull(size, into)
                    taken.append(time.perf_counter() - began)
                assert np.array_equal(into, content(size)), name
                print("seconds", size, *taken[2:], flush=True)
    except ImportError as why:
        print("missing", why, flush=True)
    os._exit(0)  # some of these libraries crash when the interpreter ends


def turn_of(name, count, sizes):
    """{size: seconds}, or the reason for which it is skipped. In a process of its own, so that threads that one of them
    leaves spinning take no processor from the next."""
    words = [sys.executable, __file__, "--turn", name, count, *sizes]
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120)  # fmt: skip
    told = [line.split() for line in done.stdout.splitlines()]
    for line in told:
        if line[:1] == ["missing"]:
            return " ".join(line[1:])
    if done.returncode != 0:
        raise SystemExit(f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return {int(line[1]): [float(word) for word in line[2:]] for line in told if line[:1] == ["seconds"]}


def main():
    options = arguments(__doc__)
    sizes = [64 << 10, 256 << 10] if options.tiny else [1 << 20, 64 << 20]
    count = 2 if options.tiny else 20
    samples = {}
    for turn in range(options.rounds):
        for name in WAYS if turn == 0 else list(samples):
            given = turn_of(name, count, sizes)
            if isinstance(given, str):
                skipped(name, given)
                continue
            for size in sizes:
                samples.setdefault(name, {}).setdefault(size, []).extend(given[size])
    for size in sizes:
        key = f"{size >> 20}MiB" if size >= 1 << 20 else f"{size >> 10}KiB"
        medians = {name: figures(f"{key}: {name}", taken[size], size) for name, taken in samples.items()}
        for name, median in medians.items():
            result(f"python.pull.{key}.{name}.gbps", size / median * 1e-9)
            if name != "weft":
                result(f"python.pull.{key}.to_{name}", median / medians["weft"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--turn"]:
        worker(sys.argv[2], int(sys.argv[3]), [int(word) for word in sys.argv[4:]])
    main()
