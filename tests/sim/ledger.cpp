#include <tests/sim/ledger.hpp>

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

namespace weft::sim {

using transfer::PartSpec;

namespace {

constexpr Duration kGrace = std::chrono::milliseconds(250);

std::string name_of(const Call& call, std::uint64_t cookie) {
  static constexpr const char* kKinds[] = {"pull", "list", "push", "ping"};
  return fmt::format("{} #{} of {} by {}", kKinds[static_cast<int>(call.kind)], cookie, call.to, call.from);
}

}  // namespace

Selection selection_of(const TensorMeta& meta, const PartSpec* part) {
  if (part == nullptr || part->kind == wire::PartKind::kWhole) return Selection::whole(meta).value();
  if (part->kind == wire::PartKind::kSlice) {
    std::vector<Range> ranges;
    for (const auto& r : part->ranges) ranges.push_back({.start = r.start, .stop = r.stop, .step = r.step});
    return Selection::make(meta, Slice::of(ranges)).value();
  }
  if (part->kind == wire::PartKind::kRowIndices)
    return Selection::make_rows(meta, static_cast<int>(part->axis), part->indices).value();
  std::vector<RowRun> runs;
  for (const auto& r : part->runs) runs.push_back({.start = r.start, .count = r.count});
  return Selection::make_rows(meta, static_cast<int>(part->axis), runs).value();
}

const PartSpec* part_of(const Call& call, std::size_t i) {
  if (call.parts.empty()) return nullptr;
  return &call.parts[call.parts.size() == 1 ? 0 : i];
}

void Ledger::note(TimePoint now, const std::string& line) const {
  if (traced) fmt::print("{:>12} us  {}\n", (now.time_since_epoch() - std::chrono::hours(1)).count() / 1000, line);
}

void Ledger::breach(std::string what) {
  if (traced) fmt::print("BREACH {}\n", what);
  if (breaches_.size() < 20) breaches_.push_back(std::move(what));
}

void Ledger::published(const Incarnation& producer, Generation generation, const Content& content) {
  contents_[{producer, content.kind.name, generation.value}] = content;
}

void Ledger::snapshot(lane::FakeNode node, const Incarnation& producer, Names catalog, TimePoint now) {
  std::vector<Snapshot>& all = snapshots_[producer];
  if (all.empty()) lives_[node].push_back({.since = now, .incarnation = producer});
  all.push_back({.since = now, .catalog = std::move(catalog)});
}

const Content* Ledger::find(const Incarnation& producer, const std::string& name, Generation generation) const {
  const auto found = contents_.find({producer, name, generation.value});
  return found == contents_.end() ? nullptr : &found->second;
}

Call& Ledger::open(Call call) {
  Call& opened = calls_.emplace_back(std::move(call));
  if (traced)
    note(opened.opened,
         fmt::format("{}{}", name_of(opened, calls_.size()), opened.explicit_end == kNever ? "" : ", bounded"));
  return opened;
}

void Ledger::check_item(const Call& call, std::size_t i, const transfer::Pulled& pulled) {
  const transfer::PulledItem& item = pulled.items[i];
  if (i < call.handles.size() &&
      (call.handles[i].incarnation != pulled.incarnation || call.handles[i].generation != item.generation))
    return breach(fmt::format("N2: the handle of \"{}\" was answered with another generation or start", call.names[i]));
  const Content* content = find(pulled.incarnation, call.names[i], item.generation);
  if (content == nullptr)
    return breach(fmt::format("N1: \"{}\" generation {} was never published", call.names[i], item.generation.value));
  const Selection part = selection_of(content->kind.meta, part_of(call, i));
  if (item.bytes != part.bytes() || item.meta.shape != part.meta().shape || item.meta.dtype != part.meta().dtype)
    return breach(fmt::format("N1: \"{}\" has another shape or size than its part", call.names[i]));
  if (item.bytes == 0) return;
  const bool brought = i < call.into.size() && call.into[i].data != nullptr;
  const std::byte* dense = brought ? call.into[i].data : pulled.landing.data() + item.offset;
  bool same = true;
  if (brought && call.into[i].selection) {
    call.into[i].selection->for_each(0, item.bytes, [&](std::uint64_t at, std::uint64_t first, std::uint64_t length) {
      part.for_each(first, length, [&](std::uint64_t source, std::uint64_t position, std::uint64_t run) {
        same = same && std::memcmp(dense + at + (position - first), content->data() + source, run) == 0;
      });
    });
  } else {
    part.for_each(0, item.bytes, [&](std::uint64_t source, std::uint64_t position, std::uint64_t run) {
      same = same && std::memcmp(dense + position, content->data() + source, run) == 0;
    });
  }
  if (!same)
    breach(fmt::format("N1: \"{}\" generation {} came with other bytes", call.names[i], item.generation.value));
}

template <class Fits>
bool Ledger::some_snapshot(const Call& call, const Incarnation& producer, Fits&& fits) const {
  const auto found = snapshots_.find(producer);
  if (found == snapshots_.end()) return false;
  const std::vector<Snapshot>& all = found->second;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool over = i + 1 < all.size() && all[i + 1].since < call.opened;
    if (!over && all[i].since <= call.ended && fits(all[i].catalog)) return true;
  }
  return false;
}

/// One snapshot that was served meanwhile must explain every item of a batch, and what is not there as well.
void Ledger::check_one_snapshot(const Call& call, const transfer::Pulled& pulled) {
  const bool explained = some_snapshot(call, pulled.incarnation, [&](const Names& catalog) {
    for (std::size_t i = 0; i < pulled.items.size(); ++i) {
      const auto found = catalog.find(call.names[i]);
      const std::uint64_t there = found == catalog.end() ? 0 : found->second;
      const std::optional<Error>& error = pulled.items[i].error;
      if (!error && there != pulled.items[i].generation.value) return false;
      if (error && error->kind() == ErrorClass::kNotFound && there != 0) return false;
      if (error && error->kind() == ErrorClass::kStale &&
          (i >= call.handles.size() || call.handles[i].generation.value == there))
        return false;
    }
    return true;
  });
  if (!explained) breach("N2: no catalog that was served meanwhile explains this answer");
}

void Ledger::check_listed(const Call& call, const transfer::Listed& listed) {
  Names told;
  for (const transfer::ListedEntry& entry : listed.entries) {
    told[entry.name] = entry.generation.value;
    const Content* content = find(listed.incarnation, entry.name, entry.generation);
    if (content == nullptr || content->kind.bytes != entry.bytes)
      return breach(fmt::format("N1: \"{}\" is listed as it never was", entry.name));
  }
  if (told.size() != listed.entries.size()) return breach("N2: a listing names a tensor twice");
  if (!some_snapshot(call, listed.incarnation, [&](const Names& catalog) { return catalog == told; }))
    breach("N2: no catalog that was served meanwhile is what was listed");
}

/// Errors that nothing in a scenario can cause are false answers.
void Ledger::check_error(const Call& call, const Error& error) {
  switch (error.kind()) {
    case ErrorClass::kStale: {
      // As a whole: a reference to another start of the peer than one that ran meanwhile.
      const std::vector<Life>& lives = lives_[call.to];
      bool explained = false;
      for (std::size_t i = 0; i < lives.size(); ++i) {
        // The caller's session may be one with an earlier start for as long as that one's silence goes unnoticed.
        const bool over = i + 1 < lives.size() && lives[i + 1].since + std::chrono::seconds(4) < call.opened;
        if (over || lives[i].since > call.ended) continue;
        for (const transfer::HandleSpec& handle : call.handles)
          explained = explained || handle.incarnation != lives[i].incarnation;
      }
      if (!explained) breach("N2: a call was told Stale, and nothing it refers to is: " + error.to_string());
      break;
    }
    case ErrorClass::kUnsupported:
      if (call.lane != Lane::kAuto) break;
      [[fallthrough]];
    case ErrorClass::kNotFound:
    case ErrorClass::kExists:
    case ErrorClass::kForbidden:
    case ErrorClass::kUnauthenticated:
    case ErrorClass::kInvalidArgument:
    case ErrorClass::kInternal:
      breach("a call was told what nothing here can cause: " + error.to_string());
      break;
    default:
      break;
  }
}

void Ledger::check_pulled(const Call& call, const transfer::Pulled& pulled) {
  if (pulled.items.size() != call.names.size()) return breach("N2: an answer of another length than the request");
  for (std::size_t i = 0; i < pulled.items.size(); ++i)
    if (!pulled.items[i].error) check_item(call, i, pulled);
  check_one_snapshot(call, pulled);
}

void Ledger::finished(const transfer::Outcome& outcome, TimePoint now) {
  if (outcome.cookie == 0 || outcome.cookie > calls_.size()) return breach("N6: an outcome of no call");
  Call& call = at(outcome.cookie);
  const std::string label = name_of(call, outcome.cookie);
  if (++call.outcomes > 1) return breach("N6: a second outcome of " + label);
  call.ended = now;
  call.id = outcome.id;
  if (!call.unpunctual && call.explicit_end != kNever && now > call.explicit_end + kGrace)
    breach(fmt::format("N6: {} ended {} ms after its deadline", label, (now - call.explicit_end).count() / 1'000'000));
  const Duration owed = std::chrono::seconds(30 + call.most_bytes / (1024 * 1024)) + kGrace;
  if (!call.unpunctual && now > call.opened + owed)
    breach(fmt::format("N6: {} took {} ms", label, (now - call.opened).count() / 1'000'000));
  if (const auto* error = std::get_if<Error>(&outcome.result)) {
    call.may_have_arrived = error->may_have_arrived();
    call.error = error->to_string();
    check_error(call, *error);
  } else if (const auto* pulled = std::get_if<transfer::Pulled>(&outcome.result)) {
    call.ok = call.kind == Call::Kind::kPull;
    check_pulled(call, *pulled);
    for (const auto& item : pulled->items) {
      if (!item.error) continue;
      call.error = item.error->to_string();
      if (item.error->kind() != ErrorClass::kStale && item.error->kind() != ErrorClass::kNotFound)
        check_error(call, *item.error);
      call.ok = call.ok && (item.error->kind() == ErrorClass::kNotFound || item.error->kind() == ErrorClass::kStale);
    }
  } else if (const auto* listed = std::get_if<transfer::Listed>(&outcome.result)) {
    call.ok = call.kind == Call::Kind::kList;
    check_listed(call, *listed);
  } else if (std::holds_alternative<transfer::Pushed>(outcome.result)) {
    call.ok = call.kind == Call::Kind::kPush;
  } else if (std::holds_alternative<transfer::Pinged>(outcome.result)) {
    call.ok = call.kind == Call::Kind::kPing;
  } else {
    breach("N6: an outcome of another kind for " + label);
  }
  if (traced) note(now, fmt::format("  {}: {}", label, call.ok ? "ok" : call.error));
  if (call.must_succeed && !call.ok) breach(fmt::format("N10: {} had to succeed: {}", label, call.error));
}

void Ledger::received(const transfer::Outcome& outcome, const std::byte* into) {
  const auto& received = std::get<transfer::Received>(outcome.result);
  if (++deliveries_[received.id] > 1) breach("N4: a push was delivered twice");
  const transfer::PulledItem& item = received.item;
  const Content* content = find(received.id.opener, item.name, item.generation);
  if (content == nullptr) return breach(fmt::format("N1: \"{}\" was pushed by nobody", item.name));
  if (item.bytes != content->kind.bytes) return breach(fmt::format("N1: \"{}\" came with another size", item.name));
  if (item.bytes == 0) return;
  const std::byte* dense = into != nullptr ? into : received.landing.data() + item.offset;
  bool same = true;
  selection_of(content->kind.meta, nullptr)
      .for_each(0, item.bytes, [&](std::uint64_t source, std::uint64_t position, std::uint64_t run) {
        same = same && std::memcmp(dense + position, content->data() + source, run) == 0;
      });
  if (!same) breach(fmt::format("N1: the push of \"{}\" came with other bytes", item.name));
}

void Ledger::close() {
  for (std::uint64_t cookie = 1; cookie <= calls_.size(); ++cookie) {
    const Call& call = at(cookie);
    if (call.outcomes == 0 && !call.died) breach("N6: no outcome of " + name_of(call, cookie));
    if (call.kind != Call::Kind::kPush || call.outcomes == 0) continue;
    const auto found = deliveries_.find(call.id);
    const std::uint32_t times = found == deliveries_.end() ? 0 : found->second;
    if (call.ok && times != 1)
      breach(fmt::format("N3: {} was reported Ok and delivered {} times", name_of(call, cookie), times));
    if (!call.ok && !call.may_have_arrived && times != 0)
      breach(fmt::format("N3: {} was reported lost and is delivered: {}", name_of(call, cookie), call.error));
  }
}

}  // namespace weft::sim
