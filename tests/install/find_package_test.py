#!/usr/bin/env python3
"""Installs the build into an empty prefix, then builds and runs a program that knows nothing but that prefix.

Usage: find_package_test.py BUILD CXX [CC].
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

CONSUMER = pathlib.Path(__file__).parent / "consumer"
FABRIC_CONSUMER = CONSUMER.parent / "fabric_consumer"
ACTORS_CONSUMER = CONSUMER.parent / "actors_consumer"


class Failed(Exception):
    pass


def run(*command, **kwargs):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **kwargs)
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def configure(prefix, build, cxx, version, source=CONSUMER, *more):
    run("cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_CXX_COMPILER={cxx}", f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_BUILD_TYPE=Release", f"-DWEFT_WANTED={version}", *more)


def by_cmake(prefix, scratch, cxx):
    configure(prefix, scratch / "consumer", cxx, "0.1")
    run("cmake", "--build", scratch / "consumer")
    # No path is set: the program finds libweft by the run path that find_package gave it.
    said = run(scratch / "consumer" / "consumer")
    if "NotFound" not in said:
        raise Failed(f"it said: {said}")


def fabric_alone(prefix, scratch, cxx):
    configure(prefix, scratch / "fabric", cxx, "0.1", FABRIC_CONSUMER)
    run("cmake", "--build", scratch / "fabric")
    program = scratch / "fabric" / "fabric_consumer"
    said = run(program)
    needed = [line.split()[0] for line in run("ldd", program).splitlines()]
    foreign = [name for name in needed if re.match(r"libweft\.so|libcaf|libssl|libcrypto|libcapnp|libkj", name)]
    if foreign or not any(name.startswith("libweft-fabric.so") for name in needed):
        raise Failed(f"it loads {needed}")
    if "no libfabric" in said:
        return "libfabric is not here; the program builds and starts without it"
    if "an endpoint of" not in said:
        raise Failed(f"it said: {said}")
    folder = next(prefix.rglob("weft-fabric.pc")).parent
    flags = run("pkg-config", "--cflags", "--libs", "weft-fabric", env={**os.environ, "PKG_CONFIG_PATH": str(folder)}).split()
    run(cxx, FABRIC_CONSUMER / "main.cpp", "-o", scratch / "fabric_by_pkg_config", *flags)
    return None


def actors(prefix, scratch, cxx):
    configure(prefix, scratch / "actors", cxx, "0.1", ACTORS_CONSUMER)
    run("cmake", "--build", scratch / "actors")
    said = run(scratch / "actors" / "actors_consumer")
    if '"nope"' not in said or "NotFound" not in said:
        raise Failed(f"it said: {said}")
    folder = next(prefix.rglob("weft-actors.pc")).parent
    flags = run("pkg-config", "--cflags", "--libs", "weft-actors", env={**os.environ, "PKG_CONFIG_PATH": str(folder)}).split()
    program = scratch / "actors_by_pkg_config"
    run(cxx, ACTORS_CONSUMER / "main.cpp", "-o", program, *flags)
    if "NotFound" not in run(program, env={**os.environ, "LD_LIBRARY_PATH": str(folder.parent)}):
        raise Failed("by pkg-config it said something else")


def without_caf(prefix, scratch, cxx):
    no_caf = "-Dweft_CAF_INCLUDE=/no/such/folder"
    configure(prefix, scratch / "no_caf", cxx, "0.1", CONSUMER, no_caf)
    run("cmake", "--build", scratch / "no_caf")
    try:
        configure(prefix, scratch / "no_caf_actors", cxx, "0.1", ACTORS_CONSUMER, no_caf)
    except Failed as why:
        if "weft::actors: CAF" in str(why):
            return
        raise
    raise Failed("weft::actors was found without CAF")


def by_pkg_config(prefix, scratch, cxx):
    folder = next(prefix.rglob("weft.pc")).parent
    flags = run("pkg-config", "--cflags", "--libs", "weft", env={**os.environ, "PKG_CONFIG_PATH": str(folder)}).split()
    program = scratch / "by_pkg_config"
    run(cxx, CONSUMER / "main.cpp", "-o", program, *flags)
    run(program, env={**os.environ, "LD_LIBRARY_PATH": str(folder.parent)})


def in_c(prefix, scratch, _cxx):
    if len(sys.argv) < 4:
        return "no C compiler was named"
    folder = next(prefix.rglob("weft.pc")).parent
    flags = run("pkg-config", "--cflags-only-I", "--libs", "weft", env={**os.environ, "PKG_CONFIG_PATH": str(folder)}).split()
    program = scratch / "in_c"
    run(sys.argv[3], "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", CONSUMER / "main.c", "-o", program, *flags)
    said = run(program, env={**os.environ, "LD_LIBRARY_PATH": str(folder.parent)})
    if "WEFT_ERR_FLOW_NOT_FOUND" not in said:
        raise Failed(f"it said: {said}")
    return None


def other_version_is_refused(prefix, scratch, cxx):
    try:
        configure(prefix, scratch / "refused", cxx, "0.2")
    except Failed as why:
        if "version" in str(why) and "weft" in str(why):
            return
        raise
    raise Failed("find_package(weft 0.2) took 0.1")


def command_runs(prefix, _scratch, _cxx):
    program = prefix / "bin" / "weft"
    if not program.exists():
        return "this build has no weft command"
    run(program, "--help")
    return None


TESTS = {
    "install: find_package(weft) builds a program that runs": by_cmake,
    "install: weft::fabric alone builds a program that loads nothing else of Weft": fabric_alone,
    "install: weft::actors builds a CAF application that runs, by CMake and by pkg-config": actors,
    "install: where CAF is not, weft is found without weft::actors, which says why": without_caf,
    "install: pkg-config says enough to build it too": by_pkg_config,
    "install: a C11 program builds with the C compiler alone, and runs": in_c,
    "install: another minor version is refused": other_version_is_refused,
    "install: the installed command runs": command_runs,
}


def main():
    build, cxx = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        prefix = scratch / "prefix"
        try:
            run("cmake", "--install", build, "--prefix", prefix)
            print("ok install: the build installs into an empty prefix")
        except Failed as why:
            print("not ok install: the build installs into an empty prefix")
            print(*(f"    {line}" for line in str(why).splitlines()), sep="\n")
            return 1
        for name, test in TESTS.items():
            try:
                reason = test(prefix, scratch, cxx)
                print(f"skip {name} # {reason}" if reason else f"ok {name}")
            except Failed as why:
                failed = True
                print(f"not ok {name}")
                print(*(f"    {line}" for line in str(why).splitlines()), sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
