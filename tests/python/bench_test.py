"""The bench of Python's calls, tiny, so that it cannot rot."""

import os
import pathlib
import subprocess
import sys

import weft

ROOT = pathlib.Path(__file__).parent.parent.parent


def test_the_bench_of_python_calls_runs():
    build = pathlib.Path(weft.__file__).parent.parent.parent
    done = subprocess.run([sys.executable, ROOT / "bench" / "python_calls.py", build, "--tiny"], capture_output=True,
                          text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(build / "python")})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results = [line for line in done.stdout.splitlines() if line.startswith("result ")]
    assert {"result python.get_4K.asyncio.us", "result python.push_64K.us"} <= {line.rsplit(" ", 1)[0] for line in results}
