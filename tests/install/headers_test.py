#!/usr/bin/env python3
"""Compiles each public header alone, so that none leans on what its includer happened to include before it. Those whose
name ends in .h are C: they are compiled as C11 by each C compiler that is here, and as C++ too.

Usage: headers_test.py BUILD COMPILER [JOBS]. BUILD/public_headers.list names the headers.
"""

import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys

WARNINGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
FLAGS = [*WARNINGS, "-std=c++23", "-x", "c++"]
C_FLAGS = [*WARNINGS, "-std=c11", "-x", "c"]
C_COMPILERS = [name for name in ("gcc", "clang-19", "clang") if shutil.which(name)][:2]


def compile_alone(compiler, build, header, flags=FLAGS):
    """What the compiler has to say; empty when it is content."""
    command = [compiler, *flags, f"-I{build}/include", "-"]
    # Twice: a header without a guard is caught too.
    text = f"#include <{header}>\n#include <{header}>\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def private_includes(build, headers):
    """Lines for what a public header includes of ours and an installation does not have."""
    public, lines = set(headers), []
    for header in headers:
        text = (build / "include" / header).read_text()
        for spelt in re.findall(r"^[ \t]*#[ \t]*include[ \t]*<(weft/[^>]+)>", text, re.M):
            if spelt not in public:
                lines.append(f"<{header}> is PUBLIC and includes <{spelt}>, which is not")
    return lines


def main():
    build, compiler = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    headers = (build / "public_headers.list").read_text().split()
    failed = not headers
    if not headers:
        print("not ok headers: no public header is listed")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        answers = pool.map(lambda header: compile_alone(compiler, build, header), headers)
        for header, answer in zip(headers, answers):
            print(f"{'not ok' if answer else 'ok'} header: <{header}> compiles alone")
            for line in answer.splitlines()[:10]:
                print(f"    {line}")
            failed = failed or bool(answer)
    for header in [header for header in headers if header.endswith(".h")]:
        for c_compiler in C_COMPILERS:
            answer = compile_alone(c_compiler, build, header, C_FLAGS)
            print(f"{'not ok' if answer else 'ok'} header: <{header}> is C11 for {c_compiler}")
            print("".join(f"    {line}\n" for line in answer.splitlines()[:10]), end="")
            failed = failed or bool(answer)
    private = private_includes(build, headers)
    print(f"{'not ok' if private else 'ok'} headers: public ones include public ones only")
    print("".join(f"    {line}\n" for line in private), end="")
    failed = failed or bool(private)
    complaint = compile_alone(compiler, build, "weft/no/such/header.hpp")
    if C_COMPILERS:  # C++ in sight
        complaint = complaint and compile_alone(C_COMPILERS[0], build, "weft/weft.hpp", C_FLAGS)
    print(f"{'ok' if complaint else 'not ok'} header: one that does not compile is found")
    return 1 if failed or not complaint else 0


if __name__ == "__main__":
    sys.exit(main())
