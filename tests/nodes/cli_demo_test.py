"""Tests of weft demo: what it shows, and what it leaves when it is broken off. Run by cli_test.py."""

import os
import signal
import subprocess

from cli_harness import check, equal, some_tensors, test, until, write_safetensors


@test("demo: two processes move and check a model over every lane")
def _(weft):
    told = weft.json("demo", "--size", "16MiB", env={"TMPDIR": str(weft.folder)})
    check(told["lanes"] and all(lane["verified"] and lane["gbps"] > 0 for lane in told["lanes"]), told)
    check(told["bytes"] <= 16 << 20 and told["memcpy_gbps"] > 0, told)
    equal([p.name for p in weft.folder.iterdir() if p.name != "home"], [], "the demo cleans up")
    write_safetensors(weft.folder / "mine.safetensors", some_tensors())
    done = weft.run("demo", "--model", "mine.safetensors", "--lanes", "tls")
    check("every byte equal" in done.stdout and "weft serve" in done.stderr, done.stdout, done.stderr)
    weft.run("demo", "--size", "1", wanted=2)
    weft.run("demo", "--model", "missing", wanted=3)


@test("demo: Ctrl-C takes its folder and its server with it")
def _(weft):
    child = weft.popen("demo", "--size", "64MiB", "--lanes", "tls", env={"TMPDIR": str(weft.folder)})
    until(lambda: children_of(child.pid) or child.poll() is not None, "the server's process")
    servers = children_of(child.pid)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    equal(child.returncode, 130, err)
    equal([p.name for p in weft.folder.iterdir() if p.name != "home"], [])
    check(servers and not any(os.path.exists(f"/proc/{pid}") for pid in servers), servers)


@test("demo: Ctrl-C while the machine is measured ends it with 130 too")
def _(weft):
    write_safetensors(weft.folder / "mine.safetensors", some_tensors(large=8 << 20))
    child = weft.popen("demo", "--model", "mine.safetensors", "--lanes", "tls", stderr=subprocess.STDOUT)
    seen = b""
    while b"verified" not in seen and child.poll() is None:  # the last lane is done: what is beside it comes now
        seen += os.read(child.stdout.fileno(), 4096)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    equal(child.returncode, 130, seen + out)


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return file.read().split()
    except OSError:
        return []
