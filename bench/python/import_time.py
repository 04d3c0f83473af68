"""Question: how long does `import weft` take? In fresh processes, beside what numpy takes, in turn in one run.

Usage: bench/python/import_time.py [--rounds N] [--tiny]
"""

import subprocess
import sys

from common import arguments, figures, result

IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def seconds(module):
    return float(subprocess.run([sys.executable, "-c", IMPORT.format(module)], capture_output=True, text=True,
                                check=True, timeout=60).stdout)  # fmt: skip


def main():
    options = arguments(__doc__, rounds=21)
    samples = {"weft": [], "numpy": []}
    for turn in range(options.rounds + 1):
        for module, taken in samples.items():
            once = seconds(module)
            if turn > 0:  # the first reads the files
                taken.append(once)
    for module, taken in samples.items():
        result(f"python.import.{module}.ms", figures(f"import {module}", taken) * 1e3)


if __name__ == "__main__":
    main()
