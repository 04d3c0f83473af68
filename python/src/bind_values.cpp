#include <fmt/format.h>

#include <weft/python/arguments.hpp>
#include <weft/python/docs.hpp>
#include <weft/python/dtypes.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/node.hpp>
#include <weft/python/text_map.hpp>

/// Plain values, as weft's classes with read-only members.
namespace weft::python {
namespace {

const char* truth(bool value) { return value ? "True" : "False"; }

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

nb::object tuple_of(const Shape& shape) {
  nb::list axes;
  for (const std::int64_t axis : shape) axes.append(axis);
  return nb::tuple(axes);
}

void bind_receipt(nb::module_& module) {
  nb::class_<Receipt>(module, "Receipt", docs::kReceipt)
      .def_ro("bytes", &Receipt::bytes, "Bytes that the receiver has verified.")
      .def_prop_ro(
          "generation", [](const Receipt& r) { return r.generation.value; }, "The receiver's number of it.")
      .def_prop_ro(
          "digest", [](const Receipt& r) { return r.digest.to_string(); }, "Hex of the root over its bytes.")
      .def_prop_ro(
          "lane", [](const Receipt& r) { return to_string(r.lane); }, "Over which it went.")
      .def_ro("verified_pieces", &Receipt::verified_pieces, "Whether every leaf was compared, or the lane was trusted.")
      .def_ro("seconds", &Receipt::seconds, "From the call to the receipt.")
      .def("__repr__", [](const Receipt& r) {
        return fmt::format("Receipt(bytes={}, generation={}, digest='{}', lane='{}', seconds={:.6f})", r.bytes,
                           r.generation.value, r.digest.to_string(), to_string(r.lane), r.seconds);
      });
}

void bind_entry(nb::module_& module) {
  nb::class_<Entry>(module, "Entry", docs::kEntry)
      .def_prop_ro(
          "name", [](const Entry& e) { return text(e.name); }, "Under which it is served.")
      .def_prop_ro(
          "dtype", [](const Entry& e) { return text(dtype_text(e.meta)); },
          "torch's name of the elements, or an opaque tensor's own.")
      .def_prop_ro(
          "shape", [](const Entry& e) { return tuple_of(e.meta.shape); }, "Axes, slowest first.")
      .def_ro("nbytes", &Entry::bytes, "Bytes of the whole tensor.")
      .def_prop_ro(
          "generation", [](const Entry& e) { return e.generation.value; }, "Which putting of the name it is.")
      .def_prop_ro(
          "attributes", [](const Entry& e) { return dict_of(e.meta.attributes); },
          "A dict of strings; of a served file, its metadata.")
      .def("__repr__", [](const Entry& e) {
        return text(fmt::format("Entry(name={}, dtype={}, shape={}, nbytes={}, generation={})", repr_of(e.name),
                                repr_of(dtype_text(e.meta)), e.meta.shape.to_string(), e.bytes, e.generation.value));
      });
}

void bind_plan(nb::module_& module) {
  nb::class_<PlanLane>(module, "PlanLane", docs::kPlanLane)
      .def_ro("lane", &PlanLane::lane, "Its name.")
      .def_ro("expected", &PlanLane::expected, "The rate that was seen to this peer, as text; empty where none was.")
      .def_ro("chosen", &PlanLane::chosen, "Whether it would carry the tensor.")
      .def_ro("usable", &PlanLane::usable, "Whether it could.")
      .def_ro("verdict", &PlanLane::verdict, "Why, or why not.")
      .def("__repr__", [](const PlanLane& l) {
        return text(fmt::format("PlanLane(lane={}, chosen={}, verdict={})", repr_of(l.lane), truth(l.chosen),
                                repr_of(l.verdict)));
      });
  nb::class_<Plan>(module, "Plan", docs::kPlan)
      .def_prop_ro(
          "peer", [](const Plan& p) { return text(p.peer); }, "Host and short id.")
      .def_prop_ro(
          "name", [](const Plan& p) { return text(p.name); }, "Of the tensor; empty where none was asked of.")
      .def_ro("nbytes", &Plan::bytes, "Bytes of the whole tensor.")
      .def_prop_ro(
          "generation", [](const Plan& p) { return p.generation.value; }, "Of the tensor as it is there now.")
      .def_ro("same_host", &Plan::same_host, "Whether the peer is a process of this host.")
      .def_prop_ro(
          "lanes",
          [](const Plan& p) {
            nb::list all;
            for (const PlanLane& lane : p.lanes) all.append(nb::cast(lane));
            return all;
          },
          "A PlanLane for each lane.")
      .def("__str__", [](const Plan& p) { return text(p.to_string()); })
      .def("__repr__", [](const Plan& p) { return text(p.to_string()); });
  nb::class_<LaneReport>(module, "LaneReport", docs::kLaneReport)
      .def_ro("lane", &LaneReport::lane, "Its name.")
      .def_ro("used", &LaneReport::used, "Whether nodes of this host use it.")
      .def_ro("detail", &LaneReport::detail, "With what, or why not.")
      .def("__repr__", [](const LaneReport& l) {
        return text(
            fmt::format("LaneReport(lane={}, used={}, detail={})", repr_of(l.lane), truth(l.used), repr_of(l.detail)));
      });
}

void bind_ping(nb::module_& module) {
  nb::class_<PingReport>(module, "PingReport", docs::kPingReport)
      .def_prop_ro(
          "round_trip", [](const PingReport& p) { return in_seconds(p.round_trip); }, "Seconds.")
      .def_prop_ro(
          "skew", [](const PingReport& p) { return in_seconds(p.skew); },
          "Seconds that the peer's clock is ahead of this one's.")
      .def_prop_ro(
          "peer", [](const PingReport& p) { return text(p.peer); }, "Host and short id.")
      .def_prop_ro(
          "node", [](const PingReport& p) { return p.node.to_string(); }, "The peer's whole id.")
      .def_ro("version", &PingReport::version, "Of the protocol that both speak.")
      .def_prop_ro(
          "address", [](const PingReport& p) { return text(p.address); }, "Where the session goes to.")
      .def("__repr__", [](const PingReport& p) {
        return text(fmt::format("PingReport(peer={}, round_trip={:.6f})", repr_of(p.peer), in_seconds(p.round_trip)));
      });
}

void bind_stats(nb::module_& module) {
  nb::class_<NodeStats>(module, "NodeStats", docs::kStatsOf)
      .def_ro("pulls", &NodeStats::pulls, "Pulls of this node that succeeded.")
      .def_ro("pushes", &NodeStats::pushes, "Pushes of this node that were received.")
      .def_ro("serves", &NodeStats::serves, "Pulls that peers were served.")
      .def_ro("receives", &NodeStats::receives, "Pushes of peers that were received.")
      .def_ro("failed", &NodeStats::failed, "Calls and requests that ended as an error.")
      .def_ro("bytes_in", &NodeStats::bytes_in, "Bytes of tensors that came.")
      .def_ro("bytes_out", &NodeStats::bytes_out, "Bytes of tensors that went.")
      .def_ro("integrity_failures", &NodeStats::integrity_failures, "Pieces that were not what their digest says.")
      .def_ro("stale", &NodeStats::stale, "References of an earlier generation or start.")
      .def_ro("pieces_reasked", &NodeStats::pieces_reasked, "Pieces that were asked for again.")
      .def_ro("dials", &NodeStats::dials, "Connections that were made.")
      .def_ro("pool_hits", &NodeStats::pool_hits, "Calls that found a session.")
      .def_ro("pool_misses", &NodeStats::pool_misses, "Calls that had to wait for one.")
      .def_ro("evictions", &NodeStats::evictions, "Sessions that made room for others.")
      .def_ro("sessions", &NodeStats::sessions, "Open now.")
      .def_ro("transfers", &NodeStats::transfers, "Under way now.")
      .def_ro("catalog_tensors", &NodeStats::catalog_tensors, "Served now.")
      .def_ro("catalog_bytes", &NodeStats::catalog_bytes, "Bytes served now.")
      .def_ro("landing_bytes", &NodeStats::landing_bytes, "Memory kept for what arrives.")
      .def_ro("inbox", &NodeStats::inbox, "Pushes that nobody has taken yet.")
      .def("__repr__", [](const NodeStats& s) {
        return fmt::format(
            "NodeStats(pulls={}, pushes={}, receives={}, failed={}, bytes_in={}, bytes_out={}, sessions={})", s.pulls,
            s.pushes, s.receives, s.failed, s.bytes_in, s.bytes_out, s.sessions);
      });
}

AccessVerb verbs_of(const nb::args& words) {
  AccessVerb verbs = AccessVerb::kNone;
  for (const nb::handle word : words) {
    const std::string name = text_of(word, "verbs", "get, push, list");
    if (name == "get")
      verbs = verbs | AccessVerb::kGet;
    else if (name == "push")
      verbs = verbs | AccessVerb::kPush;
    else if (name == "list")
      verbs = verbs | AccessVerb::kList;
    else
      wrong("verbs", word, "get, push, list");
  }
  return verbs;
}

void bind_rules(nb::module_& module) {
  const nb::class_<GenerationRule> generation_rule(module, "GenerationRule", docs::kGenerationRule);
  module.def(
      "newer_than", [](nb::handle g) { return GenerationRule::newer_than({number_of(g, "generation")}); },
      nb::arg("generation").none(), docs::kNewerThan);
  module.def(
      "at_least", [](nb::handle g) { return GenerationRule::at_least({number_of(g, "generation")}); },
      nb::arg("generation").none(), docs::kAtLeast);
  nb::class_<Access>(module, "Access", docs::kAccess)
      .def_static("local", &Access::local)
      .def_static("any", &Access::any)
      .def_static(
          "peers", [](nb::handle ids) { return access_by(ids, "ids"); }, nb::arg("ids").none())
      .def(
          "names", [](const Access& self, nb::handle glob) { return Access(self).names(name_of(glob, "glob")); },
          nb::arg("glob").none())
      .def(
          "verbs", [](const Access& self, const nb::args& words) { return Access(self).verbs(verbs_of(words)); },
          nb::arg("verbs"));
}

}  // namespace

void bind_values(nb::module_& module) {
  bind_receipt(module);
  bind_entry(module);
  bind_plan(module);
  bind_ping(module);
  bind_stats(module);
  bind_rules(module);
}

}  // namespace weft::python
