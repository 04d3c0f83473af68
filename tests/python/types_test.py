"""The package's types, as mypy and pyright see them."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import weft

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
INSTRUMENTED = "WEFT_PYTHON_INSTRUMENTED" in os.environ
pytestmark = pytest.mark.skipif(INSTRUMENTED, reason="once is enough: types are the same whatever the build")


def mypy(*files, flags=()):
    pytest.importorskip("mypy", reason="mypy is not installed")
    environment = {**os.environ, "MYPYPATH": str(ROOT / "python"), "PYTHONPATH": ""}
    return subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", os.devnull, *flags, *map(str, files)], cwd=ROOT,
                          env=environment, capture_output=True, text=True, timeout=300)  # fmt: skip


@pytest.fixture(scope="module")
def pyright(tmp_path_factory):
    """Runs it with the package on its path; the pip package brings what it needs, node included."""
    pytest.importorskip("basedpyright", reason="basedpyright, which is pyright as a wheel, is not installed")
    settings = tmp_path_factory.mktemp("pyright") / "pyrightconfig.json"

    def run(*files):
        settings.write_text(f'{{"include": {[str(f) for f in files]}, "extraPaths": ["{ROOT / "python"}"],'
                            f' "typeCheckingMode": "standard", "pythonVersion": "3.10",'
                            f' "reportMissingImports": "none", "reportAttributeAccessIssue": "error"}}'.replace("'", '"'))  # fmt: skip
        return subprocess.run([sys.executable, "-m", "basedpyright", "-p", str(settings)], capture_output=True, text=True,
                              timeout=300, cwd=settings.parent)  # fmt: skip

    return run


MISTAKES = [i for i, line in enumerate((HERE / "typing_mistakes.py").read_text().splitlines(), 1)
            if line.startswith("    ") and not line.lstrip().startswith('"')]  # fmt: skip


def test_mypy_finds_the_package_and_a_users_program_sound():
    flags = ["--strict", "--ignore-missing-imports", "--python-version", "3.10"]
    done = mypy(ROOT / "python" / "weft", HERE / "typing_program.py", flags=flags)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_finds_each_mistake():
    done = mypy(HERE / "typing_mistakes.py", flags=["--ignore-missing-imports"])
    found = {int(n) for n in re.findall(r"typing_mistakes\.py:(\d+): error", done.stdout)}
    assert found == set(MISTAKES), done.stdout


def test_pyright_finds_the_package_and_a_users_program_sound(pyright):
    done = pyright(ROOT / "python" / "weft", HERE / "typing_program.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_finds_each_mistake(pyright):
    done = pyright(HERE / "typing_mistakes.py")
    found = {int(n) for n in re.findall(r"typing_mistakes\.py:(\d+):", done.stdout)}
    assert found == set(MISTAKES), done.stdout


def test_the_stub_has_every_member_and_no_other():
    stub = (ROOT / "python" / "weft" / "_weft.pyi").read_text()
    from weft import _weft

    private = {"Port", "at_exit", "after_fork_in_child"}
    helpers = {"SupportsDLPack", "SupportsArrayInterface", "HasTicket"}
    classes = dict(re.findall(r"^class (\w+).*?:(.*?)(?=^\S|\Z)", stub, re.M | re.S))
    functions = set(re.findall(r"^def (\w+)", stub, re.M))
    there = {name for name in dir(_weft) if not name.startswith("__")} - private
    assert set(classes) - helpers | functions == there
    own = {"get_loop", "_asyncio_future_blocking", "send", "throw", "close"}  # asyncio's
    for name in set(classes) - helpers:
        members = {m for m in vars(getattr(_weft, name)) if not m.startswith("__")} - own
        told = {m for m in re.findall(r"^    def (\w+)", classes[name], re.M) if not m.startswith("__")} - own
        assert told == members, name
    assert (pathlib.Path(weft.__file__).parent / "py.typed").exists()
