#!/usr/bin/env python3
"""Holds the documentation to the tree: links lead somewhere, code compiles, commands and options are there, functions of
docs/c-api.md are those of the headers, and tests that docs/spec-coverage.md names exist and carry their rows' tags.

Usage: docs_test.py ROOT INCLUDE CXX [WEFT]. Prints a line per test: `ok name`, `not ok name` or `skip name # reason`.
"""

import collections
import concurrent.futures
import functools
import pathlib
import re
import subprocess
import sys

FENCE = re.compile(r"^([ ]*)```(\w*)[^\n]*\n(.*?)^\1```[ ]*$", re.M | re.S)
GIVEN = re.compile(r"<!-- given: ((?:(?!-->).)*) -->\s*$", re.S)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[|;&(]) *(?:\$ )?weft ([a-z]+)([^|;&)\n]*)")
FLAGS = ["-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused", "-Werror", "-x", "c++", "-"]
C_FLAGS = ["-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused", "-Werror", "-x", "c", "-"]
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/actors.md", "docs/architecture.md", "docs/c-api.md", "docs/cli.md",
         "docs/compat.md", "docs/fabric.md", "docs/grains.md", "docs/protocol.md", "docs/spec-coverage.md")
# What a fragment may take for granted: a node and the ticket of another.
BODY = ("int fragment([[maybe_unused]] weft::TensorNode& node, [[maybe_unused]] const std::string& ticket) {{ {{\n{}\n}}\n"
        "return 0; }}\n")
# What a fragment of C may: a way to say that something failed.
C_BODY = "void complain(void);\nint main(void) {{\n{}\nreturn 0; }}\n"
DECLARED = re.compile(r"^WEFT_EXPORT\s+[\w \*]+?\b(weft\w+)\(", re.M)
STATUS = re.compile(r"^ *WEFT_ERR_(\w+)(?: = (\d+))?,", re.M)
CASE = re.compile(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)(?:,\s*"([^"]*)")?\s*\)')
TAGGED = re.compile(r"\| ([A-Z]+(?:-[A-Z]?)?\d+) \|")  # rows of one id, which their tests carry
TAGS = re.compile(r"(?:#|/\*) ((?:\[[\w-]+\])+)")  # of a test that is not Catch2's: in a comment
HEADERS = "#include <weft/weft.hpp>\n#include <cstdio>\n#include <string>\n#include <vector>\n"


def pages(root):
    return [page for page in (root / "README.md", root / "CHANGELOG.md", root / "CONTRIBUTING.md") if page.exists()] + sorted(
        (root / "docs").glob("*.md"))


def prose(text):
    """A page without its code."""
    return re.sub(r"`[^`\n]*`", "``", FENCE.sub("", text))


def anchors(text):
    """The names under which a page's headings are linked."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            for heading in re.findall(r"^#+ +(.+)$", FENCE.sub("", text), re.M)}


def link_faults(root):
    faults = []
    for page in pages(root):
        for link in LINK.findall(prose(page.read_text())):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not target.exists():
                faults.append(f"{page.name}: {link} leads nowhere")
            elif anchor and anchor not in anchors(target.read_text()):
                faults.append(f"{page.name}: {link}: no such heading")
    return faults


def fragments(root, language):
    """(page, line, what is given, code) of every block of a language."""
    for page in pages(root):
        text = page.read_text()
        for found in FENCE.finditer(text):
            if found[2] == language:
                given = GIVEN.search(text[: found.start()])
                yield page.name, text.count("\n", 0, found.start()) + 1, given[1] if given else "", found[3]


def complaint(cxx, include, given, code):
    """What the compiler says of a fragment: a program, the body of a function, or declarations; empty when content."""
    first = ""
    lines = code.splitlines(keepends=True)
    top = [line for line in lines if line.startswith(("#include", "using namespace"))]
    rest = "".join(line for line in lines if line not in top)
    before = HEADERS + "".join(top) + given + "\n"
    shapes = [code] if "int main(" in code else [before + BODY.format(rest), before + rest]
    for text in shapes:
        done = subprocess.run([cxx, *FLAGS, f"-I{include}"], input=text, capture_output=True, text=True)
        if done.returncode == 0:
            return ""
        first = first or done.stderr
    return first


def c_complaint(cxx, include, given, code):
    """The same of C: a program, or the body of one behind its includes."""
    lines = code.splitlines(keepends=True)
    top = [line for line in lines if line.startswith("#")]
    rest = "".join(line for line in lines if line not in top)
    text = code if "int main(" in code else "".join(top) + given + "\n" + C_BODY.format(rest)
    return subprocess.run([cxx, *C_FLAGS, f"-I{include}"], input=text, capture_output=True, text=True).stderr


def c_api_faults(root, page=None):
    """The functions and statuses of docs/c-api.md are those of the headers, each in the section of its header."""
    page = page if page is not None else (root / "docs" / "c-api.md").read_text()
    faults = []
    for header in ("weft.h", "flow.h", "fabrics.h"):
        declared = set(DECLARED.findall((root / "nodes" / "c" / header).read_text()))
        section = re.search(rf"^## {re.escape(header)}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
        rows = re.findall(r"^\| ([^|]*`weft[^|]*)\|", section[1] if section else "", re.M)
        listed = set(re.findall(r"`(weft\w+)`", " ".join(rows)))
        faults += [f"{header} declares {name}, which its table does not list" for name in sorted(declared - listed)]
        faults += [f"{header} does not declare {name}" for name in sorted(listed - declared)]
    statuses, number = set(), 0
    for name, given in STATUS.findall((root / "nodes" / "c" / "weft.h").read_text()):
        number = int(given) if given else number + 1  # as C counts
        statuses.add((name, str(number)))
    told = set()
    for names, numbers in re.findall(r"^\| (`[^|]*`) \| ([\d, ]+) \|", page, re.M):
        words = re.findall(r"`(\S+)`", names)
        # `…_TOO_EARLY`: the beginning of the one before it.
        words = [words[0][: words[0].rindex("_TOO_")] + word[1:] if word.startswith("…") else word for word in words]
        told |= set(zip(words, numbers.split(", ")))
    faults += [f"status {name} is {number}, which the page does not say" for name, number in sorted(statuses - told)]
    return faults + [f"no status {name} is {number}" for name, number in sorted(told - statuses)]


def code_faults(root, cxx, include, language="cpp"):
    blocks = list(fragments(root, language))
    faults = [] if blocks else [f"there is no block of {language}"]
    ask = complaint if language == "cpp" else c_complaint
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda block: ask(cxx, include, block[2], block[3]), blocks)
        for (page, line, _, _), answer in zip(blocks, said):
            faults += [f"{page}:{line}: {answer_line}" for answer_line in answer.splitlines()[:6]]
    return faults


def commands(root):
    """(page, command, the options it is given) of every `weft …` in code."""
    for page in pages(root):
        text = page.read_text()
        blocks = [block for _, language, block in FENCE.findall(text) if language not in ("cpp", "c")]
        for line in "\n".join(blocks).splitlines() + re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
            for command, rest in COMMAND.findall(line.strip()):
                yield page.name, command, re.findall(r"(?<!\S)(--[a-z][a-z-]*)", rest.split("  ")[0])


def command_faults(root, weft):
    @functools.cache
    def help_of(command):
        done = subprocess.run([weft, "help", command], capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    faults = [] if help_of("no-such-command") is None else ["`weft help` knows any word: nothing can be told by it"]
    for page, command, options in commands(root):
        if help_of(command) is None:
            faults.append(f"{page}: there is no `weft {command}`")
            continue
        faults += [f"{page}: `weft {command}` has no {option}" for option in options if option not in help_of(command)]
    return sorted(set(faults))


def tests_in(file):
    """The names of a file's tests: Catch2's, pytest's, or those that a script prints."""
    text = file.read_text()
    if file.parent.name == "python":  # pytest's, whose names are sentences too
        return {name.replace("_", " ") for name in re.findall(r"^def test_(\w+)", text, re.M)}
    if file.suffix not in (".py", ".c"):
        joined = re.sub(r'"\s*\n\s*"', "", text)
        return {re.sub(r"\\(.)", r"\1", name) for name in re.findall(r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"', joined)}
    return {name.replace('\\"', '"') for name in re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)}


def tags_in(file):
    """The tags of a file's tests by name: Catch2's own; else those in a comment on the line that names it, in Python, or
    before that line, in C."""
    text = file.read_text()
    if file.suffix == ".cpp":
        return {re.sub(r"\\(.)", r"\1", "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', name))): tags or ""
                for name, tags in CASE.findall(text)}
    is_pytest = file.parent.name == "python"
    named = r"^def test_(\w+)\(" if is_pytest else r'"((?:[^"\\\n]|\\.)*)"'
    tags, lines = collections.defaultdict(str), text.splitlines()
    for line, before in zip(lines, ["", *lines]):
        for name in re.findall(named, line):
            commented = before if file.suffix == ".c" else line
            tags[name.replace("_", " ") if is_pytest else name.replace('\\"', '"')] += "".join(TAGS.findall(commented))
    return tags


def tag_faults(root, page=None):
    """A test that covers a row carries its id."""
    page = page if page is not None else (root / "docs" / "spec-coverage.md").read_text()
    faults = []
    for line in page.splitlines():
        row = TAGGED.match(line)
        for path, rest in re.findall(r"`((?:tests|bench|examples)/[\w./-]+)`([^`]*)", line if row else ""):
            tags = tags_in(root / path) if (root / path).is_file() else {}
            faults += [f"{path} “{name}” has no tag [{row[1]}]" for name in re.findall(r"“([^”]+)”", rest)
                       if name in tags and f"[{row[1]}]" not in tags[name]]
    return faults


def coverage_faults(root, page=None):
    """Each file that the coverage names is there, and has the tests whose whole names stand in quotes behind it. What is
    open says since when it is somebody's: this issue's rows are covered."""
    page = page if page is not None else (root / "docs" / "spec-coverage.md").read_text()
    faults = [f"still open: {line.split('|')[1].strip()}" for line in page.splitlines() if re.search(r"issue 3\b", line)]
    for cell in re.split(r"\||\n", page):
        for path, rest in re.findall(r"`((?:tests|bench|examples)/[\w./-]+)`([^`]*)", cell):
            file = root / path
            if not file.exists():
                faults.append(f"{path} is not there")
                continue
            names = re.findall(r"“([^”]+)”", rest)
            faults += [f"{path} has no test “{name}”" for name in names if file.is_dir() or name not in tests_in(file)]
    return faults


def self_faults(cxx, include):
    """The checks themselves: what is wrong is seen, and what is right is not."""
    faults = []
    if complaint(cxx, include, "", "auto t = node.get(ticket, \"w\").wait();\n"):
        faults.append("a sound fragment is objected to")
    if complaint(cxx, include, "struct Given {};", "#include <map>\nstd::map<int, Given> f();\n"):
        faults.append("sound declarations are objected to")
    if not complaint(cxx, include, "", "node.no_such_member();\n"):
        faults.append("a bad fragment is not seen")
    here = "`tests/install/docs_test.py`"
    sound = f"| a | {here} “docs: every relative link leads somewhere” |"
    if coverage_faults(pathlib.Path(__file__).resolve().parents[2], sound):
        faults.append("a sound row of the coverage is objected to")
    for broken in (f"| a | {here} “docs: every relative link leads” |", "| a | – | open (issue 3) |", "| `tests/no.cpp` |"):
        if not coverage_faults(pathlib.Path(__file__).resolve().parents[2], broken):
            faults.append(f"nobody objects to {broken}")
    root = pathlib.Path(__file__).resolve().parents[2]
    for row, test in (("O-37", "`tests/engine/fabric/ring_fault_test.cpp` “a completion queue that is far too small loses no grain”"),
                      ("T-19", "`tests/nodes/cli_test.py` “--allow: only the listed node may come, and the hint says how”"),
                      ("T-W1", "`tests/python/compat_scenarios_test.py` “13 a hundred sends are one dial”"),
                      ("M-40", "`tests/nodes/c/grains_suite.c` “what is wrong has a status of its own”")):
        if tag_faults(root, f"| {row} | a | {test} |") or not tag_faults(root, f"| {row}0 | a | {test} |"):
            faults.append(f"tags are misread: {test}")
    api = (root / "docs" / "c-api.md").read_text()
    for sound, broken in (("`weftGetVersion`", "`weftGetNothing`"), ("| 1106 |", "| 1199 |")):
        if len(c_api_faults(root, api.replace(sound, broken))) < len(c_api_faults(root)) + 2:
            faults.append(f"nobody objects to {broken} in the C functions")
    if c_complaint(cxx, include, "", "#include <weft/weft.h>\nif (weftLastStatus() != WEFT_STATUS_OK) complain();\n"):
        faults.append("a sound fragment of C is objected to")
    if not c_complaint(cxx, include, "", "#include <weft/weft.h>\nweftNoSuchFunction();\n"):
        faults.append("a bad fragment of C is not seen")
    if [c for c, _ in COMMAND.findall("weft serve x")] != ["serve"] or COMMAND.findall("the weft command"):
        faults.append("commands are not told from words")
    if LINK.findall(prose("`[a](b)` [c](d)")) != ["d"] or anchors("# A page, in `C++`\n") != {"a-page-in-c"}:
        faults.append("links or headings are misread")
    return faults


def main():
    root, include, cxx = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3]
    checks = {
        "docs: the checks see what is wrong": self_faults(cxx, include),
        "docs: every page that should be there is": [f"{name} is missing" for name in PAGES if not (root / name).exists()],
        "docs: every relative link leads somewhere": link_faults(root),
        "docs: every C++ block compiles": code_faults(root, cxx, include),
        "docs: every C block compiles": code_faults(root, cxx, include, "c"),
        "docs: the C functions and statuses are those of the headers": c_api_faults(root),
        "docs: every test that the coverage names is there": coverage_faults(root),
        "docs: the tests of a row carry its tag": tag_faults(root),
    }
    if len(sys.argv) > 4:
        checks["docs: every command and option is one that weft has"] = command_faults(root, sys.argv[4])
    else:
        print("skip docs: every command and option is one that weft has # this build has no weft command")
    for name, faults in checks.items():
        print(f"{'not ok' if faults else 'ok'} {name}")
        print("".join(f"    {fault}\n" for fault in faults), end="")
    return 1 if any(checks.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
