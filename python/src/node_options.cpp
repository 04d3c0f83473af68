#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <weft/python/arguments.hpp>
#include <weft/python/courier.hpp>
#include <weft/python/errors.hpp>

/// weft.Node's keywords.
namespace weft::python {
namespace {

std::vector<std::string> words_of(nb::handle value) {
  if (PyUnicode_Check(value.ptr()) != 0) return {nb::cast<std::string>(value)};
  std::vector<std::string> words;
  for (const nb::handle word : nb::object(nb::borrow(value))) words.push_back(nb::cast<std::string>(word));
  return words;
}

std::uint64_t bytes_of(nb::handle value, const char* argument) {
  const std::uint64_t bytes = PyLong_AsUnsignedLongLong(value.ptr());
  if (PyErr_Occurred() == nullptr) return bytes;
  PyErr_Clear();
  raise(ErrorClass::kInvalidArgument, "Node",
        fmt::format("{}={} is no number of bytes", argument, nb::cast<std::string>(nb::repr(value))));
}

using Set = void (*)(NodeOptions&, nb::handle);
struct Keyword {
  const char* name;
  Set set;
};

constexpr Keyword kKeywords[] = {
    {"listen", [](NodeOptions& o, nb::handle v) { o.listen = words_of(v); }},
    {"access", [](NodeOptions& o, nb::handle v) { o.access = access_of(v); }},
    {"identity", [](NodeOptions& o, nb::handle v) { o.identity = path_of(v); }},
    {"lanes",
     [](NodeOptions& o, nb::handle v) {
       o.lanes.clear();
       for (const auto& word : words_of(v)) o.lanes.push_back(lane_of(nb::str(word.c_str())));
     }},
    {"trust", [](NodeOptions& o, nb::handle v) { o.trust = words_of(v); }},
    {"connections", [](NodeOptions& o, nb::handle v) { o.pool.connections = bytes_of(v, "connections"); }},
    {"idle", [](NodeOptions& o, nb::handle v) { o.pool.idle = duration_of(v, "idle"); }},
    {"dial_timeout", [](NodeOptions& o, nb::handle v) { o.pool.dial_timeout = duration_of(v, "dial_timeout"); }},
    {"heartbeat", [](NodeOptions& o, nb::handle v) { o.liveness.heartbeat = duration_of(v, "heartbeat"); }},
    {"silent_after", [](NodeOptions& o, nb::handle v) { o.liveness.silent_after = duration_of(v, "silent_after"); }},
    {"inbox_bytes", [](NodeOptions& o, nb::handle v) { o.limits.inbox_bytes = bytes_of(v, "inbox_bytes"); }},
    {"memory_bytes", [](NodeOptions& o, nb::handle v) { o.limits.memory_bytes = bytes_of(v, "memory_bytes"); }},
    {"warm_bytes", [](NodeOptions& o, nb::handle v) { o.limits.warm_bytes = bytes_of(v, "warm_bytes"); }},
    {"spin", [](NodeOptions& o, nb::handle v) { o.spin = duration_of(v, "spin"); }},
};

Access access_named(std::string_view text) {
  if (text == "local") return Access::local();
  if (text == "any") return Access::any();
  if (text.starts_with("cluster:"))
    raise(ErrorClass::kUnsupported, "Node", "access by a cluster's key is not there yet",
          "access=[node ids], as node.id tells them on the other side");
  raise(ErrorClass::kInvalidArgument, "Node", fmt::format("access=\"{}\" cannot be", text),
        "local, any, a list of node ids, or a weft.Access");
}

}  // namespace

Access access_of(nb::handle access) {
  if (nb::isinstance<Access>(access)) return nb::cast<Access>(access);
  if (PyUnicode_Check(access.ptr()) != 0) return access_named(nb::cast<std::string_view>(access));
  std::vector<NodeId> ids;
  for (const auto& word : words_of(access)) ids.push_back(value_of(NodeId::parse(word)));
  return Access::peers(std::move(ids));
}

NodeOptions options_of(const nb::dict& keywords) {
  NodeOptions options = value_of(NodeOptions::from_environment());
  for (const auto& [key, value] : keywords) {
    if (value.is_none()) continue;
    const auto name = nb::cast<std::string_view>(key);
    const auto* const known = std::ranges::find_if(kKeywords, [&](const Keyword& k) { return name == k.name; });
    if (known == std::end(kKeywords)) {
      PyErr_Format(PyExc_TypeError, "Node() has no argument %R", key.ptr());
      throw nb::python_error();
    }
    known->set(options, value);
  }
  options.log = [](LogLevel level, std::string_view message, std::span<const LogField> fields) {
    Courier::get().log(level, message, fields);
  };
  return options;
}

}  // namespace weft::python
