"""The names that programs import, and the program that the original's own document shows."""

import importlib
import os
import subprocess
import sys

import pytest

import weft
import weft.compat.tensor_protocol as shapes
from compat_support import NAMES, ROOT, SECONDS

EXAMPLE = ROOT / "tests" / "python" / "data" / "tensor_protocol_usage.py"
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(weft.__file__)))


def run_example(*folders):
    path = os.pathsep.join([*map(str, folders), PACKAGE])
    done = subprocess.run([sys.executable, "-W", "error", str(EXAMPLE)], env={**os.environ, "PYTHONPATH": path},
                          capture_output=True, text=True, timeout=SECONDS)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "Connection pool size: 1"
    assert lines[1].startswith("Received tensor: ") and "float32" in lines[1] and "17 bytes" in lines[1]


def test_the_original_documents_program_runs_unchanged():  # [T-17]
    run_example(NAMES)


def test_it_runs_where_only_the_inner_folder_is_on_the_path():
    run_example(NAMES / "tensor_protocol_py")


@pytest.mark.parametrize("name", ["tensor_protocol", "tensor_protocol_py", "tensor_protocol_py.tensor_protocol",
                                  "tensor_iroh"])  # fmt: skip
def test_every_name_has_both_shapes(name, monkeypatch):  # [T-17]
    monkeypatch.syspath_prepend(str(NAMES))
    module = importlib.import_module(name)
    assert module.__all__ == shapes.__all__
    for member in shapes.__all__:
        assert getattr(module, member) is getattr(shapes, member)


def test_weft_itself_takes_none_of_the_names_and_imports_none_of_it():
    code = "import sys, weft; assert not [m for m in sys.modules if 'compat' in m or 'tensor_' in m], sys.modules"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": PACKAGE}, check=True, timeout=SECONDS)


def test_the_wheel_installs_and_carries_the_names(tmp_path):
    pytest.importorskip("scikit_build_core", reason="scikit-build-core, which builds the wheel, is not installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, NAMES], check=True,
                   timeout=4 * SECONDS)  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == "weft_compat-0.1.0-py3-none-any.whl"
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True, timeout=4 * SECONDS)
    packages = sorted(entry.name for entry in site.iterdir() if not entry.name.endswith(".dist-info"))
    assert packages == ["tensor_iroh", "tensor_protocol", "tensor_protocol_py"]
    run_example(site)
