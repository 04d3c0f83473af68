#!/usr/bin/env python3
"""Runs each example and holds what it prints to what it promises.

Usage: run_examples.py PROGRAM…. Prints a line per example: `ok name` or `not ok name`, faults indented below it.
"""

import pathlib
import re
import subprocess
import sys

SECONDS = 60

# What each prints, a pattern for each line; every line must match, and no line may be missing.
PRINTS = {
    "serve_and_get": [
        r"serving at weft[a-z2-7]{12}…",
        r"layers\.0\.b \[1024\], 4096 bytes",
        r"layers\.0\.w \[1024, 1024\], 4194304 bytes",
        r"got 1048576 floats over (tcp|tls), the last is 1048575",
        r"row 128 begins with 131072",
        r'error: .*"layers\.0\.v".* \[NotFound\]',
        r" hint: .+",
    ],
    "push_and_receive": [
        r"activations\.7 \[8, 512\] arrived, 16384 bytes, verified",
        r"adapters\.fr arrived in its slot",
        r"adapters\.big: .*a slot holds 64 × 64 floats.* \[Forbidden\]",
    ],
    "kv_pages": [
        r"block  3 is page  0 here, and holds  3",
        r"block 17 is page  9 here, and holds 17",
        r"block 18 is page  1 here, and holds 18",
        r"block 40 is page 31 here, and holds 40",
        r"block 63 is page  5 here, and holds 63",
        r"page 2 is untouched: -1",
    ],
    "grains": [rf"grain {index} in slot {index % 4}: 1024 bytes of {index}" for index in range(20)],
    "grains_await": [
        *[rf"grain {index} came back with {2 * index}" for index in range(5)],
        r"the server ended: ShuttingDown",
    ],
    "actors": [
        r"got layers\.0\.w \[256, 256\]",
        r'error: .*"layers\.1\.w".* \[NotFound\]',
        r" hint: .+",
        *[rf"grain {index}: 1024 bytes of {index}" for index in range(8)],
        r"all have ended",
    ],
    "replace_while_reading": [r"[1-9]\d* generations seen, each whole, each newer than the last"] * 2,
    "coroutines": [
        r"mean of layers\.1\.w: 3\.0",
        r"pulled 524288 bytes",
        r'layers\.2\.w: .*"layers\.2\.w".* \[NotFound\]',
    ],
    "flow": [
        *[rf"frame {index}: 1048576 bytes of {10 + index}" for index in range(3)],
        r"the last one was 2",
        r"frame 3: WEFT_ERR_OUT_OF_RANGE_TOO_EARLY",
    ],
}


def faults_of(printed, patterns):
    """What is wrong with the lines that were printed; nothing when each matches its pattern."""
    lines = printed.splitlines()
    faults = [
        f"line {number}: {line!r} instead of {pattern!r}"
        for number, (line, pattern) in enumerate(zip(lines, patterns), 1)
        if not re.fullmatch(pattern, line)
    ]
    if len(lines) != len(patterns):
        faults.append(f"{len(lines)} lines instead of {len(patterns)}")
    return faults


def run(program):
    patterns = PRINTS.get(pathlib.Path(program).name)
    if patterns is None:
        return ["nobody says what it should print"]
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return [f"it did not end within {SECONDS} s"]
    faults = faults_of(done.stdout, patterns)
    if done.returncode:
        faults.append(f"it exited with {done.returncode}")
    if done.stderr:
        faults += [f"it complained: {line}" for line in done.stderr.splitlines()[:10]]
    return faults


def main():
    failed = False
    for program in sys.argv[1:]:
        faults = run(program)
        failed = failed or bool(faults)
        print(f"{'not ok' if faults else 'ok'} example: {pathlib.Path(program).name} prints what it promises")
        for fault in faults:
            print(f"    {fault}")
    missed = sorted(set(PRINTS) - {pathlib.Path(program).name for program in sys.argv[1:]})
    print(f"{'not ok' if missed else 'ok'} examples: none is left out")
    for name in missed:
        print(f"    {name} was not run")
    seen = faults_of("b\n", ["a"]) and faults_of("", ["a"]) and faults_of("a\na\n", ["a"]) and not faults_of("a\n", ["a"])
    print(f"{'ok' if seen else 'not ok'} examples: a line that differs, lacks or is too many is found")
    return 1 if failed or missed or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
