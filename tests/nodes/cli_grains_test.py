"""Tests of `weft grains`: rings from terminal to terminal. Run by cli_test.py."""

import contextlib
import json
import random
import signal

from cli_harness import WATCHDOG, check, equal, free_port, test, until


@contextlib.contextmanager
def ring(weft, *words, env=None):
    """A `grains recv` that is ready; its info is in the file i."""
    info = weft.folder / "i"
    info.unlink(missing_ok=True)
    child = weft.popen("grains", "recv", "--info-file", info, *words, env=env)
    try:
        until(lambda: info.exists() or child.poll() is not None, "a target info")
        check(child.poll() is None, "it has ended already:", child.poll() and child.stderr.read())
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def end(child):
    out, err = child.communicate(timeout=WATCHDOG)
    return child.returncode, out.decode(), err.decode()


@test("grains: from terminal to terminal, checked")
def _(weft):
    with ring(weft, "--grains", "4", "--size", "4KiB", "-n", "300") as receiver:
        equal((weft.folder / "i").stat().st_mode & 0o777, 0o600)
        equal(weft.json("grains", "send", "@i", "-n", "300")["grains"], 300)
        code, _, err = end(receiver)
        equal(code, 0, err)
    path = weft.folder / "camera.sock"
    with ring(weft, "--lane", "tls", "--listen", f"unix://{path}", "--size", "4KiB", "-n", "100") as receiver:
        equal(path.stat().st_mode & 0o777, 0o600)
        equal(weft.json("grains", "send", "@i", "-n", "100")["grains"], 100)
        code, _, err = end(receiver)
        equal(code, 0, err)
        check(not path.exists(), "the socket is still there")


@test("grains: a file comes as long as it was, whatever its length")
def _(weft):
    for length in (0, 1, 4096, 1_000_000):
        content = random.Random(length).randbytes(length)
        (weft.folder / "f").write_bytes(content)
        (weft.folder / "g").unlink(missing_ok=True)
        with ring(weft, "--size", "4KiB", "--file", "g") as receiver:
            equal(weft.json("grains", "send", "@i", "--file", "f")["bytes"], -(-length // 4096) * 4096)
            code, _, err = end(receiver)
            equal(code, 0, err)
        check((weft.folder / "g").read_bytes() == content, "the file is another:", length)


@test("grains: recv ends by --timeout, and says when fewer came than were asked for")
def _(weft):
    with ring(weft, "--size", "4KiB", "-n", "9", "--timeout", "2s", "--json") as receiver:
        weft.run("grains", "send", "@i", "-n", "3")
        code, out, err = end(receiver)
        equal(code, 5, err)
        equal(json.loads(out.splitlines()[-1])["grains"], 3)
        check("3 of 9 grains came" in json.loads(err.splitlines()[-1])["message"], err)
    with ring(weft, "--size", "4KiB", "--timeout", "2s") as receiver:
        code, _, err = end(receiver)
        equal(code, 0, err)
    with ring(weft, "--size", "4KiB", "--file", "h", "--timeout", "2s") as receiver:
        code, _, err = end(receiver)
        equal(code, 5, err)
        check("not whole" in err, err)
    with ring(weft, "--size", "4KiB", "-n", "9") as receiver:
        receiver.send_signal(signal.SIGTERM)
        code, _, err = end(receiver)
        equal(code, 143, err)
        check("0 of 9 grains came" in err, err)


@test("grains: send goes on when its only target was killed and has come back")
def _(weft):
    words = ["--size", "4KiB", "--identity", weft.folder / "key", "--listen", f"127.0.0.1:{free_port()}"]
    with ring(weft, *words, "--file", "seen") as receiver:
        first = (weft.folder / "i").read_text()
        info = weft.folder / "kept"
        info.write_text(first)
        sender = weft.popen("grains", "send", f"@{info}", "-n", "7500", "--rate", "1500", "--json")
        until(lambda: (weft.folder / "seen").stat().st_size > 400_000, "grains on their way")
        check(sender.poll() is None, "it has ended already")
        receiver.kill()
        receiver.wait(WATCHDOG)
    with ring(weft, *words, "--json") as receiver:
        equal((weft.folder / "i").read_text(), first)
        _, out, err = end(sender)
        told = json.loads(out)
        equal(told["grains"] + told["failed"], 7500, err)
        equal(sender.returncode, 10 if told["failed"] else 0, err)
        receiver.send_signal(signal.SIGTERM)
        code, out, err = end(receiver)
        equal(code, 0, err)
        here = json.loads(out.splitlines()[-1])
        check(0 < here["grains"] < 7500 and here["bad"] == 0, here, told)


@test("grains: send gives its tally also when its target does not come back")
def _(weft):
    with ring(weft, "--size", "4KiB", "--file", "seen") as receiver:
        sender = weft.popen("grains", "send", "@i", "-n", "100000", "--rate", "1000", "--timeout", "2s", "--json")
        until(lambda: (weft.folder / "seen").stat().st_size > 400_000, "grains on their way")
        receiver.kill()
        code, out, err = end(sender)
        check(code in (4, 5), code, err)
        told = json.loads(out)
        check(0 < told["grains"] < 100000, told)
        check("ticket" not in json.loads(err.splitlines()[-1])["hint"], err)


@test("grains: --lane holds for both ends")
def _(weft):
    here = [lane["lane"] for lane in weft.json("info")["lanes"] if lane["used"]]
    for lane in {"tcp", "verbs"} - set(here):
        done = weft.run("grains", "recv", "--lane", lane, "--size", "4KiB", "--timeout", "5s", wanted=3)
        check("[NotFound]" in done.stderr and "weft info" in done.stderr, done.stderr)
        equal(done.stdout, "")
    with ring(weft, "--lane", "tcp", "--size", "4KiB"):
        done = weft.run("grains", "send", "@i", "-n", "10", env={"WEFT_LANES": "tls"}, wanted=9)
        check("[Unsupported]" in done.stderr, done.stderr)
        equal(weft.json("grains", "send", "@i", "-n", "10", "--lane", "tcp")["grains"], 10)
    with ring(weft, "--lane", "tls", "--size", "4KiB"):
        equal(weft.json("grains", "send", "@i", "-n", "10", "--lane", "tls")["grains"], 10)
        weft.run("grains", "send", "@i", "-n", "10", "--lane", "tcp", wanted=9)


@test("grains: what cannot be is refused at once, and hints speak of target infos")
def _(weft):
    for words, code in ((["send", "nonsense"], 2), (["send"], 2), (["fly"], 2), (["recv", "--grains", "0"], 2),
                        (["send", "@missing"], 3), (["recv", "--grains", "4294967297", "--size", "1"], 2),
                        (["recv", "--grains", "1048577", "--size", "1"], 2), (["recv", "--file", "g", "-n", "3"], 2),
                        (["recv", "--file", "g", "--initiators", "2"], 2)):
        done = weft.run("grains", *words, wanted=code)
        equal(done.stdout, "", words)
    check(not (weft.folder / "g").exists(), "it made the file first")
    check("a ring of" not in weft.run("grains", "recv", "--info-file", "nodir/i", wanted=2).stderr)
    with ring(weft, "--size", "4KiB") as receiver:
        text = (weft.folder / "i").read_text()
        receiver.kill()
        receiver.wait(WATCHDOG)
    (weft.folder / "i").write_text(text)
    done = weft.run("grains", "send", "@i", wanted=4)
    check("target info" in done.stderr and "ticket" not in done.stderr, done.stderr)
