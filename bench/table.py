#!/usr/bin/env python3
"""Runs the benches one after the other and prints what they found as one table (markdown), beside its aims.

    bench/table.py [FOLDER = build/release/bench] [--rounds N] [--lane tcp|tls] [--only REGEX] [--details FILE]

Build them first: cmake --preset release && cmake --build --preset release. Nothing else should run meanwhile. Each
figure comes from one run in which what is compared was measured in turn; --details keeps everything the benches print.
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# measure, aim, figure: a text in which {key} is a result of the bench (`result KEY VALUE`), met: of the results.
TABLE = [
    ("pull", "1 MiB pulls, verified, 16 in flight, `into`", "≥ 0.95 × raw",
     "{pull.1MiB_x16.into_to_raw:.2f} × raw; {pull.1MiB_x16.into.gbps:.2f} GB/s",
     lambda r: r["pull.1MiB_x16.into_to_raw"] >= 0.95),
    ("pull", "64 MiB pull, verified, `into`", "≥ 1.0 × raw",
     "{pull.64MiB.into_to_raw:.2f} × raw; {pull.64MiB.into.gbps:.2f} GB/s",
     lambda r: r["pull.64MiB.into_to_raw"] >= 1),
    ("pull", "64 MiB pull, warm pool", "≥ 0.95 × `into`",
     "{pull.64MiB.warm_to_into:.2f} × `into`; {pull.64MiB.warm.gbps:.2f} GB/s",
     lambda r: r["pull.64MiB.warm_to_into"] >= 0.95),
    ("pull", "64 MiB pull, cold pool", "≥ 0.6 × raw",
     "{pull.64MiB.cold_to_raw:.2f} × raw; {pull.64MiB.cold.gbps:.2f} GB/s",
     lambda r: r["pull.64MiB.cold_to_raw"] >= 0.6),
    ("pull", "1 GiB pull, verified, `into`", "≥ 1.0 × raw",
     "{pull.1GiB.into_to_raw:.2f} × raw; {pull.1GiB.into.gbps:.2f} GB/s",
     lambda r: r["pull.1GiB.into_to_raw"] >= 1),
    ("pull", "1 GiB pull, warm pool", "≥ 0.95 × `into`",
     "{pull.1GiB.warm_to_into:.2f} × `into`; {pull.1GiB.warm.gbps:.2f} GB/s",
     lambda r: r["pull.1GiB.warm_to_into"] >= 0.95),
    ("pull", "1 GiB pull, cold pool", "≥ 0.6 × raw",
     "{pull.1GiB.cold_to_raw:.2f} × raw; {pull.1GiB.cold.gbps:.2f} GB/s",
     lambda r: r["pull.1GiB.cold_to_raw"] >= 0.6),
    ("round_trip", "4 KiB pull by handle, `wait()` drives the loop", "≤ 1.5 × the raw round trip (64 B), ≤ 16 µs",
     "{round_trip.wait_to_raw_64:.2f} × (of 4 KiB: {round_trip.wait_to_raw_4096:.2f} ×); {round_trip.wait.us:.1f} µs",
     lambda r: r["round_trip.wait_to_raw_64"] <= 1.5 and r["round_trip.wait.us"] <= 16),
    ("round_trip", "the same by `then()`; by `poll()`", "≤ 2.5 ×",
     "{round_trip.then_to_raw_64:.2f} ×, {round_trip.then.us:.1f} µs; "
     "{round_trip.poll_to_raw_64:.2f} ×, {round_trip.poll.us:.1f} µs",
     lambda r: r["round_trip.then_to_raw_64"] <= 2.5),
    ("pull", "CPU of both processes at 64 MiB, `into`", "≤ 0.27 s/GB (tuned NIXL)", "{pull.64MiB.into.cpu:.2f} s/GB",
     lambda r: r["pull.64MiB.into.cpu"] <= 0.27),
    ("idle", "CPU of an idle node with a session", "< 0.5 % of a core", "{idle.percent_of_a_core:.3f} %",
     lambda r: r["idle.percent_of_a_core"] < 0.5),
    ("latency_under_load", "4 KiB pull p99 while a 1 GiB pull runs on the same session", "≤ 1 ms",
     "{load.paced.small_p99_us:.0f} µs, one each ms; {load.busy.small_p99_us:.0f} µs without a pause",
     lambda r: r["load.paced.small_p99_us"] <= 1000),
    ("latency_under_load", "the bulk meanwhile", "≥ 0.9 of its speed alone",
     "{load.paced.bulk_to_alone:.2f}; {load.busy.bulk_to_alone:.2f}", lambda r: r["load.paced.bulk_to_alone"] >= 0.9),
    ("scattered", "10 000 × 16 KiB in one pages request", "≥ 0.7 × contiguous, ≤ 54 ms",
     "{scattered.pages_to_contiguous:.2f} ×; {scattered.pages.ms:.0f} ms",
     lambda r: r["scattered.pages_to_contiguous"] >= 0.7),
    ("scattered", "the same as 10 000 names in one `get_many`", "≥ 0.5 ×",
     "{scattered.names_to_contiguous:.2f} ×; {scattered.names.ms:.0f} ms",
     lambda r: r["scattered.names_to_contiguous"] >= 0.5),
    ("verify", "cost of verification at 64 MiB, cached leaves", "≤ 3 %", "{verify.cost_percent:.1f} %",
     lambda r: r["verify.cost_percent"] <= 3),
    ("dial", "dial + TLS + first 4 KiB", "≤ 5 ms", "{dial.ms:.2f} ms", lambda r: r["dial.ms"] <= 5),
]


class Results(dict):
    """Looked up by the whole dotted key, as format fields would not be."""

    def fill(self, text):
        return re.sub(r"\{([\w.]+):([^}]*)\}", lambda m: format(self[m[1]], m[2]), text)


def run(program, arguments):
    """What it printed, and the fault when it did not end well."""
    try:
        done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True)
    except OSError as why:
        return "", str(why)
    return done.stdout, f"exit status {done.returncode}" if done.returncode else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT / "build" / "release" / "bench")
    parser.add_argument("--rounds", metavar="N")
    parser.add_argument("--lane")
    parser.add_argument("--tiny", action="store_true", help="to see whether it works")
    parser.add_argument("--only", metavar="REGEX", default="", help="benches whose name matches")
    parser.add_argument("--details", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    arguments = [*(["--rounds", options.rounds] if options.rounds else []),
                 *(["--lane", options.lane] if options.lane else []), *(["--tiny"] if options.tiny else [])]

    machine, results, faults, details = "", Results(), {}, []
    for bench in dict.fromkeys(row[0] for row in TABLE):
        if not re.search(options.only, bench):
            continue
        print(f"{bench} …", file=sys.stderr, flush=True)
        printed, fault = run(options.folder / f"bench_{bench}", arguments)
        details.append(f"# {bench}\n{printed}")
        if fault:
            faults[bench] = fault
        for line in printed.splitlines():
            if line.startswith("machine: "):
                machine = line
            elif line.startswith("result "):
                _, key, value = line.split()
                results[key] = float(value)
    if options.details:
        options.details.write_text("\n".join(details))

    print(f"{machine}\n\n| measure | aim | found | |\n|---|---|---|---|")
    for bench, measure, aim, figure, met in TABLE:
        if bench in faults:
            print(f"| {measure} | {aim} | bench_{bench}: {faults[bench]} | |")
        elif re.search(options.only, bench):
            print(f"| {measure} | {aim} | {results.fill(figure)} | {'met' if met(results) else 'short'} |")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
