"""Every Python block of docs/python.md is run, and prints what the page says it prints.

A comment before a block says how: `<!-- session NAME -->` after the blocks of that name before it, `<!-- server -->`
in a process of its own that prints a ticket, `<!-- client -->` in one that is given it. `needs MODULE`: the session is
skipped where that does not import. A text block that follows is what it prints, `…` being any lines.
"""

import contextlib
import dataclasses
import io
import pathlib
import re
import subprocess
import sys

import pytest

from conftest import process

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "python.md"
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```python\n(?P<code>.*?)^```\n(?:^```text\n(?P<prints>.*?)^```\n)?", re.M | re.S
)
MARK = re.compile(r"(?P<way>server|client|session \w+)(?:, needs (?P<needs>\w+))?")


@dataclasses.dataclass
class Block:
    line: int
    way: str
    needs: str
    code: str
    prints: str

    def check(self, printed):
        pattern = r"(?:.*\n)+".join(re.escape(part) for part in (self.prints or "").split("…\n"))
        assert re.fullmatch(pattern, printed), f"{PAGE.name}:{self.line} prints\n{printed}"


def blocks():
    page = PAGE.read_text()
    found = []
    for match in BLOCK.finditer(page):
        mark = MARK.fullmatch(match["mark"] or "")
        line = page.count("\n", 0, match.start("code"))
        assert mark, f"{PAGE.name}:{line} does not say how it is run"
        found.append(Block(line, mark["way"], mark["needs"], match["code"], match["prints"]))
    return found


def run_in(session, block):
    printed = io.StringIO()
    code = compile("\n" * block.line + block.code, str(PAGE), "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, session)
    block.check(printed.getvalue())


def test_no_block_is_left_out():
    assert len(blocks()) == PAGE.read_text().count("```python\n") > 20


@pytest.mark.parametrize("name", sorted({block.way for block in blocks() if block.way.startswith("session")}))
def test_session(name):
    pytest.importorskip("numpy", reason="numpy is not installed")
    session = {"__name__": "page"}
    for block in blocks():
        if block.way == name:
            if block.needs:
                pytest.importorskip(block.needs, reason=f"{block.needs} is not installed")
            run_in(session, block)


def test_two_processes():
    pytest.importorskip("numpy", reason="numpy is not installed")
    [server] = [block for block in blocks() if block.way == "server"]
    [client] = [block for block in blocks() if block.way == "client"]
    with process(server.code) as serving:
        ticket = serving.stdout.readline().strip()
        done = subprocess.run([sys.executable, "-c", client.code, ticket], capture_output=True, text=True, timeout=60)
        serving.terminate()  # served.wait() has no other end
    assert done.returncode == 0, done.stderr
    client.check(done.stdout)
