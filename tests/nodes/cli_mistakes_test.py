"""Tests of what weft answers to numbers, times, lanes, files and tickets that cannot be meant. Run by cli_test.py."""

import contextlib
import json
import os
import resource
import signal
import subprocess

from cli_harness import (WATCHDOG, Skipped, check, equal, read_safetensors, some_tensors, test, until,
                         write_safetensors)


@test("a number is digits: a sign, a word, zero and more than may be are refused in our words")
def _(weft):
    with weft.serve() as server:
        for given in ("-1", "+1", "0", "abc", "1.5", "0x10", "18446744073709551616", "1000001"):
            for words in ((f"--count={given}",), ("-c", given)):
                done = weft.run("ping", server.ticket, *words, wanted=2)
                check(f"--count {given}: a whole number from 1 to 1000000 [InvalidArgument]" in done.stderr, done.stderr)
        for words in (["--count="], ["-c"], ["--count"]):
            check("--count lacks its value" in weft.run("ping", server.ticket, *words, wanted=2).stderr, words)
        equal(weft.json("ping", server.ticket, "-c", "3")["count"], 3)
    for words in (["recv", "-n", "-1"], ["recv", "-n", "0"], ["grains", "send", "@i", "-n", "-1"],
                  ["grains", "recv", "--grains", "-1"], ["grains", "recv", "--initiators", "-1"],
                  ["grains", "send", "@i", "--rate", "-1"]):
        done = weft.run(*words, wanted=2)
        check(f"{words[-1]}: a whole number from 1 [InvalidArgument]" in done.stderr, done.stderr)


def is_on_its_way(pid):
    """Whether it has connected, and is asking."""
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(link.startswith("socket:") for link in links)


@test("ping: a signal ends a row of quick ones, and what was measured is told")
def _(weft):
    with weft.serve() as server:
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            child = weft.popen("ping", server.ticket, "-c", "1000000", "--json")
            until(lambda: is_on_its_way(child.pid), "a socket of ping's")
            trips = round_trips(server.pid) + 200
            until(lambda: round_trips(server.pid) >= trips, "some round trips")
            child.send_signal(number)
            out, err = child.communicate(timeout=60)
            equal(child.returncode, code, err)
            told = json.loads(out)
            check(0 < told["count"] < 1_000_000 and told["p50_ms"] > 0, told)


def round_trips(pid):
    """A measure of them: how often threads of the server have slept and woken."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            total += sum(int(line.split()[1]) for line in file if "voluntary_ctxt_switches" in line)
    return total


@test("--timeout 0s is a mistake; a recv that nobody pushed to is told what may be done")
def _(weft):
    with weft.serve() as server:
        for given in ("0s", "0ms"):
            done = weft.run("ls", server.ticket, "--timeout", given, wanted=2)
            check(f"--timeout {given} leaves no time" in done.stderr, done.stderr)
    done = weft.run("recv", "--timeout", "3s", wanted=5)
    check("nothing was pushed in time" in done.stderr and "weft push FILE TICKET" in done.stderr, done.stderr)
    check("explain" not in done.stderr, done.stderr)


@test("--lane: one that nodes do not open is refused by every command, and explain heeds it")
def _(weft):
    with weft.serve() as server:
        for lane in ("pigeon", "efa", "shm", "kcp", "local"):
            for words in (["ls", server.ticket], ["info"], ["explain", server.ticket], ["ping", server.ticket]):
                done = weft.run(*words, "--lane", lane, wanted=2)
                check(f'"{lane}" is no lane' in done.stderr and "auto, tls, tcp, verbs;" in done.stderr, done.stderr)
            weft.run("demo", "--lanes", lane, "--size", "1MiB", wanted=2)
        check(" efa" not in weft.run("help", "get").stdout)
        usable = [one["lane"] for one in weft.json("explain", server.ticket)["lanes"] if one["usable"]]
        check("tls" in usable, usable)
        for name in ([], ["layers.0.weight"]):
            for lane in usable:
                told = weft.json("explain", server.ticket, *name, "--lane", lane)["lanes"]
                equal([(one["lane"], one["usable"]) for one in told if one["chosen"]], [(lane, True)])
                equal(told[0]["lane"], lane)
                equal({one["lane"] for one in told if one["verdict"] == "not asked for"}, set(usable) - {lane})


@test("-o: a device, a pipe, - and nothing at all are refused, --force or not, and stay as they are")
def _(weft):
    (weft.folder / "here").mkdir()
    os.mkfifo(weft.folder / "pipe")
    os.mkfifo(weft.folder / "here" / "model.safetensors")
    (weft.folder / "link").symlink_to("/dev/null")
    before = os.stat("/dev/null")
    with weft.serve() as server:
        for force in ([], ["--force"]):
            for output in ("pipe", "link", "here"):
                done = weft.run("get", server.ticket, "-o", output, *force, wanted=2)
                check("is no regular file [InvalidArgument]" in done.stderr and "hint:" in done.stderr, done.stderr)
            done = weft.run("get", server.ticket, "-o", "-", *force, wanted=2)
            check("not written to stdout" in done.stderr and "./-" in done.stderr, done.stderr)
            done = weft.run("get", server.ticket, "-o", "", *force, wanted=2)
            check("--output '' names nothing" in done.stderr, done.stderr)
        weft.run("get", server.ticket, "-o", "./-")
    check((weft.folder / "link").is_symlink() and (weft.folder / "pipe").is_fifo(), list(weft.folder.iterdir()))
    equal(os.stat("/dev/null"), before)
    check("not written to stdout" in weft.run("recv", "-o", "-", wanted=2).stderr)
    for words in (["recv", "-o", ""], ["serve", "model.safetensors", "--ticket-file", ""], ["id", "--identity", ""]):
        check("'' names nothing" in weft.run(*words, wanted=2).stderr, words)
    equal(weft.left_over(), [])


@test("a ticket that cannot be read: which one it was, and what was probably meant")
def _(weft):
    write_safetensors(weft.folder / "m.safetensors", some_tensors(large=2 << 20))
    (weft.folder / "bad").write_text("some words")
    (weft.folder / "none").write_text("\n")

    def told(*words, wanted=6, **kwargs):
        lines = weft.run(*words, wanted=wanted, **kwargs).stderr.splitlines()
        equal(len(lines), 2, lines)
        return lines[0].removeprefix("error: "), lines[1].removeprefix(" hint: ")

    equal(told("ls", "garbage")[0], 'the ticket "garbage": it does not begin with weft [Malformed]')
    check(told("ls", "weft" + "a" * 200)[0].startswith('the ticket "weft' + "a" * 20 + '…": its checksum'))
    check(told("ping", "@bad")[0].startswith("the ticket in bad: it does not begin"))
    check(told("ping", "-", given="x")[0].startswith("the ticket on standard input: it does not begin"))
    equal(told("ls", "", wanted=2), ("the ticket is empty [InvalidArgument]",
                                     "is a variable of the script empty? TICKET is its text, @FILE or -"))
    check(told("ls", "@none", wanted=2)[0].startswith("the ticket in none is missing"))
    what, hint = told("ls", "@m.safetensors", wanted=2)
    check(what.startswith("m.safetensors is too long for tickets") and "tensors' file" in hint, what, hint)
    equal(told("ls", "bad")[1], "@bad reads it from that file")
    check("weft push m.safetensors TICKET" in told("push", "bad", "m.safetensors")[1])
    equal(json.loads(weft.run("ls", "garbage", "--json", wanted=6).stderr)["operation"], "ticket")


@test("a hint names the command that was given, not COMMAND")
def _(weft):
    write_safetensors(weft.folder / "model.safetensors", some_tensors())
    for words in (["ls", "t", "--color", "blue"], ["recv", "-n", "-1"], ["get", "t", "--slice", "x", "a"], ["serve"],
                  ["grains", "recv", "--size", "0B"], ["grains", "recv", "@i"], ["push", "model.safetensors"]):
        for form in ([], ["--json"]):
            done = weft.run(*words, *form, wanted=2)
            check("COMMAND" not in done.stderr, words, done.stderr)
    check("`weft help recv` shows the form" in weft.run("recv", "-n", "-1", wanted=2).stderr)
    check("`weft help grains` shows the form" in weft.run("grains", "recv", "@i", wanted=2).stderr)


@test("get: a pattern is all that match it; one that matches nothing, and a slice without its ], say so")
def _(weft):
    tensors = some_tensors()
    rows = {f"layers.{n}.weight": tensors[f"layers.{n}.weight"] for n in (0, 1)}
    with weft.serve() as server:
        (weft.folder / "t").write_text(server.ticket)
        (weft.folder / "here").mkdir()
        weft.run("get", "@t", "layers.*", "-o", "here")
        equal(read_safetensors(weft.folder / "here/model.safetensors"), rows)
        done = weft.run("get", "@t", "layers.*", "norm.bias", "*.weight", "-o", "a.safetensors", "--json")
        equal(json.loads(done.stdout)["tensors"], 4)
        kept = ("layers.0.weight", "layers.1.weight", "half.weight", "norm.bias")
        equal(read_safetensors(weft.folder / "a.safetensors"), {name: tensors[name] for name in kept})
        weft.run("get", "@t", "layers.?.weight[0:2]", "-o", "b.safetensors")
        equal({name: shape for name, (_, shape, _) in read_safetensors(weft.folder / "b.safetensors").items()},
              {"layers.0.weight": [2, 64], "layers.1.weight": [2, 32, 2]})
        first, second = weft.run("get", "@t", "norm.bais*", "-o", "c.safetensors", wanted=3).stderr.splitlines()
        check(first.startswith('error: no tensor named "norm.bais*" at '), first)
        equal(second, ' hint: did you mean "norm.bias"? weft ls @t lists all 7')
        done = weft.run("get", "@t", "layers.0.weight[0:2,:", "-o", "c.safetensors", wanted=2)
        check('"layers.0.weight[0:2,:": its slice lacks the ]' in done.stderr, done.stderr)
        done = weft.run("get", "@t", "-o", "/proc/x", wanted=None)
        check(done.returncode != 0 and "must be there already" not in done.stderr, done.stderr)
    equal(sorted(path.name for path in weft.folder.glob("[bc].*")), ["b.safetensors"])


@contextlib.contextmanager
def small_disk(weft, options):
    disk = weft.folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True).returncode:
        raise Skipped("mounting a small disk needs root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def push_large_then_small(weft, *words, **kwargs):
    """To a `recv` of one tensor. What was said of the large one there, and here as JSON."""
    write_safetensors(weft.folder / "large.safetensors", {"too big": ("U8", [4 << 20], bytes(4 << 20))})
    write_safetensors(weft.folder / "small.safetensors", {"small": ("U8", [9], bytes(9))})
    receiver = weft.popen("recv", *words, "-n", "1", "--ticket-file", "t", **kwargs)
    try:
        until(lambda: (weft.folder / "t").exists() or receiver.poll() is not None, "a ticket")
        here = json.loads(weft.run("push", "large.safetensors", "@t", "--json", wanted=8).stderr)
        weft.run("push", "small.safetensors", "@t")
        _, there = receiver.communicate(timeout=WATCHDOG)
    finally:
        receiver.kill()
        receiver.wait()
    equal(receiver.returncode, 10, there)
    return there.decode(), here


@test("recv: what the disk has no room for is refused before it comes, and both ends say why")
def _(weft):
    with small_disk(weft, "size=1m") as disk:
        there, here = push_large_then_small(weft, "-o", disk)
        why = f"a file of 4.0 MiB for {disk}, where 1.0 MiB are free"
        check(f'error: "too big": {why}' in there and "[ResourceExhausted]" in there and "weft recv -o" in there, there)
        check(why in here["message"] and here["class"] == "ResourceExhausted", here)
        check("weft recv -o" in here["hint"], here)
        equal([path.name for path in disk.iterdir()], ["small.safetensors"])


@test("recv: what a limit of a file's size forbids is refused before it comes")
def _(weft):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    there, here = push_large_then_small(weft, preexec_fn=limit)
    check("and a file may have 1.0 MiB" in there and "and a file may have 1.0 MiB" in here["message"], there, here)


@test("recv: a tensor that could not be saved after all is named")
def _(weft):
    with small_disk(weft, "size=1m,nr_inodes=2") as disk:  # the folder and one file
        write_safetensors(weft.folder / "model.safetensors", {n: ("U8", [9], bytes(9)) for n in ("first", "the second")})
        receiver = weft.popen("recv", "-o", disk, "-n", "2", "--ticket-file", "t")
        until(lambda: (weft.folder / "t").exists() or receiver.poll() is not None, "a ticket")
        weft.run("push", "model.safetensors", "@t")  # its memory has them, verified
        _, err = receiver.communicate(timeout=WATCHDOG)
        equal(receiver.returncode, 10, err)
        check(b'error: "the second": open: ' in err and b"[ResourceExhausted]" in err, err)
        equal([path.name for path in disk.iterdir()], ["first.safetensors"])


def commands_that_write(weft):
    """Words, the name of a file to be put behind them with its folder, and the option that it is of."""
    with weft.serve() as server:
        ticket = server.ticket
    # The peer is gone: who asks it before the file is judged ends as PeerUnreachable.
    return ((["get", ticket, "-o"], "copy.safetensors", "-o"),
            (["serve", "model.safetensors", "--ticket-file"], "t", "--ticket-file"),
            (["recv", "-o", "in", "--ticket-file"], "t", "--ticket-file"),
            (["grains", "recv", "--info-file"], "i", "--info-file"),
            (["grains", "recv", "--file"], "g", "--file"))


@test("where a file is to go is judged before anything is done for it")
def _(weft):
    (weft.folder / "f").write_text("a file")
    for words, name, option in commands_that_write(weft):
        for folder, hint in (("nodir", "mkdir -p nodir"), ("f/x", "name a folder")):
            first, second = weft.run(*words, f"{folder}/{name}", wanted=2).stderr.splitlines()
            check(first.startswith(f"error: {option}: no file can be made in {folder}: "), first)
            check(hint in second, second)
    check(not (weft.folder / "in").exists(), "recv has made a folder")
    check("name a folder" in weft.run("recv", "-o", "f/in", wanted=2).stderr)


@test("where no file can be made is told before anything is done for it")
def _(weft):
    with small_disk(weft, "ro") as disk:
        for words, name, option in (*commands_that_write(weft), (["recv", "-o"], "", "-o")):
            err = weft.run(*words, disk / name, wanted=2).stderr
            check(f"error: {option}: no file can be made in {disk}" in err and "this user may write" in err, err)
