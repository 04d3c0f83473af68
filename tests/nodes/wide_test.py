#!/usr/bin/env python3
"""Two hosts, made of network namespaces: one that listens wide, one that listens on loopback only, a trusted network
between them. Usage: wide_test.py WEFT. Skipped with the reason where namespaces may not be made.
"""

import contextlib
import os
import subprocess
import sys

from cli_harness import Skipped, Weft, check, equal, read_safetensors, run_all, some_tensors, test, write_safetensors

NETWORK = "10.213.77.0/24"
ADDRESSES = ["10.213.77.1", "10.213.77.2"]
LARGE = 64 << 20  # so much that the rail is up before it is over


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skipped(f"ip {' '.join(words)}: {done.stderr.strip()}")


class OnHost(Weft):
    """The binary, run on one of the two hosts."""

    def __init__(self, weft, host):
        super().__init__(weft.program, weft.folder)
        self.host = host

    def popen(self, *words, **kwargs):
        prefixed = Weft("ip", self.folder)
        prefixed.environment = self.environment
        return prefixed.popen("netns", "exec", self.host, self.program, *words, **kwargs)


@contextlib.contextmanager
def two_hosts(weft):
    names = [f"weft{os.getpid()}{side}" for side in "ab"]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", "weft0", "netns", names[0], "type", "veth", "peer", "name", "weft0", "netns", names[1])
        for name, address in zip(names, ADDRESSES):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "weft0")
            ip("-n", name, "link", "set", "weft0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield [OnHost(weft, name) for name in names]
    except FileNotFoundError:
        raise Skipped("there is no `ip` here")
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def lane_of_pull(client, ticket, *words):
    got = client.json("get", ticket, "-o", "copy.safetensors", "--force", *words)
    equal(read_safetensors(client.folder / "copy.safetensors"), some_tensors(LARGE), "the copy")
    return got["lane"]


@test("wide: a pull between hosts takes a rail where both trust the network, and stays sealed where one does not")
def pulls(weft):
    with two_hosts(weft) as (near, far):
        for listen in (f"{ADDRESSES[0]}:0", "0.0.0.0:0"):
            with near.serve(some_tensors(LARGE), "--listen", listen, "--allow", "any", "--trust", NETWORK) as server:
                equal(lane_of_pull(far, server.ticket, "--trust", NETWORK), "tcp", listen)
                equal(lane_of_pull(far, server.ticket), "tls", listen)


@test("wide: a push to another host takes a rail, though its sender listens on loopback only")
def pushes(weft):
    with two_hosts(weft) as (near, far):
        write_safetensors(weft.folder / "model.safetensors", some_tensors(LARGE))
        with near.background("recv", "-o", "in", "--listen", f"{ADDRESSES[0]}:0", "--allow", "any", "--trust",
                             NETWORK) as receiver:
            pushed = far.json("push", "model.safetensors", receiver.ticket, "--trust", NETWORK)
            check("tcp" in str(pushed), "the receipts name the lane", pushed)


if __name__ == "__main__":
    sys.exit(run_all(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
