#!/usr/bin/env python3
"""Checks scripts/run-tests itself: whatever goes wrong in a program is counted as a failure.

Usage: run_tests_test.py RUN_TESTS.
"""

import pathlib
import subprocess
import sys
import tempfile

RUNNER = sys.argv[1]


def verdict(folder, *programs):
    """What the runner says of shell scripts, each (kind, seconds, text): exit status, last line, results.txt."""
    build = pathlib.Path(folder)
    lines = []
    for index, (kind, seconds, text) in enumerate(programs):
        script = build / f"p{index}.sh"
        script.write_text(text)
        lines.append("\t".join([kind, f"p{index}", str(seconds), "sh", str(script)]))
    (build / "tests.list").write_text("\n".join(lines) + "\n")
    done = subprocess.run([sys.executable, RUNNER, str(build)], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()[-1], (build / "results.txt").read_text()


def report(*cases):
    """A script that writes a JUnit report where Catch2, or pytest, would."""
    body = "".join(cases)
    return f'for last; do :; done\ncat > "${{last#*=}}" <<X\n<testsuites><testsuite>{body}</testsuite></testsuites>\nX\n'


PASS, FAIL, SKIP = '<testcase name="a"/>', '<testcase name="b"><failure/></testcase>', '<testcase name="c"><skipped/></testcase>'
CASES = {
    "sums over programs of both kinds": (
        [("script", 9, "echo ok one; echo skip two '# why'"), ("catch2", 9, report(PASS, PASS, SKIP))], 0,
        "3 passed, 0 failed, 2 skipped"),
    "sums what pytest reports": ([("pytest", 9, report(PASS, SKIP))], 0, "1 passed, 0 failed, 1 skipped"),
    "a failed test of pytest's fails the run": ([("pytest", 9, report(PASS, FAIL) + "exit 1")], 1, "1 passed, 1 failed, 0 skipped"),
    "pytest that finds no test counts as failed": ([("pytest", 9, "exit 5")], 1, "0 passed, 1 failed, 0 skipped"),
    "a failed test fails the run": ([("script", 9, "echo ok a; echo not ok b; exit 1")], 1, "1 passed, 1 failed, 0 skipped"),
    "a failed test in a report fails the run": ([("catch2", 9, report(PASS, FAIL) + "exit 1")], 1,
                                                "1 passed, 1 failed, 0 skipped"),
    "a crash counts as failed": ([("script", 9, "echo ok a; kill -SEGV $$")], 1, "1 passed, 1 failed, 0 skipped"),
    "a crash after a sound report counts as failed": ([("catch2", 9, report(PASS) + "kill -ABRT $$")], 1,
                                                      "1 passed, 1 failed, 0 skipped"),
    "a program without a report counts as failed": ([("catch2", 9, "exit 0")], 1, "0 passed, 1 failed, 0 skipped"),
    "a hang is ended and counts as failed": ([("script", 0.3, "echo ok a; sleep 1000 & sleep 1000")], 1,
                                             "1 passed, 1 failed, 0 skipped"),
    "a program that prints nothing counts as failed": ([("script", 9, "true")], 1, "0 passed, 1 failed, 0 skipped"),
    "a program that skips all is no failure": ([("catch2", 9, report(SKIP) + "exit 4")], 0, "0 passed, 0 failed, 1 skipped"),
    "no program at all is a failure": ([], 1, "0 passed, 1 failed, 0 skipped"),
}


def main():
    failed = False
    for name, (programs, status, line) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            got = verdict(folder, *programs)
        sound = got[0] == status and got[1] == line and got[2].splitlines()[0] == line
        print(f"{'ok' if sound else 'not ok'} run-tests: {name}")
        if not sound:
            print(f"    {got}")
        failed = failed or not sound
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
