#!/usr/bin/env python3
"""The weft command as a person and a script meet it: the real binary, real processes.

Usage: cli_test.py WEFT [PART-OF-A-NAME]. Prints a line per test.
"""

import json
import os
import resource
import signal
import subprocess
import sys

import cli_demo_test  # noqa: F401  registers its tests
import cli_grains_test  # noqa: F401
import cli_life_test  # noqa: F401
import cli_mistakes_test  # noqa: F401
import cli_output_test  # noqa: F401
import cli_resume_test  # noqa: F401
from cli_harness import (Skipped, check, equal, read_metadata, read_safetensors, run_all, some_tensors, test,
                         until, write_safetensors)


@test("get: a whole model comes byte for byte, under the file's own names and types")
def _(weft):
    tensors = some_tensors(large=24 << 20)
    with weft.serve(tensors) as server:
        done = weft.run("get", server.ticket, "-o", "copy.safetensors")
        equal(read_safetensors(weft.folder / "copy.safetensors"), tensors)
        check("8/8 tensors" in done.stderr and "verified" in done.stderr, done.stderr)
        equal(done.stdout, "")
        equal(weft.left_over(), [])


@test("get, push: a file's metadata travels with its tensors")
def _(weft):
    metadata = {"format": "pt", "made by": "a test"}
    model = weft.folder / "model.safetensors"
    write_safetensors(model, some_tensors(), metadata)
    with weft.background("serve", model) as server:
        weft.run("get", server.ticket, "-o", "copy.safetensors")
        weft.run("get", server.ticket, "mask", "-o", "part.safetensors")
    equal(read_metadata(weft.folder / "copy.safetensors"), metadata)
    equal(read_metadata(weft.folder / "part.safetensors"), metadata)
    with weft.background("recv", "-o", "in", "-n", str(len(some_tensors()))) as receiver:
        weft.run("push", model, receiver.ticket)
        receiver.wait(60)
    equal(read_metadata(weft.folder / "in/mask.safetensors"), metadata)


@test("push: to a node that only serves is Forbidden at once, and the hint says where to")
def _(weft):
    with weft.serve() as server:
        done = weft.run("push", "model.safetensors", server.ticket, wanted=None)
        check(done.returncode != 0 and "Forbidden" in done.stderr and "weft recv" in done.stderr, done.stderr)


@test("get: commands of one identity do not disturb each other")
def _(weft):
    weft.run("id")
    with weft.serve(some_tensors(large=32 << 20)) as server:
        children = [weft.popen("get", server.ticket, "-o", f"copy{i}.safetensors") for i in range(4)]
        for child in children:
            _, err = child.communicate(timeout=60)
            equal(child.returncode, 0, err.decode())
    for i in range(4):
        equal(read_safetensors(weft.folder / f"copy{i}.safetensors"), some_tensors(large=32 << 20))


@test("get: the file opens with the ordinary safetensors library")
def _(weft):
    try:
        import safetensors  # noqa: PLC0415
    except ImportError:
        raise Skipped("the Python package safetensors is not installed") from None
    tensors = some_tensors()
    with weft.serve(tensors) as server:
        weft.run("get", server.ticket, "-o", "copy.safetensors")
    opened = dict(safetensors.deserialize((weft.folder / "copy.safetensors").read_bytes()))
    equal({name: (one["dtype"], one["shape"], bytes(one["data"])) for name, one in opened.items()},
          tensors)


@test("get: every lane of this host gives the same bytes")
def _(weft):
    tensors = some_tensors(large=4 << 20)
    lanes = [lane["lane"] for lane in weft.json("info")["lanes"] if lane["used"]]
    check(lanes, "no lane at all")
    with weft.serve(tensors) as server:
        for lane in lanes:
            told = weft.json("get", server.ticket, "-o", f"{lane}.safetensors", "--lane", lane)
            equal(told["lane"], lane)
            equal(read_safetensors(weft.folder / f"{lane}.safetensors"), tensors, lane)


@test("get: a slice, in the name or beside it, is the rows asked for")
def _(weft):
    tensors = some_tensors()
    data = tensors["layers.0.weight"][2]
    with weft.serve() as server:
        weft.run("get", server.ticket, "layers.0.weight", "--slice", "3:10,:", "-o", "a.safetensors")
        equal(read_safetensors(weft.folder / "a.safetensors"),
              {"layers.0.weight": ("F32", [7, 64], data[3 * 256:10 * 256])})
        weft.run("get", server.ticket, "layers.0.weight[-1, 0:2]", "norm.bias", "-o", "b.safetensors")
        equal(read_safetensors(weft.folder / "b.safetensors"),
              {"layers.0.weight": ("F32", [1, 2], data[511 * 256:511 * 256 + 8]), "norm.bias": tensors["norm.bias"]})
        refused = weft.run("get", server.ticket, "norm.bias", "--slice", "0:1,0:1", "-o", "c.safetensors", wanted=2)
        check("InvalidArgument" in refused.stderr, refused.stderr)
        weft.run("get", server.ticket, "norm.bias", "--slice", "x", "-o", "c.safetensors", wanted=2)
        equal([p for p in weft.folder.glob("c.*")], [])


@test("get: without -o the file is named after the tensor, or model.safetensors")
def _(weft):
    tensors = {"../up": ("U8", [3], b"abc"), "b": ("U8", [1], b"x")}
    with weft.serve(tensors) as server:
        (weft.folder / "here").mkdir()
        weft.run("get", server.ticket, "../up", "-o", "here")
        equal([p.name for p in (weft.folder / "here").iterdir()], ["%2E.%2Fup.safetensors"])
        done = weft.run("get", server.ticket, "-o", "here/", "--plain")
        equal(done.stdout, "here/model.safetensors\n")
        equal(read_safetensors(weft.folder / "here" / "model.safetensors"), tensors)


@test("get: a name that is not there is NotFound, with the nearest one and the count")
def _(weft):
    with weft.serve() as server:
        (weft.folder / "t").write_text(server.ticket + "\n")
        done = weft.run("get", "@t", "norm.bais", wanted=3)
        first, second = done.stderr.splitlines()
        check(first.startswith('error: no tensor named "norm.bais" at ') and first.endswith("[NotFound]"), first)
        equal(second, ' hint: did you mean "norm.bias"? weft ls @t lists all 7')
        told = json.loads(weft.run("get", "@t", "nothing like it", "--json", wanted=3).stderr)
        equal(set(told), {"class", "message", "hint", "operation", "peer", "node", "name", "native", "exit"})
        equal((told["class"], told["name"], told["exit"]), ("NotFound", "nothing like it", 3))
        check("nothing" not in [p.stem for p in weft.folder.iterdir()])


@test("get: a file that is there is left alone unless --force")
def _(weft):
    with weft.serve() as server:
        kept = weft.folder / "copy.safetensors"
        kept.write_text("mine")
        done = weft.run("get", server.ticket, "-o", "copy.safetensors", wanted=3)
        check("[Exists]" in done.stderr and "--force" in done.stderr, done.stderr)
        equal(kept.read_text(), "mine")
        weft.run("get", server.ticket, "-o", "copy.safetensors", "--force")
        equal(read_safetensors(kept), some_tensors())


@test("get: a full disk is ResourceExhausted, and nothing is left")
def _(weft):
    disk = weft.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        raise Skipped("mounting a small disk needs root")
    try:
        with weft.serve(some_tensors(large=4 << 20)) as server:
            done = weft.run("get", server.ticket, "-o", disk / "copy.safetensors", wanted=8)
            check("[ResourceExhausted]" in done.stderr and "hint:" in done.stderr, done.stderr)
            check(f"for {disk}, where 1.0 MiB are free" in done.stderr, done.stderr)
            equal(list(disk.iterdir()), [])
    finally:
        subprocess.run(["umount", disk], check=True)


@test("get: a file size limit is ResourceExhausted, not a signal")
def _(weft):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    with weft.serve(some_tensors(large=4 << 20)) as server:
        done = weft.run("get", server.ticket, "-o", "copy.safetensors", wanted=8, preexec_fn=limit)
        check("[ResourceExhausted]" in done.stderr, done.stderr)
        equal([p.name for p in weft.folder.glob("copy*")], [])


@test("get: Ctrl-C ends it with 130 and leaves nothing behind")
def _(weft):
    with weft.serve(some_tensors(large=64 << 20)) as server:
        os.kill(server.pid, signal.SIGSTOP)  # a pull that cannot end by itself, however fast the machine
        try:
            child = weft.popen("get", server.ticket, "-o", "copy.safetensors")
            until(lambda: has_descriptors(child.pid, "socket:"), "a socket of the client's")
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=60)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        equal(child.returncode, 130, err)
        equal([p.name for p in weft.folder.glob("copy*")], [])


def has_descriptors(pid, kind):
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(link.startswith(kind) for link in links)


@test("a ticket: text, @file and stdin are the same; a damaged one is refused")
def _(weft):
    with weft.serve(None, "--ticket-file", "t") as server:
        by_text = weft.json("ls", server.ticket)
        equal(by_text, weft.json("ls", "@t"))
        equal(by_text, weft.json("ls", "-", given=server.ticket + "\n"))
        middle = len(server.ticket) // 2
        letter = "a" if server.ticket[middle] != "a" else "b"
        broken = server.ticket[:middle] + letter + server.ticket[middle + 1:]
        done = weft.run("ls", broken, wanted=6)
        check("[Malformed]" in done.stderr and "hint:" in done.stderr, done.stderr)
        weft.run("ls", "@missing", wanted=3)
        weft.run("ls", "-", given="", wanted=2)
        told = weft.json("ticket", "@t")
        equal(told["ticket"], server.ticket)
        check(told["addresses"][0].startswith("tcp://127.0.0.1:"), told)


@test("a server that is gone is PeerUnreachable")
def _(weft):
    with weft.serve() as server:
        ticket = server.ticket
    for words in (["ls", ticket], ["get", ticket, "-o", "x.safetensors"], ["ping", ticket]):
        done = weft.run(*words, wanted=4)
        check("[PeerUnreachable]" in done.stderr, done.stderr)


@test("a server that says nothing ends within --timeout")
def _(weft):
    with weft.serve() as server:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            done = weft.run("ls", server.ticket, "--timeout", "700ms", wanted=None)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        check(done.returncode in (4, 5), done.returncode, done.stderr)


@test("another node at the address is Unauthenticated")
def _(weft):
    with weft.serve(None, "--identity", "one") as server:
        ticket = server.ticket
        address = weft.json("ticket", ticket)["addresses"][0].removeprefix("tcp://")
    with weft.background("serve", "model.safetensors", "--listen", address):
        done = weft.run("ls", ticket, wanted=7)
        check("[Unauthenticated]" in done.stderr, done.stderr)


@test("--allow: only the listed node may come, and the hint says how")  # [T-19]
def _(weft):
    ours = weft.json("id")["node"]
    stranger = weft.json("id", "--identity", "stranger")["node"]
    check(ours != stranger)
    with weft.serve(None, "--allow", ours) as server:
        equal(weft.json("ls", server.ticket)["count"], 7)
        done = weft.run("ls", server.ticket, "--identity", "stranger", wanted=7)
        check("[Forbidden]" in done.stderr and "--allow" in done.stderr, done.stderr)
    weft.run("serve", "model.safetensors", "--allow", "everybody", wanted=2)


@test("serve: an address beyond this host needs an access rule")
def _(weft):
    write_safetensors(weft.folder / "model.safetensors", some_tensors())
    done = weft.run("serve", "model.safetensors", "--listen", "nohost.invalid:1", wanted=2)
    check("there is no host of that name" in done.stderr and "--allow" not in done.stderr, done.stderr)
    done = weft.run("serve", "model.safetensors", "--listen", ":0", wanted=2)
    check("--allow" in done.stderr or "access" in done.stderr, done.stderr)
    with weft.background("serve", "model.safetensors", "--listen", ":0", "--allow", "any") as server:
        check(weft.json("ls", server.ticket)["count"] == 7)


@test("serve: the ticket file is there when it is ready, and goes with it")
def _(weft):
    write_safetensors(weft.folder / "model.safetensors", some_tensors())
    file = weft.folder / "t"
    with weft.serve() as server:
        old = server.ticket + "\n"
    file.write_text(old)
    child = weft.popen("serve", "model.safetensors", "--ticket-file", "t")
    try:
        until(lambda: file.exists() and file.read_text() != old, "a new ticket file")
        ticket = file.read_text()
        check(ticket.startswith("weft") and ticket.endswith("\n"), ticket)
        equal(weft.json("ls", "@t")["count"], 7)
    finally:
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=60)
    equal(child.returncode, 0, err)
    equal(out.decode(), ticket)
    check(b"serving 7 tensors" in err and b"model.safetensors on tcp://127.0.0.1:" in err, err)
    check(not file.exists(), "the ticket outlived its node")


@test("serve: what cannot be served says so")
def _(weft):
    weft.run("serve", "missing.safetensors", wanted=3)
    (weft.folder / "bad.safetensors").write_bytes(b"\xff" * 64)
    done = weft.run("serve", "bad.safetensors", wanted=6)
    check("bad.safetensors" in done.stderr and "[Malformed]" in done.stderr, done.stderr)


@test("serve: two files with a tensor of one name are refused, and one file given twice is")
def _(weft):
    for name in ("one", "two"):
        write_safetensors(weft.folder / f"{name}.safetensors", some_tensors())
    for second in ("two", "one"):
        done = weft.run("serve", "one.safetensors", f"{second}.safetensors", wanted=6)
        check("two of the files hold a tensor named" in done.stderr and f"{second}.safetensors" in done.stderr, done.stderr)


@test("push: two receivers get every tensor, each its own file")
def _(weft):
    tensors = some_tensors(large=3 << 20)
    write_safetensors(weft.folder / "model.safetensors", tensors)
    count = str(len(tensors))
    with weft.background("recv", "-o", "a", "-n", count) as a, weft.background("recv", "-o", "b", "-n", count) as b:
        told = weft.json("push", "model.safetensors", a.ticket, b.ticket)
        equal([(r["ok"], r["tensors"]) for r in told["receivers"]], [(True, len(tensors))] * 2)
        equal((a.wait(60), b.wait(60)), (0, 0))
    for folder in ("a", "b"):
        equal({name: value for path in (weft.folder / folder).iterdir() for name, value in read_safetensors(path).items()},
              tensors, folder)


@test("push: a receiver that is gone fails alone, with 10 and a table")
def _(weft):
    tensors = some_tensors()
    write_safetensors(weft.folder / "model.safetensors", tensors)
    with weft.background("recv", "-o", "gone") as gone:
        lost = gone.ticket
    with weft.background("recv", "-o", "a", "-n", "7") as a:
        done = weft.run("broadcast", "model.safetensors", a.ticket, lost, wanted=10)
        equal(a.wait(60), 0)
    rows = done.stdout.splitlines()
    equal(len(rows), 3, done.stdout)
    check("7/7" in rows[1] and rows[1].endswith("ok"), rows)
    check("0/7" in rows[2] and "PeerUnreachable" in rows[2], rows)
    check(lost in done.stderr, "the hint retries only that one:", done.stderr)
    weft.run("push", "model.safetensors", lost, wanted=4)


@test("recv: names that try to leave the folder become file names in it")
def _(weft):
    names = ["../../etc/passwd", "/abs", ".hidden", "-rf", "a\x1b[31mred\nline", "ü", "x" * 255, "plain.w"]
    tensors = {name: ("U8", [index + 1], bytes([index]) * (index + 1)) for index, name in enumerate(names)}
    write_safetensors(weft.folder / "model.safetensors", tensors)
    with weft.background("recv", "-o", "in/box", "-n", str(len(names)), "--plain") as receiver:
        weft.run("push", "model.safetensors", receiver.ticket)
        equal(receiver.wait(60), 0)
        lines = receiver.stdout.read().decode()
    files = list((weft.folder / "in" / "box").iterdir())
    equal({name: value for path in files for name, value in read_safetensors(path).items()}, tensors)
    check(all(path.name[0] not in ".-" and "/" not in path.name for path in files), files)
    check("\x1b" not in lines and len(lines.splitlines()) == len(names), repr(lines))
    equal(sorted(p.name for p in weft.folder.iterdir() if p.suffix != ""), ["model.safetensors"])


@test("recv: GLOB takes what matches; a file that was there is not replaced")
def _(weft):
    write_safetensors(weft.folder / "model.safetensors", {"w.1": ("U8", [1], b"1")})
    (weft.folder / "w.1.safetensors").write_text("mine")
    with weft.background("recv", "w.*", "-n", "1") as receiver:
        weft.run("push", "model.safetensors", receiver.ticket)
        equal(receiver.wait(60), 0)
    equal((weft.folder / "w.1.safetensors").read_text(), "mine")
    equal(read_safetensors(weft.folder / "w.1-1.safetensors"), {"w.1": ("U8", [1], b"1")})


@test("ping and explain tell the peer, the lanes and why")
def _(weft):
    with weft.serve() as server:
        told = weft.json("ping", server.ticket, "-c", "3")
        equal(told["count"], 3)
        equal(told["node"], weft.json("ticket", server.ticket)["node"])
        check(0 <= told["min_ms"] <= told["p50_ms"] <= told["max_ms"], told)
        check("round trip" in weft.run("ping", server.ticket).stdout)
        told = weft.json("explain", server.ticket, "layers.0.weight")
        equal(told["bytes"], 512 * 64 * 4)
        equal(sum(lane["chosen"] for lane in told["lanes"]), 1, told)
        check(all(lane["verdict"] for lane in told["lanes"]), told)
        check(weft.run("explain", server.ticket).stdout.startswith("LANE"))
        done = weft.run("explain", server.ticket, "layers.0.wieght", wanted=3)
        check('did you mean "layers.0.weight"?' in done.stderr, done.stderr)


if __name__ == "__main__":
    sys.exit(run_all(os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
