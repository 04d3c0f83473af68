"""Every bench of bench/python, run tiny, so that none of them rots. That it ends well and prints figures is checked: a
test never asserts a time."""

import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "bench" / "python"
BENCHES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "common")
SECONDS = 120


@pytest.mark.parametrize("name", BENCHES)
def test_bench(name):
    pytest.importorskip("numpy", reason="numpy is not installed")
    done = subprocess.run([sys.executable, FOLDER / f"{name}.py", "--tiny"], capture_output=True, text=True,
                          timeout=SECONDS)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(word in done.stdout for word in ("machine: ", "p50", "p99", "max", "\nresult ")), done.stdout
    assert done.stderr == ""
