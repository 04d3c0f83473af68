#!/usr/bin/env python3
"""Weft over real verbs: the lane suite, the fabric classes, nodes in one process, and two `weft` processes.

    verbs_test.py SOFT_ROCE WEFT CONFORMANCE_FABRIC TEST_FABRIC TEST_NODES GRAINS_SUITE FABRIC_TARGET FABRIC_INITIATOR
                  SPINNING

One virtual machine with a Soft-RoCE device is started for all of it (scripts/soft-roce); inside.sh is what runs there.
Skipped, with the reason, where this host cannot start one.
"""

import hashlib
import json
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

SECONDS = 540
CANNOT = 77

RING, GRAINS = 4, 3000  # slots, and how many are sent through them
SPUN = 3000  # grains between loops that spin; nine tenths of them are measured

TENSORS = {"large": ("F32", [1536, 1024], 6 << 20), "odd": ("U8", [1000, 1001], 1001000), "small": ("U8", [300], 300)}
TOTAL = sum(size for _, _, size in TENSORS.values())

TESTS = {}
STRACE = shutil.which("strace") or ""


class Skipped(Exception):
    """A test that cannot run here, and why."""


def test(name):
    def register(function):
        TESTS[name] = function
        return function

    return register


def check(condition, *told):
    if not condition:
        raise AssertionError(" ".join(map(str, told)))


def equal(got, wanted):
    check(got == wanted, f"got {got!r}, wanted {wanted!r}")


class Steps:
    """What each step printed, and its exit status."""

    def __init__(self, output):
        self.output = output
        self.done = {
            match["name"]: (int(match["status"]), match["text"])
            for match in re.finditer(r"^@begin (?P<name>\S+)\n(?P<text>.*?)^@end (?P=name) (?P<status>\d+)$", output,
                                     re.DOTALL | re.MULTILINE)
        }

    def text(self, name, status=0):
        check(name in self.done, f"step {name} was not reached or did not end")
        found, text = self.done[name]
        check(found == status, f"step {name} ended with {found}:\n{text[-4000:]}")
        return text

    def json(self, name, status=0):
        lines = [line for line in self.text(name, status).splitlines() if line.startswith("{")]
        check(lines, f"step {name} told nothing")
        return json.loads(lines[-1])


@test("verbs: the lane keeps the interface's promises")
def conformance(steps, _):
    check("All tests passed" in steps.text("conformance"), steps.text("conformance"))


@test("verbs: the class tests of engine/fabric pass")  # [O-13]
def classes(steps, _):
    text = steps.text("classes")
    check(re.search(r"[1-9]\d* passed", text) and "failed" not in text.splitlines()[-2], text[-2000:])
    check("on verbs" in text, "no section ran over verbs")


@test("verbs: memory past the limit of locked memory is ResourceExhausted for an ordinary user")
def memlock(steps, _):
    check("All tests passed" in steps.text("memlock"), steps.text("memlock"))


@test("verbs: nodes in one process pull and push memory, parts, pages and files")
def nodes(steps, _):
    check("All tests passed" in steps.text("nodes"), steps.text("nodes")[-2000:])


@test("verbs: the example's four grains cross from its initiator to its target, a process each")
def examples(steps, _):
    size = 64 * 1024
    equal(steps.text("example-initiator").strip(), f"4 grains of {size} bytes are at the target")
    equal(steps.text("example-target").splitlines(),
          [f"grain {i} arrived, {size} bytes, sum {(i + 1) * size}" for i in range(4)])


@test("verbs: info tells device, port, state, link layer, speed, GID and address")
def info(steps, _):
    lane = next(lane for lane in steps.json("info")["lanes"] if lane["lane"] == "verbs")
    check(lane["used"], lane)
    for word in ("rxe0 port 1", "active", "Ethernet", "Gb/s", "GID ", "192.168.77.1", "verbs"):
        check(word in lane["detail"], word, "is not in", lane)
    told = steps.json("info")
    verbs = next(one for one in told["providers"] if one["provider"] == "verbs")
    check(verbs["used"] and verbs["why"] == "lane verbs" and "msg" in verbs["types"], verbs)
    check(any(domain["domain"] == "rxe0" for domain in verbs["domains"]), verbs)
    equal([(port["device"], port["port"], port["state"], port["link_layer"]) for port in told["rdma_ports"]],
          [("rxe0", 1, "active", "Ethernet")])
    check(told["rdma_ports"][0]["gid"] and told["rdma_ports"][0]["bits_per_second"] > 0, told["rdma_ports"])


@test("verbs: explain chooses it, and says over which port")
def explain(steps, _):
    lanes = steps.json("explain")["lanes"]
    chosen = [lane for lane in lanes if lane["chosen"]]
    equal([lane["lane"] for lane in chosen], ["verbs"])
    check("rxe0" in chosen[0]["verdict"], chosen)


@test("verbs: a file is pulled from another process, asked for by name or not, and every byte is equal")
def get(steps, model):
    for asked in ("get", "get-auto"):
        told = steps.json(asked)
        equal((told["lane"], told["verified"], told["bytes"]), ("verbs", True, TOTAL))
        equal(steps.text(asked.replace("get", "got")).strip(), model.digest)


@test("verbs: a file is pushed to another process, and every byte is equal")
def push(steps, model):
    told = steps.json("push")
    equal([(one["ok"], one["lane"], one["bytes"]) for one in told["receivers"]], [(True, "verbs", TOTAL)])
    equal(steps.text("pushed").strip(), model.large_digest)


@test("verbs: demo moves a model over it and checks every byte")
def demo(steps, _):
    equal([(lane["lane"], lane["verified"]) for lane in steps.json("demo")["lanes"]], [("verbs", True)])


@test("verbs: grains go from one process to another, each once and whole")
def grains(steps, _):
    sent, received = steps.json("grains-send"), steps.json("grains-received")
    equal((sent["grains"], sent["failed"]), (GRAINS, 0))
    equal((received["grains"], received["bad"]), (GRAINS, 0))


@test("verbs: what grains are acknowledged by rides their rail, not the session's stream")  # [O-62]
def grain_credits(steps, _):
    if not STRACE:
        raise Skipped("strace is missing: scripts/install-dependencies test")
    # A slot is written again only once its target has said so, hence there are at least so many messages that do, one
    # after another. All that was sent over TCP is less: handshakes, heartbeats.
    told = GRAINS // RING - 1
    sends = sum(int(line) for line in steps.text("grains-sends").splitlines() if line.strip().isdigit())
    check(0 < sends < told, f"{sends} sends over TCP for {told} times that slots came free")


@test("verbs: loops that spin make no system call for a grain")  # [O-62]
def spinning(steps, _):
    if not STRACE:
        raise Skipped("strace is missing: scripts/install-dependencies test")
    for end in ("send", "recv"):
        check(f"{end} all of {SPUN}" in steps.text(f"spun-{end}"), steps.text(f"spun-{end}"))
        lines = [line.split() for line in steps.text(f"spun-{end}-calls").splitlines()]
        calls = {words[1]: int(words[2]) for words in lines if words and words[0] == "call"}
        bells = int(next(words[1] for words in lines if words and words[0] == "bells"))
        seconds = float(next(words[1] for words in lines if words and words[0] == "seconds"))
        # Each grain takes its initiator two posts; its target gives credits for several at a time.
        check(bells > SPUN * (1.5 if end == "send" else 0.1), end, bells, "doorbells")
        # They go eight at a time, hence a call for each bunch would be SPUN / 8. What heartbeats take, and the look at
        # the kernel once a second, is allowed for by the time that it took.
        check(sum(calls.values()) < 0.03 * 0.9 * SPUN + 16 * seconds, end, calls, seconds, "seconds")


@test("verbs: a pull and a push of 4 KiB ride the rail, and every byte is equal")  # [O-62]
def exchanges(steps, _):
    check("exchange all of 100" in steps.text("exchange"), steps.text("exchange"))
    check("serve all of 100" in steps.text("exchange-served"), steps.text("exchange-served"))
    for what in ("pull verbs", "push verbs", "pull tls", "push tls"):
        check(what in steps.text("exchange"), steps.text("exchange"))


@test("verbs: who may not lock the landing pulls over another lane, or is told what to raise")
def poor_client(steps, model):
    told = steps.json("poor-get")
    check(told["lane"] != "verbs" and told["verified"], told)
    equal(steps.text("poor-got").strip(), model.digest)
    status, text = steps.done["poor-verbs"]
    check(status != 0, text)
    refused = steps.json("poor-verbs", status)
    equal(refused["class"], "ResourceExhausted")
    check("ulimit -l" in refused["hint"], refused)


@test("verbs: what a server may not lock is served over another lane, or not, and why is told")
def poor_server(steps, model):
    told = steps.json("poor-served")
    check(told["lane"] != "verbs" and told["verified"], told)
    equal(steps.text("from-poor").strip(), model.digest)
    status, text = steps.done["poor-served-verbs"]
    check(status != 0 and "ulimit -l" in text, text)


def grains_in_c(name):
    """One of the C program's tests, which the machine runs with all the others of it."""

    def of_suite(steps, _):
        check("grains-in-c" in steps.done, "step grains-in-c was not reached or did not end")
        lines = steps.done["grains-in-c"][1].splitlines()
        check(f"ok grains over verbs, in C: {name}" in lines, "\n".join(lines[-40:]))

    test(f"verbs: grains in C: {name}")(of_suite)


class Model:
    """A safetensors file of known bytes."""

    def __init__(self, path):
        self.path = path
        draw = random.Random(5)
        header, data, large = {}, b"", b""
        for name, (dtype, shape, size) in TENSORS.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + size]}
            content = draw.randbytes(size)
            large = large or content
            data += content
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)
        self.digest = hashlib.sha256(data).hexdigest()
        self.large_digest = hashlib.sha256(large).hexdigest()


def main():
    if len(sys.argv) != 10:
        sys.exit(__doc__)
    soft_roce, *programs = sys.argv[1:]
    listed = subprocess.run([programs[4], "--list"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        grains_in_c(name)
    inside = pathlib.Path(__file__).with_name("inside.sh").resolve()
    with tempfile.TemporaryDirectory(prefix="weft-verbs-") as folder:
        model = Model(pathlib.Path(folder) / "model.safetensors")
        files = [*programs, "libfabric.so.1", str(inside), str(model.path), *([STRACE] if STRACE else [])]
        command = [soft_roce, "-t", str(SECONDS), *(word for file in files for word in ("-f", file)), "--", "sh",
                   str(inside), *programs, str(model.path), str(TOTAL), str(TENSORS["large"][2]), STRACE, str(RING),
                   str(GRAINS), str(SPUN)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    said = done.stderr.strip().splitlines()
    if done.returncode == CANNOT and said and "cannot run here: " in said[-1]:
        for name in TESTS:
            print(f"skip {name} # {said[-1].split('cannot run here: ', 1)[1]}")
        return 0
    steps = Steps(done.stdout)
    failed = 0
    for name, function in TESTS.items():
        try:
            function(steps, model)
            print(f"ok {name}")
        except Skipped as why:
            print(f"skip {name} # {why}")
        except Exception as why:  # one that fails does not hide the others
            failed += 1
            print(f"not ok {name}\n    " + str(why).replace("\n", "\n    "))
    if failed:
        print(f"soft-roce ended with {done.returncode}", *said[-20:], sep="\n    ")
        print("the whole output:\n    " + done.stdout[-8000:].replace("\n", "\n    "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
