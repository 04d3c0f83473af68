#!/usr/bin/env python3
"""Checks every #include of engine, actors, nodes and python against the table of layers (docs/architecture.md).

Usage: layers_test.py [ROOT]. Prints a line per test: `ok name` or `not ok name`, faults indented below it.
"""

import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
ROW = re.compile(r"\| `((?:engine/)?[a-z]+)` \|[^|]*\|([^|]*)\|")

PUBLIC_OF_NODES = "nodes (its public headers)"  # as the table says it of python


def read_layers(page):
    """component → what it may include beside itself, from the table of docs/architecture.md. Not transitive: what is used
    is named; `of lane the interface` is lane with TRANSFER_SEES_OF_LANE."""
    rows = [(folder, words) for folder, words in ROW.findall(page) if folder not in ("tests", "bench", "examples")]
    engine = [folder.removeprefix("engine/") for folder, _ in rows if folder.startswith("engine/")]
    layers = {}
    for folder, words in rows:
        name = folder.removeprefix("engine/")
        allowed = set() if name == "base" else {"base"}
        for word in words.replace("all of engine", "engine").replace("of lane the interface", "lane").replace(PUBLIC_OF_NODES, "nodes").split(","):
            word = word.strip()
            if word == "engine":
                allowed |= set(engine)
            elif word in engine + ["actors", "nodes"]:
                allowed.add(word)
            elif word != "–":
                sys.exit(f"docs/architecture.md: {folder} may include “{word}”: what is that?")
        layers[name] = sorted(allowed)
    return layers, {folder.removeprefix("engine/"): folder for folder, _ in rows}


LAYERS, FOLDERS = read_layers((ROOT / "docs/architecture.md").read_text())
# Of the lanes, the protocol knows the interface and nothing of who implements it.
TRANSFER_SEES_OF_LANE = ["lane.hpp", "traits.hpp", "event.hpp"]

# Third-party headers: what they are recognised by, and the files that may include them.
THIRD_PARTY = [
    (r"fmt/", r".*\.cpp"),
    (r"openssl/", r"engine/(crypto|stream)/.*"),
    (r"nlohmann/", r"engine/tensor/safetensors\w*\.cpp|nodes/.*"),
    (r"(capnp|kj)/|.*\.capnp\.h$", r"engine/wire/.*"),
    (r"xxhash\.h|xxh3\.h|lz4|zstd", r"engine/wire/.*"),
    (r"(rdma|infiniband)/", r"engine/fabric/.*"),
    (r"caf/", r"actors/.*|nodes/.*"),
    (r"CLI/|spdlog/", r"nodes/.*"),
    (r"nanobind/", r"python/.*"),
]
CAF_FILES_IN_NODES = 1
# The typed handles, weft::actors, lie in actors/ and are spelt <weft/actors/…>, for that is what they are to their users. But
# their messages carry a node's own values (Tensor, GetOptions, Grain), so they stand above nodes and are a library of their
# own; nothing else may include them, but tests and examples.
HANDLES = re.compile(r"(?:weft/)?actors/(?:\w+_actors?|actor_error|init_types|serving)\.[hc]pp")
# The standard library's headers, and those of the system that we may use.
SYSTEM = set("""
    algorithm any array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono cinttypes climits clocale cmath
    compare complex concepts condition_variable coroutine csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime deque
    exception expected filesystem forward_list fstream functional future initializer_list iomanip ios iostream istream
    iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional ostream queue random ranges
    ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf
    string string_view syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility
    valarray variant vector version
    arpa/inet.h dirent.h dlfcn.h fcntl.h ifaddrs.h langinfo.h limits.h linux/futex.h net/if.h netdb.h netinet/in.h netinet/tcp.h poll.h
    sched.h signal.h stdbool.h stddef.h stdint.h sys/epoll.h sys/eventfd.h sys/file.h sys/ioctl.h sys/mman.h sys/prctl.h sys/random.h sys/resource.h
    sys/socket.h sys/stat.h sys/statvfs.h sys/syscall.h sys/time.h sys/timerfd.h sys/timex.h sys/types.h sys/uio.h sys/un.h sys/utsname.h sys/wait.h
    cxxabi.h termios.h unistd.h sanitizer/asan_interface.h
""".split())
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
NOT_IN_ENGINE = re.compile(r"\b(?:std::j?thread\b(?!::)|pthread_create\b|std::async\b|(?:secure_)?getenv\b)")


def sources(folder):
    return sorted(p for kind in ("*.hpp", "*.cpp", "*.h") for p in folder.rglob(kind))


def public_headers(root):
    """Of nodes: what its CMakeLists.txt says after PUBLIC and TOP."""
    call = re.search(r"weft_component\(\s*nodes\b(.*?)\)", (root / "nodes/CMakeLists.txt").read_text(), re.S).group(1)
    return set(re.findall(r"\S+\.h(?:pp)?\b", re.search(r"\bPUBLIC\b(.*?)\bDEPENDS\b", call, re.S).group(1)))


PUBLIC_HEADERS = public_headers(ROOT)


def includes(path):
    return INCLUDE.findall(path.read_text())


def own_include_fault(component, spelt):
    """What is wrong with `#include <spelt>`, which begins with weft/, in a file of `component`; or None."""
    parts = spelt.split("/")
    if component == "handles":
        return None if len(parts) == 2 or parts[1] in LAYERS else f"<{spelt}> is of no component"
    if HANDLES.fullmatch(spelt):
        return f"<{spelt}>: {component} stands below the typed handles"
    if len(parts) == 2:
        return None if component == "nodes" else f"<{spelt}> belongs to nodes"
    other = parts[1]
    if other != component and other not in LAYERS[component]:
        return f"<{spelt}>: {component} may not include {other}"
    if component == "python" and other == "nodes" and parts[2] not in PUBLIC_HEADERS:
        return f"<{spelt}>: python sees the public headers of nodes only"
    if component == "transfer" and other == "lane" and parts[2] not in TRANSFER_SEES_OF_LANE:
        return f"<{spelt}>: transfer sees the lane interface only"
    return None


def third_party_fault(file, spelt):
    for pattern, allowed in THIRD_PARTY:
        if re.match(pattern, spelt):
            return None if re.fullmatch(allowed, file) else f"<{spelt}> does not belong here"
    return None if spelt in SYSTEM else f"<{spelt}> is of no library the table knows"


def include_faults(root):
    faults, caf_in_nodes = [], set()
    for component, folder in FOLDERS.items():
        for path in sources(root / folder):
            file = path.relative_to(root).as_posix()
            for quote, spelt in includes(path):
                if quote == '"':
                    fault = f'"{spelt}": includes of ours are spelt <weft/…>'
                elif spelt.startswith("weft/"):
                    fault = own_include_fault("handles" if HANDLES.fullmatch(file) else component, spelt)
                else:
                    fault = third_party_fault(file, spelt)
                if fault:
                    faults.append(f"{file}: {fault}")
                if component == "nodes" and spelt.startswith("caf/"):
                    caf_in_nodes.add(path.stem)  # a header and its source count as one
    if len(caf_in_nodes) > CAF_FILES_IN_NODES:
        faults.append(f"nodes: CAF is included in {', '.join(sorted(caf_in_nodes))}; one file may")
    return faults


def spelling_faults(root):
    """Tests, benches and examples may quote their own helpers (beside them, or from the top), and nothing else."""
    faults = []
    for folder in ("tests", "bench", "examples"):
        for path in sources(root / folder):
            for quote, spelt in includes(path):
                helpers = [(base / spelt).resolve() for base in (path.parent, root)]
                helper = any(h.is_file() and h.is_relative_to(root.resolve() / folder) for h in helpers)
                if quote == '"' and not helper:
                    faults.append(f'{path.relative_to(root)}: "{spelt}": includes of ours are spelt <weft/…>')
    return faults


def dependency_faults(root):
    """DEPENDS of each weft_component against the table, and against what its files include."""
    faults = []
    for component, folder in FOLDERS.items():
        lists = root / folder / "CMakeLists.txt"
        if not lists.exists() or component == "python":  # which is no weft_component
            continue
        call = re.search(rf"weft_component\(\s*{component}\b(.*?)\)", re.sub(r"#.*", "", lists.read_text()), re.S)
        if not call:
            faults.append(f"{folder}/CMakeLists.txt: no weft_component({component} …)")
            continue
        depends = re.search(r"\bDEPENDS\s+((?:[a-z]+\s*)+)", call.group(1))
        declared = set(depends.group(1).split()) if depends else set()
        used = {
            spelt.split("/")[1]
            for path in sources(root / folder)
            if not HANDLES.fullmatch(path.relative_to(root).as_posix())
            for _, spelt in includes(path)
            if spelt.startswith("weft/") and spelt.count("/") > 1
        } - {component}
        for extra in sorted(declared - set(LAYERS[component])):
            faults.append(f"{folder}/CMakeLists.txt: {component} may not depend on {extra}")
        for missing in sorted(used - declared - {"base"}):
            faults.append(f"{folder}/CMakeLists.txt: {missing} is included but not in DEPENDS")
        for idle in sorted(declared - used - {"base"}):
            faults.append(f"{folder}/CMakeLists.txt: {idle} is in DEPENDS but not included")
    return faults


def folder_faults(root):
    """Every folder with sources below engine/ is a row of the table."""
    folders = sorted(p for p in (root / "engine").iterdir() if p.is_dir()) if (root / "engine").exists() else []
    return [f"engine/{p.name} is not in the table of docs/architecture.md"
            for p in folders if sources(p) and p.name not in LAYERS]


def purity_faults(root):
    """No thread is started and no environment read below actors."""
    faults = []
    for path in sources(root / "engine"):
        for word in NOT_IN_ENGINE.findall(COMMENT.sub("", path.read_text())):
            faults.append(f"{path.relative_to(root)}: {word} in engine/")
    return faults


CHECKS = {
    "layers: every include is one that the table allows": include_faults,
    "layers: tests quote only helpers of their own": spelling_faults,
    "layers: every folder of engine stands in the table": folder_faults,
    "layers: DEPENDS says what the files include": dependency_faults,
    "layers: engine starts no thread and reads no environment": purity_faults,
}

# A file, a line put into it, and the check that must object.
BREAKS = [
    ("engine/base/a.cpp", "#include <weft/crypto/mac.hpp>", include_faults),
    ("engine/base/a.hpp", "#include <fmt/format.h>", include_faults),
    ("engine/wire/a.hpp", "#include <weft/lane/lane.hpp>", include_faults),
    ("engine/transfer/a.cpp", "#include <weft/lane/framed.hpp>", include_faults),
    ("engine/transfer/a.cpp", "  #  include <rdma/fabric.h>", include_faults),
    ("engine/lane/a.cpp", '#include "lane.hpp"', include_faults),
    ("engine/tensor/a.cpp", "#include <weft/node.hpp>", include_faults),
    ("engine/tensor/shape.cpp", "#include <nlohmann/json.hpp>", include_faults),
    ("engine/memory/a.cpp", "#include <boost/asio.hpp>", include_faults),
    ("engine/memory/b.cpp", "#include <alsa.h>", include_faults),
    ("engine/gossip/a.cpp", "#include <vector>", folder_faults),
    ("actors/a.cpp", "#include <weft/nodes/node.hpp>", include_faults),
    ("nodes/second.cpp", "#include <caf/all.hpp>", include_faults),
    ("python/src/a.cpp", "#include <weft/nodes/node_state.hpp>", include_faults),
    ("python/src/a.cpp", "#include <weft/wire/codec.hpp>", include_faults),
    ("python/src/a.cpp", '#include "errors.hpp"', include_faults),
    ("nodes/a.cpp", "#include <nanobind/nanobind.h>", include_faults),
    ("nodes/third.cpp", "#include <weft/actors/pool_actor.hpp>", include_faults),
    ("actors/b.cpp", "#include <weft/actors/serving.hpp>", include_faults),
    ("actors/session_pool.cpp", "#include <weft/nodes/tensor_node.hpp>", include_faults),
    ("tests/sim/a.cpp", '#include "../../engine/base/a.cpp"', spelling_faults),
    ("engine/wire/a.cpp", "#include <weft/tensor/shape.hpp>", dependency_faults),
    ("engine/wire/CMakeLists.txt", "weft_component(wire DEPENDS lane)", dependency_faults),
    ("engine/wire/CMakeLists.txt", "weft_component(wire\n  DEPENDS base tensor\n  LIBS fmt::fmt)", dependency_faults),
    ("engine/stream/a.cpp", "std::thread worker;", purity_faults),
    ("engine/stream/a.cpp", 'auto* home = getenv("HOME");', purity_faults),
]
ALLOWED = [
    ("engine/base/a.cpp", "#include <fmt/format.h>\n#include <vector>\n#include <sys/mman.h>"),
    ("engine/transfer/a.cpp", "#include <weft/lane/lane.hpp>\n#include <weft/wire/codec.hpp>"),
    ("engine/tensor/safetensors_header.cpp", "#include <nlohmann/json.hpp>"),
    ("engine/fabric/a.hpp", "#include <rdma/fabric.h>"),
    ("engine/stream/b.cpp", "// getenv belongs to nodes\nauto n = std::thread::hardware_concurrency();"),
    ("tests/sim/world.hpp", "#pragma once"),
    ("python/src/b.cpp", "#include <fmt/format.h>\n#include <nanobind/nanobind.h>\n#include <weft/nodes/tensor_node.hpp>\n#include <weft/python/errors.hpp>"),
    ("tests/sim/world.cpp", '#include "world.hpp"\n#include "tests/sim/world.hpp"'),
    ("nodes/one.cpp", "#include <caf/all.hpp>\n#include <weft/node.hpp>"),
    ("actors/pool_actor.cpp", "#include <weft/nodes/tensor_node.hpp>\n#include <weft/actors/serving.hpp>\n#include <caf/send.hpp>"),
]


def write(root, file, text):
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def self_faults(_root):
    """The checks themselves: each break is seen, and nothing else is."""
    faults = []
    for broken in [None, *BREAKS]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for file, text in ALLOWED:
                write(root, file, text)
            write(root, "engine/wire/CMakeLists.txt", "weft_component(wire\n  DIR engine/wire\n  TESTS a_test.cpp)")
            if broken:
                write(root, broken[0], broken[1])
            seen = [fault for check in CHECKS.values() for fault in check(root)]
            if broken and not broken[2](root):
                faults.append(f"nobody objects to {broken[1]} in {broken[0]}")
            if not broken and seen:
                faults += [f"a sound tree is objected to: {fault}" for fault in seen]
    return faults


def main():
    failed = False
    for name, check in {**CHECKS, "layers: a bad include of each kind is found": self_faults}.items():
        faults = check(ROOT)
        print(f"{'not ok' if faults else 'ok'} {name}")
        for fault in faults:
            print(f"    {fault}")
        failed = failed or bool(faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
