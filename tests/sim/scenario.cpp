#include <tests/sim/scenario.hpp>

#include <algorithm>
#include <array>

namespace weft::sim {

using namespace std::chrono_literals;
using transfer::PartSpec;
using transfer::PullSpec;

Scenario::Scenario(std::uint64_t seed, bool traced) : world_(seed) { world_.ledger().traced = traced; }

const TensorKind& Scenario::kind_of(const std::string& name) const {
  return *std::find_if(kinds_.begin(), kinds_.end(), [&](const TensorKind& kind) { return kind.name == name; });
}

bool Scenario::plain(const SimNode& from, const SimNode& to) const {
  return !touched_nodes_.contains(from.number()) && !touched_nodes_.contains(to.number()) &&
         !touched_pairs_.contains(std::minmax(from.number(), to.number()));
}

void Scenario::build() {
  static constexpr std::array kSpans{Duration(3ms), Duration(30ms), Duration(300ms), Duration(4s)};
  span_ = kSpans[below(kSpans.size())];
  faulty_ = chance(0.85);
  const std::uint64_t nodes = 2 + (chance(0.5) ? 0 : below(5));
  for (std::uint64_t k = 0, count = 3 + below(6); k < count; ++k) {
    const int size_class = k < 2 ? static_cast<int>(3 + below(3)) : static_cast<int>(below(6));
    kinds_.push_back(random_kind("t" + std::to_string(k), size_class, world_.random()));
  }
  for (std::uint64_t n = 0; n < nodes; ++n) {
    const std::uint64_t lanes = below(8);
    SimNode& node =
        world_.add_node({.rails = lanes == 0  ? std::vector<Lane>{}
                                  : lanes < 5 ? std::vector{Lane::kTcp}
                                  : lanes < 7 ? std::vector{Lane::kVerbs, Lane::kEfa}  // equally good: both carry
                                              : std::vector{Lane::kVerbs, Lane::kTcp, Lane::kEfa},
                         .never_full = chance(0.3),
                         .reads_at_post = chance(0.3),
                         .finishes_on_arrival = chance(0.3),
                         .virtual_addresses = chance(0.3),
                         .locked_bytes = lanes >= 5 && chance(0.3) ? 300'000 + below(12'000'000) : 0,
                         .landing_bytes = chance(0.2) ? 200'000 + below(3'000'000) : 0,
                         .staging_buffers = chance(0.3) ? 1 + static_cast<std::uint32_t>(below(3)) : 64});
    Manners& manners = node.manners();
    if (chance(0.5)) manners.landing_delay = up_to(span_ / 10);
    if (chance(0.5)) manners.prepare_delay = up_to(2ms);
    if (chance(0.5)) manners.decision_delay = up_to(span_ / 10);
    if (chance(0.5)) manners.keeps_landings = up_to(span_);
    if (chance(0.5)) manners.brings_memory = 0.5;
    publish_all(node);
  }
  connect_links();
}

void Scenario::connect_links() {
  for (std::size_t a = 0; a < world_.nodes(); ++a) {
    for (std::size_t b = 0; b < world_.nodes(); ++b) {
      lane::FakeLink link;
      link.latency = 5us + up_to(chance(0.3) ? 3ms : 50us);
      link.jitter = chance(0.5) ? Duration{} : up_to(2 * link.latency);
      link.bytes_per_second = chance(0.5) ? 2e9 : 1e8 + static_cast<double>(below(1'000'000'000));
      world_.network().set_link(static_cast<lane::FakeNode>(a), static_cast<lane::FakeNode>(b), link);
    }
  }
}

void Scenario::publish_all(SimNode& node) {
  std::vector<Content> contents;
  for (const TensorKind& kind : kinds_)
    if (chance(0.8)) contents.push_back(random_content(kind, world_.random()));
  node.publish(contents);
}

transfer::Bound Scenario::random_bound() {
  const std::uint64_t dice = below(10);
  if (dice < 2) return {.explicit_end = world_.now() + 50us + up_to(span_ / 4)};
  if (dice < 6) return {.explicit_end = world_.now() + 2s + up_to(6s)};
  return {};
}

void Scenario::maybe_cancel(SimNode& from, std::uint64_t cookie) {
  if (!chance(0.12)) return;
  world_.ledger().at(cookie).must_succeed = false;
  world_.after(up_to(chance(0.7) ? 3ms : span_), [this, &from, cookie] {
    if (from.alive() && !world_.network().is_stopped(from.number())) from.cancel(world_.ledger().at(cookie));
  });
}

PartSpec Scenario::random_part(const TensorKind& kind) {
  PartSpec part;
  const Shape& shape = kind.meta.shape;
  const std::int64_t rows = shape.rank() == 0 ? 0 : shape[0];
  if (rows < 2 || shape.rank() < 2) return part;
  const auto start = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(rows)));
  const auto stop = start + 1 + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(rows - start)));
  switch (below(4)) {
    case 0:
      part.kind = wire::PartKind::kSlice;
      part.ranges = {{.start = start, .stop = stop, .step = chance(0.3) ? 2 : 1}};
      if (chance(0.5))
        part.ranges.push_back({.start = 0, .stop = std::max<std::int64_t>(shape[1] / 4 * 2, 2), .step = 1});
      break;
    case 1:
      part.kind = wire::PartKind::kRowRuns;
      part.runs = {{.start = static_cast<std::uint64_t>(start), .count = static_cast<std::uint64_t>(stop - start)}};
      break;
    case 2:
      part.kind = wire::PartKind::kRowIndices;
      for (std::uint64_t n = 1 + below(8); n > 0; --n)
        part.indices.push_back(static_cast<std::uint32_t>(below(static_cast<std::uint64_t>(rows))));
      break;
    default:
      break;
  }
  return part;
}

/// Memory of the caller's own for each item: dense, padded between rows, or pages of a larger buffer in some order.
void Scenario::bring_memory(SimNode& from, PullSpec& spec, const std::vector<std::string>& names) {
  Call as_asked{.parts = spec.parts};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const TensorMeta meta = selection_of(kind_of(names[i]).meta, part_of(as_asked, i)).meta();
    const std::uint64_t bytes = meta.byte_size().value();
    transfer::Into into{.meta = meta};
    const bool by_rows = meta.shape.rank() == 2 && meta.shape[0] > 1 && bytes != 0 && meta.dtype != DType::kOpaque;
    if (by_rows && chance(0.6)) {
      TensorMeta buffer = meta;
      const bool pages = chance(0.5);
      if (pages)
        buffer.shape = Shape{2 * meta.shape[0], meta.shape[1]};
      else
        buffer.strides = Strides{meta.shape[1] + 16, 1};
      std::vector<std::uint32_t> rows;
      for (std::int64_t row = 0; row < meta.shape[0]; ++row)
        rows.push_back(static_cast<std::uint32_t>(2 * row + static_cast<std::int64_t>(below(2))));
      if (pages && chance(0.5)) std::reverse(rows.begin(), rows.end());
      into.selection = pages ? Selection::make_rows(buffer, 0, rows).value() : Selection::whole(buffer).value();
      into.size = buffer.extent_bytes().value();
    } else {
      into.size = bytes;
    }
    into.data = from.caller_memory(into.size);
    spec.into.push_back(std::move(into));
  }
}

void Scenario::pull(SimNode& from, SimNode& to) {
  PullSpec spec{.peer = to.id(), .bound = healed_ ? transfer::Bound{} : random_bound()};
  std::vector<std::string> names;
  bool certain = true;
  const bool by_handle = !handles_.empty() && chance(0.25) && !healed_;
  const std::uint64_t items = chance(0.6) ? 1 : 1 + below(4);
  for (std::uint64_t i = 0; i < items; ++i) {
    if (by_handle) {
      const std::uint64_t which = below(handles_.size());
      if (handles_[which].first != to.number()) continue;
      spec.handles.push_back(handles_[which].second);
      names.push_back(handle_names_[which]);
      certain = certain && handles_[which].second.incarnation == to.incarnation();
    } else {
      names.push_back(kinds_[below(kinds_.size())].name);
      spec.names.push_back(names.back());
    }
  }
  if (names.empty()) return;
  std::uint64_t bytes = 0;
  for (const std::string& name : names) {
    bytes += 2 * kind_of(name).bytes + 512 * 1024;
    certain = certain && kind_of(name).home != Home::kLent;
  }
  if (chance(0.3)) {
    if (items == 1 || chance(0.5))
      for (const std::string& name : names) spec.parts.push_back(random_part(kind_of(name)));
  }
  if (chance(0.35)) bring_memory(from, spec, names);
  if (chance(0.08)) {  // a lane by name, which may be absent or down
    static constexpr std::array kLanes{Lane::kTcp, Lane::kVerbs, Lane::kEfa};
    spec.lane = kLanes[below(kLanes.size())];
    certain = false;
  }
  if (by_handle && names.size() == 1 &&
      chance(0.7)) {  // the grant goes out with the request, mostly for the right size
    Call as_asked{.parts = spec.parts};
    spec.known_bytes = selection_of(kind_of(names[0]).meta, part_of(as_asked, 0)).bytes() + (chance(0.1) ? 64 : 0);
  }
  const bool hurried = spec.bound.explicit_end && *spec.bound.explicit_end < world_.now() + 2s;
  Call& call = from.pull(std::move(spec), names, bytes);
  call.must_succeed = plain(from, to) && certain && !hurried && !from.poor();
  maybe_cancel(from, world_.ledger().cookie_of_last());
}

void Scenario::push(SimNode& from, SimNode& to) {
  const TensorKind& kind = kinds_[below(kinds_.size())];
  transfer::PushSpec spec{.peer = to.id(), .bound = healed_ ? transfer::Bound{} : random_bound()};
  const bool hurried = spec.bound.explicit_end && *spec.bound.explicit_end < world_.now() + 2s;
  Call& call = from.push(std::move(spec), random_content(kind, world_.random()));
  call.must_succeed = plain(from, to) && !hurried && !to.poor();
  maybe_cancel(from, world_.ledger().cookie_of_last());
}

void Scenario::change_catalog(SimNode& node) {
  if (node.served().empty() || chance(0.7)) {
    std::vector<Content> contents;
    for (std::uint64_t n = 1 + below(3); n > 0; --n) {
      const TensorKind& kind = kinds_[below(kinds_.size())];
      const bool twice =
          std::any_of(contents.begin(), contents.end(), [&](const Content& x) { return x.kind.name == kind.name; });
      if (!twice) contents.push_back(random_content(kind, world_.random()));
    }
    node.publish(contents);
    return;
  }
  auto at = node.served().begin();
  std::advance(at, static_cast<std::ptrdiff_t>(below(node.served().size())));
  const std::string name = at->first;
  if (kind_of(name).home == Home::kLent)
    node.end_loan(name);
  else
    node.remove(name);
}

void Scenario::do_something() {
  SimNode& from = any_node();
  SimNode& to = world_.node((from.number() + 1 + below(world_.nodes() - 1)) % world_.nodes());
  if (!from.alive() || world_.network().is_stopped(from.number()) || from.core().shutting_down()) return;
  const std::uint64_t dice = below(100);
  if (dice < 55) return pull(from, to);
  if (dice < 75) return push(from, to);
  if (dice < 80) {
    from.list({.peer = to.id(), .pattern = "*", .bound = random_bound()});
  } else if (dice < 84) {
    from.ping({.peer = to.id(), .bound = random_bound()});
  } else if (dice < 94) {
    change_catalog(from);
  } else {
    for (const auto& [name, entry] : from.served()) {
      handles_.push_back(
          {from.number(), {.incarnation = from.incarnation(), .index = entry->index, .generation = entry->generation}});
      handle_names_.push_back(name);
    }
  }
}

void Scenario::schedule_calls() {
  for (std::uint64_t n = 6 + below(20); n > 0; --n) world_.after(up_to(span_), [this] { do_something(); });
}

/// Between every two nodes a pull and a push, which nothing stands in the way of.
void Scenario::last_round() {
  for (std::size_t a = 0; a < world_.nodes(); ++a) {
    for (std::size_t b = 0; b < world_.nodes(); ++b) {
      if (a == b) continue;
      pull(world_.node(a), world_.node(b));
      push(world_.node(a), world_.node(b));
    }
  }
}

ScenarioResult Scenario::run() {
  build();
  schedule_calls();
  if (faulty_) schedule_faults();
  world_.run_for(span_ + 200ms);
  if (world_.ledger().breaches().empty()) {
    heal();
    world_.run_for(5s);
    world_.run_calls(60s);
  }
  if (world_.ledger().breaches().empty()) {
    healed_ = true;
    touched_nodes_.clear();
    touched_pairs_.clear();
    last_round();
    world_.run_calls(60s);
    world_.run_for(4s);
    world_.ledger().close();
  }
  for (std::size_t n = 0; n < world_.nodes(); ++n) world_.node(n).last = {};
  if (world_.ledger().breaches().empty()) world_.check_settled();
  ScenarioResult result{.breaches = world_.ledger().breaches(), .calls = world_.ledger().calls().size()};
  for (const Call& call : world_.ledger().calls()) result.succeeded += call.ok ? 1 : 0;
  return result;
}

}  // namespace weft::sim
