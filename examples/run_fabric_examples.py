#!/usr/bin/env python3
"""Runs fabric_target and fabric_initiator against each other, a process each, over several providers.

Usage: run_fabric_examples.py TARGET INITIATOR [PROVIDER[:msg|:rdm]@ADDRESS]…, default tcp, net and shm on loopback.
Prints a line per pair: `ok name`, `not ok name` or `skip name # reason`.
"""

import subprocess
import sys

SECONDS = 60
ABSENT = 77
PAIRS = ["tcp:msg@127.0.0.1", "net:msg@127.0.0.1", "net:rdm@127.0.0.1", "shm:rdm@127.0.0.1"]
GRAIN_BYTES = 64 * 1024
ARRIVED = [f"grain {i} arrived, {GRAIN_BYTES} bytes, sum {(i + 1) * GRAIN_BYTES}" for i in range(4)]


class Absent(Exception):
    pass


def check(code, errors, who):
    if code == ABSENT:
        raise Absent(errors.strip())
    return [f"{who} exited with {code}: {errors.strip()}"] if code or errors else []


def run_pair(target, initiator, provider, kind, address):
    with subprocess.Popen([target, provider, address, *kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as far:
        try:
            info = far.stdout.readline().strip()
            if not info:
                _, errors = far.communicate(timeout=SECONDS)
                return check(far.returncode, errors, "the target") or ["the target told nothing"]
            near = subprocess.run([initiator, info, address], capture_output=True, text=True, timeout=SECONDS)
            faults = check(near.returncode, near.stderr, "the initiator")
            printed, errors = far.communicate(timeout=SECONDS)
            faults += check(far.returncode, errors, "the target")
        except subprocess.TimeoutExpired as late:
            return [f"it did not end: {late}"]
        finally:
            far.kill()
    if printed.splitlines() != ARRIVED:
        faults.append(f"the target printed {printed!r}")
    if near.stdout != f"4 grains of {GRAIN_BYTES} bytes are at the target\n":
        faults.append(f"the initiator printed {near.stdout!r}")
    return faults


def main():
    target, initiator = sys.argv[1:3]
    failed = False
    for pair in sys.argv[3:] or PAIRS:
        what, _, address = pair.partition("@")
        provider, _, kind = what.partition(":")
        name = f"fabric example: four grains cross {what}, a process at each end"
        try:
            faults = run_pair(target, initiator, provider, [kind] if kind else [], address or "127.0.0.1")
        except Absent as why:
            print(f"skip {name} # {why}")
            continue
        failed = failed or bool(faults)
        print(f"{'not ok' if faults else 'ok'} {name}")
        print("".join(f"    {fault}\n" for fault in faults), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
