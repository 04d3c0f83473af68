"""What cli_test.py stands on: safetensors files made and read by hand, weft as a process, and the report of tests."""

import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import tempfile
import time
import traceback

WATCHDOG = 60  # seconds; nothing here is expected to take long, and nothing may take for ever
TESTS = []


class Skipped(Exception):
    pass


def test(name):
    def register(function):
        TESTS.append((name, function))
        return function

    return register


def run_all(weft, only):
    failed = 0
    for name, function in TESTS:
        if only and only not in name:
            continue
        with tempfile.TemporaryDirectory(prefix="weft-cli-") as folder:
            try:
                function(Weft(weft, pathlib.Path(folder)))
                print(f"ok {name}", flush=True)
            except Skipped as why:
                print(f"skip {name} # {why}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {name}", flush=True)
                print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
    return 1 if failed else 0


def check(condition, *told):
    if not condition:
        raise AssertionError(" ".join(map(str, told)))


def equal(got, wanted, what=""):
    check(got == wanted, what, f"got {got!r}, wanted {wanted!r}")


def write_safetensors(path, tensors, metadata=None):
    """tensors: name -> (dtype, shape, bytes)."""
    header, offset = {"__metadata__": metadata} if metadata else {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)


def read_metadata(path):
    raw = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", raw)
    return json.loads(raw[8:8 + length]).get("__metadata__")


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8:8 + length])
    tensors, end = {}, 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, stop = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], raw[8 + length + start:8 + length + stop])
        end = max(end, stop)
    equal(8 + length + end, len(raw), f"{path} ends with its last tensor")
    return tensors


def some_tensors(large=0):
    """A small model: widest first, as the format's own library lays them out."""
    seeded = random.Random(7)
    tensors = {
        "layers.0.weight": ("F32", [512, 64], seeded.randbytes(512 * 64 * 4)),
        "layers.1.weight": ("F32", [64, 32, 2], seeded.randbytes(64 * 32 * 2 * 4)),
        "norm.bias": ("F32", [7], seeded.randbytes(28)),
        "scalar": ("F32", [], seeded.randbytes(4)),
        "empty": ("F32", [0, 4], b""),
        "half.weight": ("F16", [33, 5], seeded.randbytes(33 * 5 * 2)),
        "mask": ("BOOL", [9], bytes(seeded.choice([0, 1]) for _ in range(9))),
    }
    if large:
        data = b"".join(seeded.randbytes(1 << 20) for _ in range(large >> 20))
        tensors = {"large": ("F32", [large // 4096, 1024], data), **tensors}
    return tensors


class Weft:
    """The binary, run in a folder of its own with a home of its own."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.environment = {k: v for k, v in os.environ.items()
                            if k not in ("NO_COLOR", "FORCE_COLOR", "XDG_CONFIG_HOME") and not k.startswith("WEFT_")}
        self.environment |= {"HOME": str(folder / "home"), "LC_ALL": "C.UTF-8", "TERM": "xterm"}

    def popen(self, *words, env=None, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([self.program, *map(str, words)], cwd=self.folder,
                                env=self.environment | (env or {}), **kwargs)

    def run(self, *words, wanted=0, **kwargs):
        """The finished process, its text decoded; its exit code must be `wanted` (None: any)."""
        given = kwargs.pop("given", None)
        if given is not None:
            kwargs["stdin"] = subprocess.PIPE
        child = self.popen(*words, **kwargs)
        try:
            out, err = child.communicate(None if given is None else given.encode(), timeout=WATCHDOG)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise AssertionError(f"weft {' '.join(map(str, words))} did not end")
        done = subprocess.CompletedProcess(words, child.returncode, (out or b"").decode(errors="replace"),
                                           (err or b"").decode(errors="replace"))
        if wanted is not None:
            equal(done.returncode, wanted, f"weft {' '.join(map(str, words))}: {done.stdout}{done.stderr}")
        return done

    def json(self, *words, **kwargs):
        return json.loads(self.run(*words, "--json", **kwargs).stdout)

    @contextlib.contextmanager
    def background(self, *words, env=None):
        """A serve or recv that is ready; yields the process, with its ticket as .ticket."""
        child = self.popen(*words, env=env, stderr=open(self.folder / f"log{time.monotonic_ns()}", "w+b"))
        try:
            child.ticket = child.stdout.readline().decode().strip()
            check(child.ticket.startswith("weft"), "no ticket:", child.ticket, words, child.poll())
            yield child
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(WATCHDOG)
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()
                child.stdout.close()

    def serve(self, tensors=None, *words, **kwargs):
        write_safetensors(self.folder / "model.safetensors", tensors or some_tensors())
        return self.background("serve", "model.safetensors", *words, **kwargs)

    def left_over(self):
        return sorted(p.name for p in self.folder.rglob("*") if ".part" in p.name)


def free_port():
    """One that is free, and that the kernel gives to nobody who asks for any: below its range of those."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(low - 16000, low), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def until(condition, what):
    """Waits for a condition of the world outside, under the watchdog."""
    give_up = time.monotonic() + WATCHDOG
    while not condition():
        check(time.monotonic() < give_up, "never came true:", what)
        time.sleep(0.005)
