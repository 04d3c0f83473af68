#!/usr/bin/env python3
"""Runs every bench tiny, so that none of them rots. Usage: run_benches.py FOLDER NAME…, bench_NAME being the programs.
Prints `ok name` or `not ok name` for each; one that is not there is not ok.

Only that they end well and print figures is checked: a test never asserts a time.
"""

import pathlib
import subprocess
import sys

SECONDS = 120


def run(program):
    """None when all is well, or what there is to say."""
    try:
        done = subprocess.run([program, "--tiny"], capture_output=True, text=True, timeout=SECONDS)
    except OSError as why:
        return str(why)
    except subprocess.TimeoutExpired:
        return f"did not end in {SECONDS} s"
    if done.returncode == 0 and all(word in done.stdout for word in ("machine: ", "p50", "p99", "max", "\nresult ")):
        return None
    return f"exit status {done.returncode}\n{done.stdout}{done.stderr}"


def main():
    folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
    failed = not names
    for name in names:
        fault = run(folder / f"bench_{name}")
        print(f"{'not ok' if fault else 'ok'} {name} --tiny", flush=True)
        if fault:
            failed = True
            print("\n".join("    " + line for line in fault.splitlines()[-20:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
