"""Tests of get --resume: what an interrupted get leaves, and what the next one makes of it. Run by cli_test.py."""

import random
import signal

from cli_harness import Skipped, check, equal, read_safetensors, some_tensors, test, until


def interrupted(weft, server):
    """A get of many batches that was interrupted when the first of them was verified, and what it said."""
    for _ in range(10):
        child = weft.popen("get", server.ticket, "-o", "copy.safetensors", "--force")
        journal = weft.folder / "copy.safetensors.part.resume"
        until(lambda: (journal.exists() and b"digest" in journal.read_bytes()) or child.poll() is not None, "a batch")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        if child.returncode == 0:  # it was faster
            continue
        equal(child.returncode, 130, err)
        return err.decode()
    raise Skipped("every pull was over before it could be interrupted")


def many_batches():
    block = random.Random(3).randbytes(1 << 20)
    return {f"w{i:02}": ("U8", [16 << 20], (block[i:] + block[:i]) * 16) for i in range(28)}


@test("get --resume: what was verified before Ctrl-C is not pulled again")
def _(weft):
    tensors = many_batches()
    with weft.serve(tensors) as server:
        said = interrupted(weft, server)
        check("--resume" in said, said)
        equal([p.name for p in weft.folder.glob("copy*") if p.suffix == ".safetensors"], [])
        part = weft.folder / "copy.safetensors.part"
        with open(part, "r+b") as file:  # the disk lost a byte of what lies first: only that is pulled again
            file.seek(part.stat().st_size - (28 << 24) + 5)
            file.write(b"\xff\xfe\xfd")
        kept = (weft.folder / "copy.safetensors.part.resume").read_text().count("digest")
        done = weft.json("get", server.ticket, "-o", "copy.safetensors", "--resume")
        equal(done["resumed"], (kept - 1) << 24)
        equal(read_safetensors(weft.folder / "copy.safetensors"), tensors)
        equal(weft.left_over(), [])


@test("get --resume: a server that restarted is another life, and all is pulled again")
def _(weft):
    tensors = many_batches()
    with weft.serve(tensors) as server:
        interrupted(weft, server)
    with weft.serve(tensors) as server:
        done = weft.json("get", server.ticket, "-o", "copy.safetensors", "--resume")
        equal(done["resumed"], 0)
        equal(read_safetensors(weft.folder / "copy.safetensors"), tensors)
        equal(weft.left_over(), [])


@test("get --resume: with nothing to go on with it is a get")
def _(weft):
    with weft.serve() as server:
        equal(weft.json("get", server.ticket, "-o", "copy.safetensors", "--resume")["resumed"], 0)
        equal(read_safetensors(weft.folder / "copy.safetensors"), some_tensors())
        equal(weft.left_over(), [])
