#!/usr/bin/env python3
"""Holds libweft's dynamic symbols to the C headers: every function that they declare is exported under its version, and
nothing else is; C++ symbols have none.

Usage: symbols_test.py ROOT LIBRARY. Prints a line per test: `ok name`, `not ok name` or `skip name # reason`.
"""

import pathlib
import re
import subprocess
import sys

VERSION = "WEFT_0.1"
DECLARED = re.compile(r"^WEFT_EXPORT\s+[\w \*]+?\b(weft\w+)\(", re.M)
ENGINE = re.compile(r"weftFabrics(Target|Initiator|CreateTarget|CreateInitiator|DestroyTarget|DestroyInitiator|FreeTargetInfo)")


def declared(root):
    return {name for header in sorted((root / "nodes/c").glob("*.h")) for name in DECLARED.findall(header.read_text())}


def exported(library):
    """(name, version or None) of each defined dynamic symbol."""
    done = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
    words = [line.split()[-1] for line in done.stdout.splitlines()]
    return {(word.split("@")[0], word.partition("@@")[2] or None) for word in words}


def main():
    root, library = pathlib.Path(sys.argv[1]), sys.argv[2]
    symbols, wanted = exported(library), declared(root)
    has_engine = (root / "nodes/grains.cpp").exists()
    linked = {name for name in wanted if has_engine or not ENGINE.match(name)}
    versioned = {name for name, version in symbols if version == VERSION and name != VERSION}
    checks = {
        f"symbols: every C function is exported under {VERSION}": [f"{name} is not" for name in sorted(linked - versioned)],
        "symbols: no other name is versioned": [f"{name} is declared nowhere" for name in sorted(versioned - wanted)],
        "symbols: C++ has no version": [f"{name} has {version}" for name, version in sorted(symbols, key=str)
                                        if name.startswith("_Z") and version],
        "symbols: docs/c-api.md names every function": [
            f"{name} is not there" for name in sorted(wanted - set(re.findall(r"`(weft\w+)`", (root / "docs/c-api.md").read_text())))],
        "symbols: the headers were read": [] if {"weftCreateInstance", "weftStatusName", "weftFabricsTargetSetup",
                                                 "weftFlowReaderGetGrain"} <= wanted else [f"only {sorted(wanted)}"],
        "symbols: C++ is exported as well": [] if any(name.startswith("_ZN4weft10TensorNode") for name, _ in symbols)
        else ["TensorNode is not"],
    }
    for name, faults in checks.items():
        print(f"{'not ok' if faults else 'ok'} {name}")
        print("".join(f"    {fault}\n" for fault in faults), end="")
    if not has_engine:
        print("skip symbols: targets and initiators are exported # their engine is not in this tree")
    return 1 if any(checks.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
