#include <algorithm>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/node_state.hpp>
#include <weft/nodes/requests.hpp>
#include <weft/transfer/entry.hpp>

/// What a node asks of its peers.
namespace weft::detail {
namespace {

/// The caller's own memory, where it was given. Dense: what comes lies in its first bytes, whatever its own shape says.
struct Place {
  MutableTensorView into{};
  bool dense = false;
};

std::vector<Place> places_of(const transfer::PullSpec& spec, std::vector<MutableTensorView> into) {
  std::vector<Place> places;
  places.reserve(into.size());
  for (std::size_t i = 0; i < into.size(); ++i)
    places.push_back({.into = std::move(into[i]), .dense = i < spec.into.size() && !spec.into[i].selection});
  return places;
}

/// Tensors of one landing share its lease.
Result<Tensor> tensor_of(transfer::PulledItem& item, const transfer::Pulled& pulled, const KeepAlive& lease,
                         std::byte* landing, const Place* place, bool whole) {
  if (item.error) return fail(std::move(*item.error));
  Tensor::Parts parts{.name = std::move(item.name),
                      .generation = item.generation,
                      .digest = item.digest,
                      .lane = pulled.lane,
                      .from = pulled.from,
                      .index = item.index,
                      .incarnation = pulled.incarnation,
                      .whole = whole};
  if (place != nullptr && place->into.given()) {
    parts.view = place->into;
    if (place->dense) {
      WEFT_LET(parts.view, TensorView::make(item.meta, place->into.data()));
    }
    return Tensor(std::move(parts));
  }
  auto view = TensorView::make(item.meta, landing == nullptr ? nullptr : landing + item.offset);
  if (!view) return std::unexpected(std::move(view).error());
  parts.view = std::move(*view);
  parts.lease = lease;
  return Tensor(std::move(parts));
}

std::vector<Result<Tensor>> tensors_of(transfer::Outcome&& outcome, const std::vector<Place>& places, bool whole) {
  auto& pulled = std::get<transfer::Pulled>(outcome.result);
  auto landing = std::make_shared<memory::Landing>(std::move(pulled.landing));
  std::byte* data = landing->data();
  const KeepAlive lease = std::move(landing);
  std::vector<Result<Tensor>> all;
  all.reserve(pulled.items.size());
  for (std::size_t i = 0; i < pulled.items.size(); ++i)
    all.push_back(tensor_of(pulled.items[i], pulled, lease, data, i < places.size() ? &places[i] : nullptr, whole));
  return all;
}

Entry entry_of(const transfer::ListedEntry& listed) {
  return {.name = listed.name, .meta = listed.meta, .bytes = listed.bytes, .generation = listed.generation};
}

std::vector<Entry> local_entries(const transfer::Catalog& catalog, const std::string& pattern) {
  std::vector<Entry> all;
  for (const auto& entry : catalog.snapshot()->list(pattern, {}, 0))
    all.push_back(
        {.name = entry->name, .meta = entry->whole->meta(), .bytes = entry->bytes, .generation = entry->generation});
  return all;
}

}  // namespace

void NodeState::note_rate(const transfer::Pulled& pulled, TimePoint started) {
  std::uint64_t bytes = 0;
  for (const auto& item : pulled.items) bytes += item.error ? 0 : item.bytes;
  rates_.note(pulled.from, pulled.incarnation, pulled.lane, bytes, Clock::now() - started);
}

Future<Tensor> NodeState::get(const Peer& peer, transfer::PullSpec spec, MutableTensorView into,
                              ProgressFn on_progress) {
  if (auto usable = peer.check(); !usable) return Future<Tensor>::failed(usable.error());
  if (is_stopped()) return Future<Tensor>::failed(stopped());
  spec.peer = peer.ticket()->node;
  const bool whole = spec.parts.empty();
  if (is_self(*peer.ticket())) {
    auto all = get_many_local(spec, {std::move(into)});
    return all.front() ? Future<Tensor>::of(std::move(*all.front())) : Future<Tensor>::failed(all.front().error());
  }
  auto places = places_of(spec, {std::move(into)});
  return call<Tensor>(
      *peer.ticket(), std::move(on_progress),
      [spec = std::move(spec)](transfer::Core& core, std::uint64_t cookie, TimePoint now) mutable {
        spec.cookie = cookie;
        return core.pull(std::move(spec), now);
      },
      [this, started = Clock::now(), places = std::move(places), whole](transfer::Outcome&& outcome) -> Result<Tensor> {
        note_rate(std::get<transfer::Pulled>(outcome.result), started);
        auto all = tensors_of(std::move(outcome), places, whole);
        return std::move(all.front());
      });
}

Future<std::vector<Result<Tensor>>> NodeState::get_many(const Peer& peer, Batch batch, ProgressFn on_progress) {
  using All = std::vector<Result<Tensor>>;
  if (auto usable = peer.check(); !usable) return Future<All>::failed(usable.error());
  if (is_stopped()) return Future<All>::failed(stopped());
  auto& spec = batch.spec;
  spec.peer = peer.ticket()->node;
  const bool whole = spec.parts.empty();
  if (spec.names.empty()) return Future<All>::of(merged({}, std::move(batch.refused)));
  if (is_self(*peer.ticket()))
    return Future<All>::of(merged(get_many_local(spec, batch.into), std::move(batch.refused)));
  auto places = places_of(spec, std::move(batch.into));
  return call<All>(
      *peer.ticket(), std::move(on_progress),
      [spec = std::move(spec)](transfer::Core& core, std::uint64_t cookie, TimePoint now) mutable {
        spec.cookie = cookie;
        return core.pull(std::move(spec), now);
      },
      [this, started = Clock::now(), places = std::move(places), whole,
       refused = std::move(batch.refused)](transfer::Outcome&& outcome) mutable -> Result<All> {
        note_rate(std::get<transfer::Pulled>(outcome.result), started);
        return merged(tensors_of(std::move(outcome), places, whole), std::move(refused));
      });
}

Future<std::vector<Entry>> NodeState::list(const Peer& peer, std::string pattern, Deadline deadline) {
  using All = std::vector<Entry>;
  if (auto usable = peer.check(); !usable) return Future<All>::failed(usable.error());
  if (is_stopped()) return Future<All>::failed(stopped());
  if (is_self(*peer.ticket())) return Future<All>::of(local_entries(catalog_, pattern));
  transfer::ListSpec spec{
      .peer = peer.ticket()->node, .pattern = std::move(pattern), .bound = {deadline.resolve(Clock::now())}};
  return call<All>(
      *peer.ticket(), {},
      [spec = std::move(spec)](transfer::Core& core, std::uint64_t cookie, TimePoint now) mutable {
        spec.cookie = cookie;
        return core.list(std::move(spec), now);
      },
      [](transfer::Outcome&& outcome) -> Result<All> {
        All all;
        for (const auto& listed : std::get<transfer::Listed>(outcome.result).entries) all.push_back(entry_of(listed));
        return all;
      });
}

Future<Receipt> NodeState::push(const Peer& peer, std::string name, const TensorView& view, PushOptions options) {
  if (auto usable = peer.check(); !usable) return Future<Receipt>::failed(usable.error());
  if (auto valid = check_name(name); !valid) return Future<Receipt>::failed(valid.error());
  if (auto valid = view.check(); !valid) return Future<Receipt>::failed(valid.error());
  if (!view.device().is_host())
    return Future<Receipt>::failed(
        Error(ErrorClass::kUnsupported, "push",
              "the tensor is on " + view.device().to_string() + "; only host memory is sent yet"));
  auto whole = Selection::whole(view.meta());
  if (!whole) return Future<Receipt>::failed(whole.error());
  auto entry = std::make_shared<transfer::Entry>();
  entry->name = std::move(name);
  entry->meta = view.meta();
  entry->bytes = view.byte_size();
  entry->whole = std::move(*whole);
  entry->generation = catalog_.draw();
  static const std::byte kNothing{};
  entry->data = view.data() == nullptr ? &kNothing : static_cast<const std::byte*>(view.data());
  transfer::PushSpec spec{.peer = peer.ticket()->node,
                          .entry = std::move(entry),
                          .bound = {options.deadline.resolve(Clock::now())},
                          .lane = options.lane,
                          .verify = options.verify == Verify::kLane ? wire::Verify::kLane : wire::Verify::kPieces,
                          .trace = options.trace.traceparent};
  const bool here = is_self(*peer.ticket());
  const TimePoint started = Clock::now();
  return call<Receipt>(
      *peer.ticket(), std::move(options.on_progress),
      [this, here, spec = std::move(spec)](transfer::Core& core, std::uint64_t cookie, TimePoint now) mutable {
        spec.cookie = cookie;
        return here ? loop_->push_here(std::move(spec), now) : core.push(std::move(spec), now);
      },
      [started](transfer::Outcome&& outcome) -> Result<Receipt> {
        const auto& pushed = std::get<transfer::Pushed>(outcome.result);
        return Receipt{.bytes = pushed.bytes,
                       .generation = pushed.generation,
                       .digest = pushed.digest,
                       .lane = pushed.lane,
                       .verified_pieces = pushed.verify == wire::Verify::kPieces,
                       .seconds = std::chrono::duration<double>(Clock::now() - started).count()};
      });
}

Future<PingReport> NodeState::ping(const Peer& peer, Deadline deadline) {
  if (auto usable = peer.check(); !usable) return Future<PingReport>::failed(usable.error());
  if (is_stopped()) return Future<PingReport>::failed(stopped());
  const NodeId node = peer.ticket()->node;
  if (is_self(*peer.ticket()))
    return Future<PingReport>::of(PingReport{.peer = host_name_ + " (" + node.short_string() + ")",
                                             .node = node,
                                             .incarnation = incarnation_,
                                             .version = wire::kVersion,
                                             .address = "this node"});
  transfer::PingSpec spec{.peer = node, .bound = {deadline.resolve(Clock::now())}};
  const auto started = std::make_shared<TimePoint>();
  return call<PingReport>(
      *peer.ticket(), {},
      [spec, started](transfer::Core& core, std::uint64_t cookie, TimePoint now) mutable {
        spec.cookie = cookie;
        *started = Clock::now();
        return core.ping(spec, now);
      },
      [this, node, started](transfer::Outcome&& outcome) -> Result<PingReport> {
        const auto& pinged = std::get<transfer::Pinged>(outcome.result);
        // The core's times are those of its turns; a round trip is shorter than what a turn may take.
        PingReport report{.round_trip = Clock::now() - *started,
                          .skew = Duration(pinged.skew_ns),
                          .peer = pinged.host_name + " (" + node.short_string() + ")",
                          .node = node,
                          .incarnation = pinged.incarnation,
                          .version = pinged.version};
        if (const auto session = loop_->core().session_with(node)) report.address = loop_->session_address(*session);
        return report;
      });
}

Future<Plan> NodeState::explain(const Peer& peer, std::string name, Deadline deadline) {
  if (auto usable = peer.check(); !usable) return Future<Plan>::failed(usable.error());
  if (is_stopped()) return Future<Plan>::failed(stopped());
  if (is_self(*peer.ticket()))
    return Future<Plan>::of(Plan{
        .peer = "this node",
        .name = name,
        .same_host = true,
        .lanes = {{.lane = "local", .chosen = true, .usable = true, .verdict = "this very node: copied in memory"}}});
  const NodeId node = peer.ticket()->node;
  const bool plain = name.find_first_of("*?") == std::string::npos;
  transfer::ListSpec spec{.peer = node,
                          .pattern = name.empty() ? "?"
                                     : plain      ? name
                                                  : "*",
                          .bound = {deadline.resolve(Clock::now())}};
  return call<Plan>(
      *peer.ticket(), {},
      [spec = std::move(spec)](transfer::Core& core, std::uint64_t cookie, TimePoint now) mutable {
        spec.cookie = cookie;
        return core.list(std::move(spec), now);
      },
      [this, node, name](transfer::Outcome&& outcome) -> Result<Plan> {
        const auto& listed = std::get<transfer::Listed>(outcome.result);
        Plan plan{.peer = listed.host_name + " (" + node.short_string() + ")", .name = name};
        if (!name.empty()) {
          const auto found = std::find_if(listed.entries.begin(), listed.entries.end(),
                                          [&](const auto& entry) { return entry.name == name; });
          if (found == listed.entries.end())
            return fail(Error(ErrorClass::kNotFound, "explain", fmt::format("no tensor named \"{}\"", escaped(name)))
                            .with_name(name)
                            .with_peer(plan.peer)
                            .with_hint("weft ls TICKET lists what there is"));
          plan.bytes = found->bytes;
          plan.generation = found->generation;
        }
        const auto session = loop_->core().session_with(node);
        const auto info = session ? loop_->core().session(*session) : std::nullopt;
        if (info) fill_plan(plan, *info);
        return plan;
      });
}

}  // namespace weft::detail
