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

constexpr const char* kBytes = "a number of bytes, 0 or more";
constexpr const char* kIds = "a list of node ids, as node.id tells them there";

std::vector<NodeId> ids_of(nb::handle value, const char* argument) {
  if (PyUnicode_Check(value.ptr()) != 0) wrong(argument, value, kIds);  // its letters are none
  std::vector<NodeId> ids;
  for (const nb::handle word : iterated(value, argument, kIds)) {
    auto id = NodeId::parse(text_of(word, argument, kIds));
    if (!id) wrong(argument, word, kIds);
    ids.push_back(*id);
  }
  return ids;
}

using Set = void (*)(NodeOptions&, nb::handle);
struct Keyword {
  const char* name;
  Set set;
};

constexpr Keyword kKeywords[] = {
    {"listen",
     [](NodeOptions& o, nb::handle v) {
       o.listen = words_of(v, "listen", "an address, or a list: \"127.0.0.1:0\", \":7700\"");
     }},
    {"access", [](NodeOptions& o, nb::handle v) { o.access = access_of(v); }},
    {"identity", [](NodeOptions& o, nb::handle v) { o.identity = path_of(v, "identity"); }},
    {"lanes",
     [](NodeOptions& o, nb::handle v) {
       o.lanes.clear();
       for (const auto& word : words_of(v, "lanes", "a list of lanes: tcp, tls, verbs"))
         o.lanes.push_back(lane_of(text(word)));
     }},
    {"trust",
     [](NodeOptions& o, nb::handle v) { o.trust = words_of(v, "trust", "a network, or a list: \"10.0.0.0/8\""); }},
    {"connections", [](NodeOptions& o, nb::handle v) { o.pool.connections = number_of(v, "connections"); }},
    {"idle", [](NodeOptions& o, nb::handle v) { o.pool.idle = duration_of(v, "idle"); }},
    {"dial_timeout", [](NodeOptions& o, nb::handle v) { o.pool.dial_timeout = duration_of(v, "dial_timeout"); }},
    {"heartbeat", [](NodeOptions& o, nb::handle v) { o.liveness.heartbeat = duration_of(v, "heartbeat"); }},
    {"silent_after", [](NodeOptions& o, nb::handle v) { o.liveness.silent_after = duration_of(v, "silent_after"); }},
    {"inbox_bytes", [](NodeOptions& o, nb::handle v) { o.limits.inbox_bytes = number_of(v, "inbox_bytes", kBytes); }},
    {"memory_bytes",
     [](NodeOptions& o, nb::handle v) { o.limits.memory_bytes = number_of(v, "memory_bytes", kBytes); }},
    {"warm_bytes", [](NodeOptions& o, nb::handle v) { o.limits.warm_bytes = number_of(v, "warm_bytes", kBytes); }},
    {"spin", [](NodeOptions& o, nb::handle v) { o.spin = duration_of(v, "spin"); }},
};

Access access_named(std::string_view text) {
  if (text == "local") return Access::local();
  if (text == "any") return Access::any();
  if (text.starts_with("cluster:"))
    raise(ErrorClass::kUnsupported, "Node", "access by a cluster's key is not there yet",
          "access=[node ids], as node.id tells them on the other side");
  wrong("access", python::text(text), "local, any, a list of node ids ([node.id]), or a weft.Access");
}

}  // namespace

Access access_by(nb::handle ids, const char* argument) { return Access::peers(ids_of(ids, argument)); }

Access access_of(nb::handle access) {
  if (nb::isinstance<Access>(access)) return nb::cast<Access>(access);
  if (PyUnicode_Check(access.ptr()) != 0) return access_named(text_of(access, "access"));
  return access_by(access, "access");
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
