#!/usr/bin/env python3
"""Runs every bench tiny, so that none of them rots. Usage: run_benches.py FOLDER. Prints `ok name` or `not ok name`.

Only that they end well and print figures is checked: a test never asserts a time.
"""

import pathlib
import subprocess
import sys

TINY = {"raw_fabric": ["net", "1", "1"]}


def main():
    failed = False
    for bench in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        if not bench.is_file() or not bench.stat().st_mode & 0o100:
            continue
        arguments = TINY.get(bench.name, ["--tiny"])
        try:
            done = subprocess.run([bench, *arguments], capture_output=True, text=True, timeout=120)
            good = done.returncode == 0 and "p50" in done.stdout
            text = done.stdout + done.stderr
        except subprocess.TimeoutExpired as expired:
            good, text = False, f"did not end in {expired.timeout} s"
        print(f"{'ok' if good else 'not ok'} {bench.name} --tiny", flush=True)
        if not good:
            failed = True
            print("\n".join("    " + line for line in text.splitlines()[-20:]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
