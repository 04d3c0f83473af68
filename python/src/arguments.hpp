#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <weft/nodes/options.hpp>
#include <weft/nodes/peer.hpp>
#include <weft/python/python.hpp>

/// Python's arguments as the engine's options. All raise; InvalidArgumentError names the argument.
namespace weft::python {

/// A ticket's text, or what has a `ticket`: a weft.Node.
Peer peer_of(nb::handle peer);
/// A str, bytes or os.PathLike.
std::filesystem::path path_of(nb::handle path);
/// Seconds; None: automatic.
Deadline deadline_of(nb::handle seconds);
Duration duration_of(nb::handle seconds, const char* argument);
/// weft.s_[0:128, :], one of its parts, "0:128, :", or None.
Slice slice_of(nb::handle slice);
Lane lane_of(nb::handle name);
Verify verify_of(nb::handle word);
/// None, a generation, or weft.newer_than(g), weft.at_least(g).
GenerationRule generation_of(nb::handle rule);
/// "cpu" or None: Unsupported else.
void check_device(nb::handle device);
TraceContext trace_of(nb::handle trace);

/// weft.Pages, with the memory that its Pages borrow.
struct PageLists {
  std::vector<std::uint32_t> source{}, target{};
  Pages pages{};
};
void read_pages(nb::handle pages, PageLists& lists);

/// What weft.Node was made with, over what the environment says.
NodeOptions options_of(const nb::dict& keywords);
Access access_of(nb::handle access);

}  // namespace weft::python
