"""Tests of what weft prints: tables, JSON, colours, bars, usage errors. Run by cli_test.py."""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess

from cli_harness import Skipped, check, equal, some_tensors, test, until

COMMANDS = ["serve", "ls", "get", "push", "recv", "grains", "doctor", "ping", "explain", "info", "ticket", "demo", "id", "version", "help",
            "completions"]


def on_terminal(weft, *words, env=None, columns=100):
    """Exit code and everything a terminal of `columns` was sent on stderr; stdout is a pipe and thrown away."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", str(columns)], stdin=theirs, check=True)
    child = weft.popen(*words, env=env, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        ready, _, _ = select.select([ours], [], [], 60)
        check(ready, "the terminal went silent")
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
    os.close(ours)
    text = re.sub(r"==\d+==[^\n]*\n", "", seen.decode(errors="replace"))  # what a sanitizer says about itself
    return child.wait(60), text


@test("ls: a table for people, tabs for scripts, one object for programs")
def _(weft):
    tensors = some_tensors()
    with weft.serve(tensors) as server:
        lines = weft.run("ls", server.ticket).stdout.splitlines()
        equal(lines[0].split(), ["NAME", "DTYPE", "SHAPE", "SIZE", "GEN"])
        equal(len(lines), 9)
        check("7 tensors, total" in lines[-1], lines)
        row = next(line for line in lines if line.startswith("layers.0.weight"))
        check(re.fullmatch(r"layers\.0\.weight +float32 +\[512, 64\] +128\.0 KiB +\d+", row), row)

        plain = [line.split("\t") for line in weft.run("ls", server.ticket, "--plain").stdout.splitlines()]
        equal({row[0]: int(row[3]) for row in plain}, {name: len(data) for name, (_, _, data) in tensors.items()})

        told = weft.json("ls", server.ticket)
        equal(set(told), {"tensors", "count", "bytes"})
        equal(set(told["tensors"][0]), {"name", "dtype", "shape", "bytes", "generation"})
        equal({t["name"]: t["shape"] for t in told["tensors"]}, {name: shape for name, (_, shape, _) in tensors.items()})
        equal([t["name"] for t in weft.json("ls", server.ticket, "layers.*")["tensors"]],
              ["layers.0.weight", "layers.1.weight"])
        equal(weft.json("ls", server.ticket, "nothing*")["count"], 0)
        (weft.folder / "t").write_text(server.ticket)
        done = weft.run("ls", "@t", "norm.bais*")
        equal(done.stdout.splitlines()[-1], "0 tensors, total 0 B")
        equal(done.stderr, 'nothing matches "norm.bais*"; did you mean "norm.bias"? weft ls @t lists all 7\n')
        equal(weft.run("ls", "@t", "norm.*").stdout.splitlines()[-1], "1 tensor, total 28 B")
        equal(weft.run("ls", "@t", "norm.*").stderr, "")


@test("a rate is told of what takes longer to move than to set up; an empty tensor has none")
def _(weft):
    with weft.serve(some_tensors(large=16 << 20)) as server:
        for name, rated in (("empty", False), ("layers.0.weight", False), ("large", True)):
            told = weft.run("get", server.ticket, name, "-o", "copy.safetensors", "-f").stderr
            equal("B/s" in told, rated, told)
            check(re.search(r"100 %.*  \d:\d\d   \w+   verified", told), told)


@test("--plain: values with tabs between them, - for what is not known, no words on stdout")
def _(weft):
    with weft.serve() as server:
        def plain(*words):
            return weft.run(*words, "--plain").stdout.splitlines()

        rows = [line.split("\t") for line in plain("explain", server.ticket, "norm.bias")]
        check(all(len(row) == 3 and row[1] == "-" and re.match("chosen: |usable: |no: ", row[2]) for row in rows), rows)
        check("EXPECTED" not in weft.run("explain", server.ticket).stdout)
        rows = [line.split("\t") for line in plain("ticket", server.ticket)]
        equal([row[0] for row in rows], ["node", "address", "expires"])
        equal(rows[0][1], weft.json("ticket", server.ticket)["node"])
        for words in (["info"], ["doctor", server.ticket], ["ls", server.ticket]):
            widths = {}
            for row in (line.split("\t") for line in plain(*words)):
                check(len(row) > 1 and all(cell == cell.strip() and cell for cell in row), words, row)
                widths.setdefault(row[0] if row[0] in ("provider", "rdma") else "", set()).add(len(row))
            check(all(len(found) == 1 for found in widths.values()), words, widths)
    with weft.background("recv", "-o", "in", "-n", "7") as receiver:
        (row,) = plain("push", "model.safetensors", receiver.ticket)
        equal(row.split("\t")[2], str(sum(len(data) for _, _, data in some_tensors().values())))


@test("--json: where a peer stands, its full id does too, in failures as well; what is not known is null")
def _(weft):
    with weft.serve() as server:
        node = weft.json("ticket", server.ticket)["node"]
        for words in (["explain", server.ticket, "norm.bias"], ["ping", server.ticket]):
            told = weft.json(*words)
            equal(told["node"], node)
            check(told["peer"].endswith(")"), told)
        check(all(lane["expected"] is None for lane in weft.json("explain", server.ticket)["lanes"]))
        told = json.loads(weft.run("get", server.ticket, "nope", "--json", wanted=3).stderr)
        equal(told["node"], node)
        ticket = server.ticket
    told = json.loads(weft.run("ls", ticket, "--json", wanted=4).stderr)
    equal(told["node"] if told["peer"] else node, node)
    equal(json.loads(weft.run("ls", "@missing", "--json", wanted=3).stderr)["node"], "")


@test("names with control characters are escaped wherever they are shown")
def _(weft):
    with weft.serve({"a\x1b[31m\n\tb": ("U8", [1], b"x")}) as server:
        for form in ([], ["--plain"]):
            out = weft.run("ls", server.ticket, *form).stdout
            check("\x1b" not in out and "\\x1b" in out, repr(out))
        equal(weft.json("ls", server.ticket)["tensors"][0]["name"], "a\x1b[31m\n\tb")
        done = weft.run("get", server.ticket, "b\x1b[31m", wanted=3)
        check("\x1b" not in done.stderr, repr(done.stderr))


@test("a typo is answered with what was probably meant, and 2")
def _(weft):
    done = weft.run("sevre", wanted=2)
    check("did you mean serve?" in done.stderr and "[InvalidArgument]" in done.stderr, done.stderr)
    check("did you mean --ticket-file?" in weft.run("serve", "x", "--tiket-file", "t", wanted=2).stderr)
    check("did you mean --json?" in weft.run("ls", "t", "--jsno", wanted=2).stderr)
    check("weft help" in weft.run("xyzzy", wanted=2).stderr)
    told = json.loads(weft.run("sevre", "--json", wanted=2).stderr)
    equal(told["class"], "InvalidArgument")
    for words in (["ls"], ["ls", "t", "*", "more"], ["ls", "t", "--timeout", "5"], ["ls", "t", "--lane", "pigeon"],
                  ["ls", "t", "--color", "blue"], ["get", "t", "--slice", "0:1"], ["ping", "t", "-c", "none"], []):
        weft.run(*words, wanted=2)
    check("500ms, 30s" in weft.run("ls", "t", "--timeout", "5", wanted=2).stderr)


@test("help: every command, its options and an example; flags stand before or after the command")
def _(weft):
    overview = weft.run("help").stdout
    for command in COMMANDS:
        check(f"\n  {command} " in overview, command)
        told = weft.run("help", command).stdout
        equal(told, weft.run(command, "--help").stdout)
        check(f"Usage: weft {command}" in told and "--timeout TIME" in told and "Example: weft" in told, told)
    check("did you mean push?" in weft.run("help", "psuh", wanted=2).stderr)
    check("push" in weft.run("help", "broadcast").stdout)
    equal(weft.run("--json", "version").stdout, weft.run("version", "--json").stdout)
    check(re.fullmatch(r"weft \d+\.\d+\.\d+\n", weft.run("--version").stdout))


@test("colour: on a terminal, when forced, never with NO_COLOR or a dumb terminal")
def _(weft):
    check("\x1b[" not in weft.run("sevre", wanted=2).stderr)
    check("\x1b[" in weft.run("help", "no", "--color", "always", wanted=2).stderr)
    check("\x1b[" in weft.run("help", "no", env={"FORCE_COLOR": "1"}, wanted=2).stderr)
    check("\x1b[" in on_terminal(weft, "help", "no")[1])
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        check("\x1b[" not in on_terminal(weft, "help", "no", env=environment)[1], environment)
    check("\x1b[" not in weft.run("help", "no", "--color", "never", env={"FORCE_COLOR": "1"}, wanted=2).stderr)


@test("progress: a bar on a terminal that fits it and stays; ASCII without UTF-8; none when told so")
def _(weft):
    with weft.serve(some_tensors(large=16 << 20)) as server:
        words = ["get", server.ticket, "-f", "-o", "copy.safetensors"]
        code, seen = on_terminal(weft, *words, columns=120)
        equal(code, 0, seen)
        lines = [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[K", "", seen)) if line]
        check(re.fullmatch(r"8/8 tensors  16\.1 MiB / 16\.1 MiB  100 %  ▕█+▏  [\d.]+ [MG]B/s  \d:\d\d   \w+   verified", lines[-1]),
              repr(lines[-1]))
        _, seen = on_terminal(weft, *words, columns=50)
        check(all(len(line) < 50 for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[K", "", seen))), repr(seen))
        for columns in (60, 40, 24, 10):
            _, seen = on_terminal(weft, *words, columns=columns)
            last = [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[K", "", seen)) if line][-1]
            check(len(last) < columns and last.endswith("verified"), columns, repr(last))
            check(columns < 24 or re.search(r"100 %.*   \w+   verified", last), repr(last))
        _, seen = on_terminal(weft, *words, env={"LC_ALL": "C"})
        check("[####" in seen and seen.isascii(), repr(seen))
        _, seen = on_terminal(weft, *words, "--no-progress")
        check("\r8/8" not in seen and "8/8 tensors" in seen, repr(seen))
        _, seen = on_terminal(weft, *words, "--quiet")
        equal(seen, "")
        check("\r" not in weft.run(*words).stderr)


@test("stdout that is closed early is quiet; one that is full is an error")
def _(weft):
    many = {f"a/long/name/for/a/tensor/number/{n:06}": ("U8", [1], b"x") for n in range(5000)}
    with weft.serve(many) as server:
        reader, writer = os.pipe()
        child = weft.popen("ls", server.ticket, stdout=writer)
        os.close(writer)
        os.read(reader, 10)
        os.close(reader)
        _, err = child.communicate(timeout=60)
        equal((child.returncode, err), (0, b""))
        with open("/dev/full", "w") as full:
            done = weft.run("ls", server.ticket, stdout=full, wanted=8)
        check("[ResourceExhausted]" in done.stderr, done.stderr)


@test("id: made once, private, and the same every time")
def _(weft):
    told = weft.json("id")
    equal(told, weft.json("id"))
    check(told["file"].startswith(weft.environment["HOME"]), told)
    equal(os.stat(told["file"]).st_mode & 0o777, 0o600)
    os.chmod(told["file"], 0o644)
    done = weft.run("id", wanted=7)
    check("hint:" in done.stderr, done.stderr)


@test("completions: each shell reads its script, and bash completes commands and options")
def _(weft):
    for shell in ("bash", "zsh", "fish"):
        script = weft.run("completions", shell).stdout
        for command in COMMANDS:
            check(command in script, shell, command)
        if not shutil.which(shell):
            continue
        subprocess.run([shell, "-n"], input=script.encode(), check=True)
    weft.run("completions", "csh", wanted=2)
    if not shutil.which("bash"):
        raise Skipped("no bash")
    script = weft.run("completions", "bash").stdout

    def complete(*words):
        ask = f"COMP_WORDS=({' '.join(words)!s}); COMP_CWORD={len(words) - 1}; _weft; echo ${{COMPREPLY[*]}}"
        return subprocess.run(["bash", "-c", script + ask], capture_output=True, text=True, check=True).stdout.split()

    equal(complete("weft", "se"), ["serve"])
    equal(complete("weft", "--timeout", "3s", "pi"), ["ping"])
    equal(complete("weft", "serve", "--ti"), ["--ticket-file", "--timeout"])
    equal(complete("weft", "completions", "f"), ["fish"])


@test("info and version tell the host, the lanes and the libraries")
def _(weft):
    told = weft.json("info")
    equal(set(told), {"version", "host", "kernel", "machine", "cores", "memory_bytes", "lanes", "providers",
                      "rdma_ports"})
    check(any(lane["lane"] == "tls" and lane["used"] for lane in told["lanes"]), told)
    check(all(lane["detail"] for lane in told["lanes"]), told)
    equal(weft.json("version")["version"], told["version"])
    check(weft.run("info").stdout.startswith("LANE"))
    libfabric = weft.json("version")["libfabric"]
    for one in told["providers"]:
        check(not one["version"] or int(one["version"].split(".")[0]) < 100, one)
        check(one["provider"] != "tcp" or not one["version"] or one["version"].startswith(libfabric), one, libfabric)


@test("info and doctor list what libfabric has on this host, and say of each provider whether it is used or why not")  # [O-04]
def _(weft):
    info = weft.json("info")
    providers = {one["provider"]: one for one in info["providers"]}
    equal(len(providers), len(info["providers"]))
    check(all(one["why"] for one in providers.values()), providers)
    lanes = {lane["lane"]: lane for lane in info["lanes"]}
    for name, one in providers.items():
        carried = [lane["lane"] for lane in lanes.values() if lane["used"] and lane["provider"] == name]
        equal(one["used"], bool(carried), name)
        check(not one["used"] or (one["why"] == f"lane {carried[0]}" and one["domains"]), one)
        check(all(domain["domain"] and domain["fabric"] for domain in one["domains"]), one)
        check(set(one["types"]) <= {"msg", "rdm", "dgram"} and bool(one["types"]) == bool(one["domains"]), one)
    check({"verbs", "efa", "tcp"} <= set(providers), providers)
    doctor = weft.json("doctor")
    equal(doctor["providers"], info["providers"])
    equal(doctor["rdma_ports"], info["rdma_ports"])
    text, plain = weft.run("info").stdout, weft.run("info", "--plain").stdout
    for name in providers:
        check(f"\n{name} " in text and f"\nprovider\t{name}\t" in plain, name)
    check(all(line.split("\t")[0] in ("tls", "tcp", "verbs", "provider", "rdma") for line in plain.splitlines()), plain)


@test("doctor: a host where libfabric finds nothing is told so")
def _(weft):
    told = weft.json("doctor", env={"FI_PROVIDER": "none-of-them"})
    checks = {one["check"]: one for one in told["checks"]}
    equal(checks["tcp"]["verdict"], "warn")
    equal(checks["tcp"]["remedy"], "unset FI_PROVIDER")
    check(not any(one["used"] for one in told["providers"]), told["providers"])


@test("-v tells more, and never a ticket or a key")  # [T-03]
def _(weft):
    with weft.serve() as server:
        done = weft.run("ls", server.ticket, "-vv")
        check(server.ticket not in done.stderr, done.stderr)


@test("doctor: every check has a verdict, and the path to a node is one of them")
def _(weft):
    with weft.serve() as server:
        checks = {one["check"]: one for one in weft.json("doctor", server.ticket)["checks"]}
        check({"memlock", "descriptors", "hugepages", "shm space", "tcp", "verbs", "mtu", "clock", "firewall",
               "versions"} <= set(checks), checks)
        check(all(one["verdict"] in ("ok", "warn", "fail") and one["found"] for one in checks.values()), checks)
        equal(checks["firewall"]["verdict"], "ok")
        devices = pathlib.Path("/sys/class/infiniband")
        efa = [one for one in devices.glob("*") if (one / "device/driver").resolve().name == "efa"]
        equal("no EFA device here" == checks["efa"]["found"], not efa)
        ticket = server.ticket
    done = weft.run("doctor", ticket, wanted=1)
    check("PeerUnreachable" in done.stdout, done.stdout)
    check("firewall:" in done.stderr, done.stderr)
