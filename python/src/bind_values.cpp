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
      .def_ro("bytes", &Receipt::bytes)
      .def_prop_ro("generation", [](const Receipt& r) { return r.generation.value; })
      .def_prop_ro("digest", [](const Receipt& r) { return r.digest.to_string(); })
      .def_prop_ro("lane", [](const Receipt& r) { return to_string(r.lane); })
      .def_ro("verified_pieces", &Receipt::verified_pieces)
      .def_ro("seconds", &Receipt::seconds)
      .def("__repr__", [](const Receipt& r) {
        return fmt::format("Receipt(bytes={}, generation={}, digest='{}', lane='{}', seconds={:.6f})", r.bytes,
                           r.generation.value, r.digest.to_string(), to_string(r.lane), r.seconds);
      });
}

void bind_entry(nb::module_& module) {
  nb::class_<Entry>(module, "Entry", docs::kEntry)
      .def_prop_ro("name", [](const Entry& e) { return text(e.name); })
      .def_prop_ro("dtype", [](const Entry& e) { return text(dtype_text(e.meta)); })
      .def_prop_ro("shape", [](const Entry& e) { return tuple_of(e.meta.shape); })
      .def_ro("nbytes", &Entry::bytes)
      .def_prop_ro("generation", [](const Entry& e) { return e.generation.value; })
      .def_prop_ro("attributes", [](const Entry& e) { return dict_of(e.meta.attributes); })
      .def("__repr__", [](const Entry& e) {
        return text(fmt::format("Entry(name={}, dtype={}, shape={}, nbytes={}, generation={})", repr_of(e.name),
                                repr_of(dtype_text(e.meta)), e.meta.shape.to_string(), e.bytes, e.generation.value));
      });
}

void bind_plan(nb::module_& module) {
  nb::class_<PlanLane>(module, "PlanLane", docs::kPlanLane)
      .def_ro("lane", &PlanLane::lane)
      .def_ro("expected", &PlanLane::expected)
      .def_ro("chosen", &PlanLane::chosen)
      .def_ro("usable", &PlanLane::usable)
      .def_ro("verdict", &PlanLane::verdict)
      .def("__repr__", [](const PlanLane& l) {
        return text(fmt::format("PlanLane(lane={}, chosen={}, verdict={})", repr_of(l.lane), truth(l.chosen),
                                repr_of(l.verdict)));
      });
  nb::class_<Plan>(module, "Plan", docs::kPlan)
      .def_prop_ro("peer", [](const Plan& p) { return text(p.peer); })
      .def_prop_ro("name", [](const Plan& p) { return text(p.name); })
      .def_ro("nbytes", &Plan::bytes)
      .def_prop_ro("generation", [](const Plan& p) { return p.generation.value; })
      .def_ro("same_host", &Plan::same_host)
      .def_prop_ro("lanes",
                   [](const Plan& p) {
                     nb::list all;
                     for (const PlanLane& lane : p.lanes) all.append(nb::cast(lane));
                     return all;
                   })
      .def("__str__", [](const Plan& p) { return text(p.to_string()); })
      .def("__repr__", [](const Plan& p) { return text(p.to_string()); });
  nb::class_<LaneReport>(module, "LaneReport", docs::kLaneReport)
      .def_ro("lane", &LaneReport::lane)
      .def_ro("used", &LaneReport::used)
      .def_ro("detail", &LaneReport::detail)
      .def("__repr__", [](const LaneReport& l) {
        return text(
            fmt::format("LaneReport(lane={}, used={}, detail={})", repr_of(l.lane), truth(l.used), repr_of(l.detail)));
      });
}

void bind_ping(nb::module_& module) {
  nb::class_<PingReport>(module, "PingReport", docs::kPingReport)
      .def_prop_ro("round_trip", [](const PingReport& p) { return in_seconds(p.round_trip); })
      .def_prop_ro("skew", [](const PingReport& p) { return in_seconds(p.skew); })
      .def_prop_ro("peer", [](const PingReport& p) { return text(p.peer); })
      .def_prop_ro("node", [](const PingReport& p) { return p.node.to_string(); })
      .def_ro("version", &PingReport::version)
      .def_prop_ro("address", [](const PingReport& p) { return text(p.address); })
      .def("__repr__", [](const PingReport& p) {
        return text(fmt::format("PingReport(peer={}, round_trip={:.6f})", repr_of(p.peer), in_seconds(p.round_trip)));
      });
}

void bind_stats(nb::module_& module) {
  nb::class_<NodeStats>(module, "NodeStats", docs::kStatsOf)
      .def_ro("pulls", &NodeStats::pulls)
      .def_ro("pushes", &NodeStats::pushes)
      .def_ro("serves", &NodeStats::serves)
      .def_ro("receives", &NodeStats::receives)
      .def_ro("failed", &NodeStats::failed)
      .def_ro("bytes_in", &NodeStats::bytes_in)
      .def_ro("bytes_out", &NodeStats::bytes_out)
      .def_ro("integrity_failures", &NodeStats::integrity_failures)
      .def_ro("stale", &NodeStats::stale)
      .def_ro("pieces_reasked", &NodeStats::pieces_reasked)
      .def_ro("dials", &NodeStats::dials)
      .def_ro("pool_hits", &NodeStats::pool_hits)
      .def_ro("pool_misses", &NodeStats::pool_misses)
      .def_ro("evictions", &NodeStats::evictions)
      .def_ro("sessions", &NodeStats::sessions)
      .def_ro("transfers", &NodeStats::transfers)
      .def_ro("catalog_tensors", &NodeStats::catalog_tensors)
      .def_ro("catalog_bytes", &NodeStats::catalog_bytes)
      .def_ro("landing_bytes", &NodeStats::landing_bytes)
      .def_ro("inbox", &NodeStats::inbox)
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
      .def("verbs", [](const Access& self, const nb::args& words) { return Access(self).verbs(verbs_of(words)); });
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
