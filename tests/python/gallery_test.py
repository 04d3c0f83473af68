"""The examples of examples/python, each run as it stands, in the processes that it makes."""

import pathlib
import re
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "python"
SECONDS = 60

# What each prints, a pattern for each line, in any order; the contents of tensors are checked by the examples.
PRINTS = {
    "pull_shard": [
        r"rank 0 has columns 0 to 256 of 4 matrices, 1048576 bytes",
        r"rank 1 has columns 256 to 512 of 4 matrices, 1048576 bytes",
    ],
    "kv_pages": [
        r"block  3 is page  0 here",
        r"block 17 is page  9 here",
        r"block 18 is page  1 here",
        r"block 40 is page 31 here",
        r"block 63 is page  5 here",
        r"27 pages are untouched",
    ],
    "pipeline": [rf"act\.{i} went through 3 stages" for i in range(8)],
    "replace_while_reading": [rf"actor {i}: 50 generations seen, each whole" for i in range(2)],
    "serve_folder": [
        r"served: layers\.0\.k layers\.0\.q layers\.1\.k layers\.1\.q",
        r"rows 8 to 12 of layers\.1\.k are right",
        r"all 4 tensors are right",
    ],
}


def test_every_example_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == PRINTS.keys()


@pytest.mark.parametrize("name", PRINTS)
def test_example(name):
    pytest.importorskip("numpy", reason="numpy is not installed")
    done = subprocess.run([sys.executable, FOLDER / f"{name}.py"], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = sorted(done.stdout.splitlines())
    assert len(lines) == len(PRINTS[name]), done.stdout
    for line, pattern in zip(lines, sorted(PRINTS[name])):
        assert re.fullmatch(pattern, line), f"{line!r} is not {pattern!r}"
    assert done.stderr == ""
