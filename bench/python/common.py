"""What the benches share: arguments, figures as the C++ benches print them, a process at the other end."""

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments(question, rounds=7):
    """--rounds N, --tiny (two short rounds of everything: run among the tests). Prints the machine."""
    parser = argparse.ArgumentParser(description=question, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--tiny", action="store_true", help="two short rounds of everything, to see whether it works")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release", help="where the C++ side is")
    options = parser.parse_args()
    if options.tiny:
        options.rounds = 2
    print(f"machine: {cpu_model()}, {os.cpu_count()} cores; Python {sys.version.split()[0]}, {options.rounds} rounds"
          f"{', tiny' if options.tiny else ''}", flush=True)  # fmt: skip
    return options


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return "unknown processor"


def figures(what, seconds, nbytes=0):
    """A line for people; the median, in seconds."""
    ordered = sorted(seconds)
    p50, p99 = statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    rate = f" {nbytes / p50 * 1e-9:7.3f} GB/s" if nbytes else ""
    print(f"{what:<36} p50 {p50 * 1e6:>10.1f} us  p99 {p99 * 1e6:>10.1f}  max {ordered[-1] * 1e6:>10.1f}  "
          f"n {len(ordered):<6}{rate}", flush=True)  # fmt: skip
    return p50


def result(key, value):
    """The figure that the question asks for, under a name that stays."""
    print(f"result {key} {value:.6g}", flush=True)


def skipped(what, why):
    print(f"skipped {what}: {why}", flush=True)


@contextlib.contextmanager
def talking(*command):
    """A process and ask(line) -> its answer's line. It prints a line when it is ready, and ends with its stdin."""
    words = [str(part) for part in command]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:

        def ask(line=None):
            if line is not None:
                child.stdin.write(f"{line}\n")
                child.stdin.flush()
            answer = child.stdout.readline()
            if not answer:
                raise SystemExit(f"{command[0]} has ended with {child.wait()}")
            return answer.strip()

        try:
            yield ask
            child.stdin.close()
            child.wait(20)
        except BaseException:
            child.kill()
            raise


def python(code, *words):
    """talking() to a Python that runs code."""
    return talking(sys.executable, "-c", code, *words)
