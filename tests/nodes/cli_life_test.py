"""Tests of how weft's commands end, what they leave, and what the environment tells them. Run by cli_test.py."""

import json
import os
import re
import signal

from cli_harness import check, equal, free_port, read_safetensors, some_tensors, test, until, write_safetensors


def ended_by(child, number):
    child.send_signal(number)
    child.wait(60)
    return child.returncode


@test("serve and recv: SIGTERM is how they end, Ctrl-C breaks them off")
def _(weft):
    for words in (["serve", "model.safetensors"], ["recv", "-o", "in"]):
        write_safetensors(weft.folder / "model.safetensors", some_tensors())
        with weft.background(*words) as child:
            equal(ended_by(child, signal.SIGTERM), 0, words)
        with weft.background(*words) as child:
            equal(ended_by(child, signal.SIGINT), 130, words)


@test("recv: what it has acknowledged is saved, whatever ends it")
def _(weft):
    tensors = some_tensors()
    write_safetensors(weft.folder / "model.safetensors", tensors)
    for folder, extra, number in (("count", ["-n", "1"], None), ("term", [], signal.SIGTERM), ("int", [], signal.SIGINT)):
        with weft.background("recv", "-o", folder, *extra) as receiver:
            told = weft.json("push", "model.safetensors", receiver.ticket, wanted=None)
            if number:
                receiver.send_signal(number)
            receiver.wait(60)
        acknowledged = told.get("receivers", [{"tensors": 0}])[0]["tensors"]
        saved = {name: value for path in (weft.folder / folder).iterdir() for name, value in read_safetensors(path).items()}
        check(len(saved) >= acknowledged >= 1, folder, told, saved.keys())
        check(all(tensors[name] == value for name, value in saved.items()), folder)


@test("a ticket on stdin that does not come: one Ctrl-C ends it, and so does --timeout")
def _(weft):
    reader, writer = os.pipe()
    try:
        child = weft.popen("get", "-", stdin=reader)
        until(lambda: sleeps_in_poll(child.pid), "the wait for stdin")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        equal(child.returncode, 130, err)
        done = weft.run("ls", "-", "--timeout", "200ms", stdin=reader, wanted=5)
        check("[DeadlineExceeded]" in done.stderr, done.stderr)
    finally:
        os.close(reader)
        os.close(writer)


def sleeps_in_poll(pid):
    # Signals are taken once main has installed its handler: SigCgt names SIGINT then.
    try:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file)
    except OSError:
        return False
    return bool(int(fields["SigCgt"], 16) & 1 << signal.SIGINT - 1) and fields["State"].split()[0] == "S"


@test("--timeout bounds explain, demo, and the start of serve")
def _(weft):
    with weft.serve() as server:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            done = weft.run("explain", server.ticket, "--timeout", "300ms", wanted=None)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        check(done.returncode in (4, 5), done.returncode, done.stderr)
    done = weft.run("demo", "--size", "64MiB", "--timeout", "50ms", env={"TMPDIR": str(weft.folder)}, wanted=5)
    check("[DeadlineExceeded]" in done.stderr, done.stderr)
    equal([p.name for p in weft.folder.glob("weft-demo*")], [])
    os.mkfifo(weft.folder / "pipe.safetensors")  # nobody writes: opening it never comes back
    done = weft.run("serve", "pipe.safetensors", "--timeout", "100ms", wanted=None)
    check(done.returncode != 0 and "error:" in done.stderr, done.returncode, done.stderr)
    write_safetensors(weft.folder / "model.safetensors", some_tensors())
    with weft.background("serve", "model.safetensors", "--timeout", "5s") as server:
        check(weft.json("ls", server.ticket)["count"] == 7)


@test("--ticket-file: a file that is no ticket is left alone, and another node's ticket too")
def _(weft):
    write_safetensors(weft.folder / "model.safetensors", some_tensors())
    thesis = weft.folder / "thesis"
    thesis.write_text("years of work")
    done = weft.run("serve", "model.safetensors", "--ticket-file", "thesis", wanted=3)
    check("[Exists]" in done.stderr and "hint:" in done.stderr, done.stderr)
    equal(thesis.read_text(), "years of work")
    file = weft.folder / "t"
    file.write_text("")  # as mktemp leaves it
    with weft.background("serve", "model.safetensors", "--ticket-file", "t") as first:
        until(file.read_text, "the first one's ticket")
        for words in (["serve", "model.safetensors"], ["recv", "-o", "in"]):
            done = weft.run(*words, "--ticket-file", "t", wanted=3)
            check("t is of a node that still runs [Exists]" in done.stderr and "hint:" in done.stderr, done.stderr)
        equal(file.read_text().strip(), first.ticket)
        equal(weft.json("ls", "@t")["count"], 7)
        file.rename(weft.folder / "moved")  # another file takes the name, with the very same text
        file.write_text(first.ticket + "\n")
        equal(ended_by(first, signal.SIGTERM), 0)
        equal(file.read_text().strip(), first.ticket, "it took another's file away")
    with weft.background("serve", "model.safetensors", "--ticket-file", "t") as killed:
        equal(ended_by(killed, signal.SIGKILL), -signal.SIGKILL)
    with weft.background("serve", "model.safetensors", "--ticket-file", "t") as next_one:
        equal(file.read_text().strip(), next_one.ticket, "what a node that was killed has left is replaced")
    check(not file.exists())
    equal(weft.left_over(), [])


@test("--ticket-file: of two that start at once with one name, one serves and the other is refused")
def _(weft):
    write_safetensors(weft.folder / "model.safetensors", some_tensors())
    both = [weft.popen("serve", "model.safetensors", "--ticket-file", "t") for _ in range(2)]
    try:
        until(lambda: any(child.poll() is not None for child in both), "the end of one of them")
        lost, won = sorted(both, key=lambda child: child.poll() is None)
        out, err = lost.communicate(timeout=60)
        equal((lost.returncode, out), (3, b""), err)
        check(b"still runs" in err, err)
        until((weft.folder / "t").exists, "the other one's ticket")
        equal(weft.json("ls", "@t")["count"], 7)
        won.send_signal(signal.SIGTERM)
        out, _ = won.communicate(timeout=60)
        check(won.returncode == 0 and out.startswith(b"weft"), won.returncode, out)
    finally:
        for child in both:
            child.kill()
    equal([(weft.folder / "t").exists(), weft.left_over()], [False, []])


@test("ls: a pattern that no name can match is the caller's mistake")
def _(weft):
    with weft.serve() as server:
        for pattern in (b"\xff", "x" * 256):
            done = weft.run("ls", server.ticket, os.fsdecode(pattern) if isinstance(pattern, bytes) else pattern, wanted=2)
            check("[InvalidArgument]" in done.stderr and "hint:" in done.stderr, done.stderr)


@test("get: --slice names its tensor, and may be repeated")
def _(weft):
    tensors = some_tensors()
    data = tensors["layers.0.weight"][2]
    with weft.serve() as server:
        weft.run("get", server.ticket, "--slice", "layers.0.weight[3:10,:]", "-o", "a.safetensors")
        equal(read_safetensors(weft.folder / "a.safetensors"),
              {"layers.0.weight": ("F32", [7, 64], data[3 * 256:10 * 256])})
        weft.run("get", server.ticket, "norm.bias", "--slice", "layers.0.weight[-1, 0:2]", "--slice", "mask[0:3]",
                 "-o", "b.safetensors")
        equal(read_safetensors(weft.folder / "b.safetensors"),
              {"layers.0.weight": ("F32", [1, 2], data[511 * 256:511 * 256 + 8]), "norm.bias": tensors["norm.bias"],
               "mask": ("BOOL", [3], tensors["mask"][2][:3])})
        done = weft.run("get", server.ticket, "--slice", "0:1", wanted=2)
        check("--slice 'w[0:128,:]'" in done.stderr, done.stderr)


@test("WEFT_…: what no option says; an option says otherwise; a client does not listen where a server does")
def _(weft):
    write_safetensors(weft.folder / "model.safetensors", some_tensors())
    address = f"127.0.0.1:{free_port()}"
    ours = {"WEFT_LISTEN": address}
    with weft.background("serve", "model.safetensors", env=ours) as server:
        equal(weft.json("ticket", server.ticket)["addresses"], ["tcp://" + address])
        equal(weft.json("ls", server.ticket, env=ours)["count"], 7)
        with weft.background("serve", "model.safetensors", "--listen", "127.0.0.1:0", env=ours) as other:
            check(weft.json("ticket", other.ticket)["addresses"] != ["tcp://" + address])
        told = weft.json("get", server.ticket, "-o", "a.safetensors", env={"WEFT_LANES": "tls"})
        equal(told["lane"], "tls")
    check("500ms, 30s" in weft.run("ls", "t", env={"WEFT_TIMEOUT": "5"}, wanted=2).stderr)
    check("WEFT_IDLE" in weft.run("info", env={"WEFT_IDLE": "soon"}, wanted=2).stderr)
    check("[WEFT_TIMEOUT]" in weft.run("help", "ls").stdout)
    equal(weft.run("id", env={"WEFT_IDENTITY": "mine"}).stdout, weft.run("id", "--identity", "mine").stdout)


@test("logs: JSON lines without a terminal, text when asked for, no colour but by --color")
def _(weft):
    with weft.serve() as server:
        lines = [line for line in weft.run("ls", server.ticket, "-vv").stderr.splitlines() if line.startswith("{")]
        check(lines, "no log at all")
        for line in lines:
            told = json.loads(line)
            check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["ts"]), line)
            check(told["level"] in ("debug", "info", "warn", "error") and told["msg"], line)
        text = weft.run("ls", server.ticket, env={"WEFT_LOG_LEVEL": "debug", "WEFT_LOG_FORMAT": "text"}).stderr
        check(re.match(r"\d\d:\d\d:\d\d\.\d{3} debug|\d\d:\d\d:\d\d\.\d{3} info", text), text)
        check("\x1b[" not in text, text)
        colored = weft.run("ls", server.ticket, "-vv", "--log-format", "text", "--color", "always").stderr
        check("\x1b[" in colored, colored)
