#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/nodes/options.hpp>
#include <weft/nodes/peer.hpp>
#include <weft/python/python.hpp>

/// Python's arguments as the engine's options. All raise; InvalidArgumentError names the argument.
namespace weft::python {

[[noreturn]] void wrong(const char* argument, nb::handle value, std::string hint);

/// A str that UTF-8 can say.
std::string text_of(nb::handle value, const char* argument, const char* hint = "text");
/// The name of a tensor, a pattern.
inline std::string name_of(nb::handle name, const char* argument = "name") {
  return text_of(name, argument, "a name is a str, 1 to 255 bytes of UTF-8");
}
/// An int that is not below zero.
std::uint64_t number_of(nb::handle value, const char* argument, const char* hint = "a number, 0 or more");
/// A str, or several.
std::vector<std::string> words_of(nb::handle value, const char* argument, const char* hint);
/// What can be iterated.
nb::object iterated(nb::handle value, const char* argument, const char* hint);
Shape shape_of(nb::handle shape);
/// An element type: its name, with or without "torch." before it, numpy's short one ("<f4"), or what numpy, torch and
/// ml_dtypes have for it. One that nobody knows is a name alone, which only a str can be. UnsupportedError: numbers of
/// the other byte order.
struct DTypeArgument {
  std::optional<DType> known{};
  std::string name{};
};
DTypeArgument dtype_of(nb::handle dtype, const char* argument);
/// progress=: True or a callable; null for None and False.
nb::object report_of(nb::handle progress);
double seconds_of(nb::handle seconds, const char* argument);

/// A ticket's text, or what has a `ticket`: a weft.Node.
Peer peer_of(nb::handle peer);
/// A str, bytes or os.PathLike.
std::filesystem::path path_of(nb::handle path, const char* argument = "path");
/// Seconds; None: automatic.
Deadline deadline_of(nb::handle seconds);
Duration duration_of(nb::handle seconds, const char* argument);

/// A single index among a slice's ranges. How long the axis is only the peer knows: one beyond it comes back empty.
struct SingleIndex {
  std::size_t axis = 0;
  std::int64_t index = 0;
};
/// weft.s_[0:128, :], one of its parts, "0:128, :", or None.
Slice slice_of(nb::handle slice, std::vector<SingleIndex>& singles);
/// The exception where a single index was beyond its axis; null where none was.
nb::object beyond_axis(const Shape& landed, const std::vector<SingleIndex>& singles, std::string_view name);

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
/// The peers of these ids.
Access access_by(nb::handle ids, const char* argument);

}  // namespace weft::python
