"""Tests of what weft answers to numbers, times, lanes, files and tickets that cannot be meant. Run by cli_test.py."""

import json
import os
import signal

from cli_harness import check, equal, test, until


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
