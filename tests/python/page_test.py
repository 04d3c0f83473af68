"""The Python of the pages: each block runs as it stands."""

import pathlib
import re

import pytest

from conftest import process, python

ROOT = pathlib.Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
BLOCKS = [(f"{page.name}:{page.read_text()[: found.start()].count(chr(10)) + 1}", found.group(1))
          for page in [ROOT / "README.md"] for found in BLOCK.finditer(page.read_text())]  # fmt: skip


@pytest.mark.parametrize("block", [text for _, text in BLOCKS], ids=[where for where, _ in BLOCKS])
def test_a_block_runs_as_it_stands(block):
    pytest.importorskip("numpy")
    assert "Tensor" in python(block, flags=["-W", "error"]).stdout


def test_the_readmes_two_terminals_exchange_a_tensor():
    lines = re.findall(r"^    python -c '(.*)'( TICKET)?$", (ROOT / "README.md").read_text(), re.M)
    (serve, no), (fetch, takes) = lines
    assert not no and takes
    with process(serve.replace("s.wait()", "input()")) as child:
        assert python(fetch, child.stdout.readline().strip()).stdout == "[0. 1. 2. 3. 4. 5.]\n"
