#include <weft/nodes/c/initiator_links.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include <weft/nodes/c/local_socket.hpp>
#include <weft/nodes/c/open_grains.hpp>

namespace weft::c {
namespace {

constexpr std::size_t kMostResults = 65536;
/// How long one wait for a result lasts at most: connecting targets have no event but a descriptor's, which would cost
/// every later result system calls.
constexpr std::chrono::milliseconds kLongestWait{5};

Lane lane_of(weftFabricsProvider provider) {
  switch (provider) {
    case WEFT_FABRICS_PROVIDER_VERBS:
      return Lane::kVerbs;
    case WEFT_FABRICS_PROVIDER_EFA:
      return Lane::kEfa;
    default:
      return Lane::kAuto;
  }
}

}  // namespace

Outcome<std::shared_ptr<InitiatorLinks>> InitiatorLinks::open(FabricsInstance& fabrics, SideConfig config) {
  WEFT_C_LET(auto node, fabrics.initiator_node(config));
  std::shared_ptr<InitiatorLinks> links(new InitiatorLinks(std::move(config), std::move(node)));
  WEFT_C_TRY(links->shape());
  InitiatorOptions options;
  if (links->config_.cq_depth) options.queue = *links->config_.cq_depth;
  options.lane = lane_of(links->config_.provider);
  if (links->source_)
    options.is_intact = [source = links->source_](std::uint64_t index) { return source->still_holds(index); };
  WEFT_C_LET(Initiator initiator, open_initiator(links->node_->node(), std::move(options)));
  links->initiator_.emplace(std::move(initiator));
  return links;
}

Outcome<void> InitiatorLinks::shape() {
  const FlowFile* const flow = config_.regions->flow();
  samples_ = flow != nullptr && !flow->layout().discrete();
  if (!samples_) {
    WEFT_C_LET(shape_, GrainShape::of(*config_.regions, config_.slices));
    if (flow != nullptr) source_ = std::make_shared<FlowSource>(config_.regions);
    return {};
  }
  const FlowShape& ring = flow->layout().shape();
  if (config_.sync_batch > ring.buffer_samples)
    return bad_argument(
        fmt::format("syncBatch is {}, and the flow's buffer has {}", config_.sync_batch, ring.buffer_samples));
  const std::uint64_t bytes = SampleBatch::bytes(ring, config_.sync_batch);
  shape_ = {.slices = 1, .unit_bytes = bytes, .grain_bytes = bytes};
  padding_.resize(bytes);
  return {};
}

Outcome<TargetInfo> InitiatorLinks::uncovered(const TargetInfo& info) const {
  TargetInfo open = info;
  if (config_.access_key) {
    WEFT_C_LET(open.token, config_.access_key->cover(info.token, info.ticket.node, info.ring));
  }
  return open;
}

/// Whether the provider can come to where the target listens.
Outcome<void> InitiatorLinks::reaches(const TargetInfo& info) const {
  const bool on_sockets = is_on_sockets(info.ticket);
  if (config_.provider == WEFT_FABRICS_PROVIDER_SHM && !on_sockets)
    return bad_argument("the target was not set up with the provider shm", "its provider, or any, at this end too");
  if (config_.provider != WEFT_FABRICS_PROVIDER_SHM && config_.provider != WEFT_FABRICS_PROVIDER_ANY && on_sockets)
    return bad_argument("the target was set up with the provider shm", "shm, or any, at this end too");
  return {};
}

Outcome<void> InitiatorLinks::add(const TargetInfo& info) {
  WEFT_C_TRY(reaches(info));
  if (info.grain_bytes != shape_.grain_bytes || info.slices != shape_.engine_slices())
    return bad_argument(fmt::format("the target's grains have {} bytes in {} parts, these regions {} in {}",
                                    info.grain_bytes, info.slices, shape_.grain_bytes, shape_.engine_slices()),
                        samples_ ? "the same sampleSize, channels and syncBatch at both ends"
                                 : "the same sizes and slices at both ends");
  WEFT_C_LET(const TargetInfo open, uncovered(info));
  const std::lock_guard lock(mutex_);
  WEFT_C_LET(const std::size_t number, initiator_->add_target(open));
  targets_[{info.ticket.node, info.token}] = number;
  return {};
}

Outcome<void> InitiatorLinks::remove(const TargetInfo& info) {
  WEFT_C_LET(const TargetInfo open, uncovered(info));
  const std::lock_guard lock(mutex_);
  WEFT_C_TRY(initiator_->remove_target(open));
  targets_.erase({info.ticket.node, info.token});
  return {};
}

Outcome<std::span<const std::byte>> InitiatorLinks::grain(std::uint64_t index) const {
  if (source_) return source_->grain(index);
  return config_.regions->bytes(index % config_.regions->buffers().size());
}

Outcome<void> InitiatorLinks::send(std::uint64_t index, std::optional<Slices> slices, const TargetInfo* only) {
  if (samples_) return refuse(WEFT_ERR_INVALID_STATE, "the flow has samples", "weftFabricsInitiatorTransferSamples");
  WEFT_C_LET(std::span<const std::byte> bytes, grain(index));
  SendOptions options;
  if (slices) {
    WEFT_C_LET(const GrainShape::Units units, shape_.units_of(slices->from, slices->to));
    if (slices->from == slices->to && slices->to != 0)
      return bad_argument(fmt::format("no slice lies in {} to {}", slices->from, slices->to),
                          "0 to 0 sends the header only");
    options.part = true;
    options.first_slice = units.first;
    options.last_slice = units.last;
    bytes = bytes.subspan(units.first * shape_.unit_bytes, (units.last - units.first) * shape_.unit_bytes);
  }
  const std::lock_guard lock(mutex_);
  drain();  // also where nobody takes results
  if (only != nullptr) {
    const auto found = targets_.find({only->ticket.node, only->token});
    if (found == targets_.end()) return refuse(WEFT_ERR_NOT_FOUND, "that target was not added");
    options.only = found->second;
  }
  auto under_way = initiator_->send(index, std::span(&bytes, bytes.empty() ? 0 : 1), options);
  if (!under_way) return std::unexpected(unsent(std::move(under_way).error(), options.only));
  return {};
}

/// Of a send that came to nothing: what keeps its targets, or that one, away.
Fault InitiatorLinks::unsent(Error error, std::optional<std::size_t> only) const {
  if (error.kind() != ErrorClass::kPeerUnreachable) return {std::move(error)};
  for (const auto& [name, number] : targets_) {
    if (only && *only != number) continue;
    if (auto why = initiator_->why(number)) return {WEFT_ERR_NOT_READY, std::move(*why)};
  }
  return {WEFT_ERR_NOT_READY, std::move(error)};
}

Outcome<void> InitiatorLinks::send_samples(const SampleBatch& batch) {
  if (!samples_) return refuse(WEFT_ERR_INVALID_STATE, "the regions have grains", "weftFabricsInitiatorTransferGrain");
  if (batch.count == 0 || batch.count > config_.sync_batch)
    return bad_argument(fmt::format("{} samples, and a transfer takes 1 to {}", batch.count, config_.sync_batch),
                        "the option syncBatch, the same at both ends");
  const FlowFile& flow = *config_.regions->flow();
  WEFT_C_TRY(flow.whole());
  WEFT_C_LET(const auto samples, batch.parts(flow));
  const std::lock_guard lock(mutex_);
  drain();  // also where nobody takes results
  const std::uint64_t number = next_batch_;
  Sent& sent = sent_[number];
  sent = {.head = batch.head, .header = batch.header(), .results_left = targets_.size()};
  std::vector<std::span<const std::byte>> parts{sent.header};
  std::uint64_t bytes = sent.header.size();
  for (const auto& part : samples) {
    parts.emplace_back(part);
    bytes += part.size();
  }
  if (bytes < shape_.grain_bytes) parts.push_back(std::span(padding_).first(shape_.grain_bytes - bytes));
  auto under_way = initiator_->send(number, parts);
  if (!under_way) {
    sent_.erase(number);
    return std::unexpected(unsent(std::move(under_way).error(), std::nullopt));
  }
  ++next_batch_;
  return {};
}

void InitiatorLinks::take(const GrainResult& result) {
  weftFabricsResult told{.structSize = 0,
                         .index = result.index,
                         .target = result.target,
                         .status = WEFT_STATUS_OK,
                         .mayHaveArrived = false};
  if (!result.result) {
    const Error& why = result.result.error();
    // Nothing else fails so here: the flow's writer has come round.
    told.status =
        source_ && why.kind() == ErrorClass::kIntegrityFailure ? WEFT_ERR_OUT_OF_RANGE_TOO_LATE : status_of(why);
    told.mayHaveArrived = result.result.error().may_have_arrived();
  }
  if (const auto batch = sent_.find(result.index); samples_ && batch != sent_.end()) {
    told.index = batch->second.head;
    if (--batch->second.results_left == 0) sent_.erase(batch);
  }
  if (results_.size() == kMostResults) results_.pop();
  results_.push(told);
}

void InitiatorLinks::drain() {
  while (const auto result = initiator_->next_result()) take(*result);
}

Outcome<weftFabricsResult> InitiatorLinks::next_result() {
  const std::lock_guard lock(mutex_);
  drain();
  if (results_.empty()) return refuse(WEFT_ERR_NOT_READY, "there is no result yet");
  return results_.pop();
}

bool InitiatorLinks::busy() const {
  if (initiator_->pending() != 0) return true;
  return std::any_of(targets_.begin(), targets_.end(), [this](const auto& target) {
    return initiator_->link(target.second) == TargetLink::kConnecting && !initiator_->was_connected(target.second);
  });
}

Outcome<void> InitiatorLinks::progress(std::uint32_t timeout_ms) {
  const TimePoint until = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    bool pending = false;
    {
      const std::lock_guard lock(mutex_);
      drain();
      if (!busy()) return {};
      pending = initiator_->pending() != 0;
    }
    const TimePoint now = Clock::now();
    if (now >= until) return refuse(WEFT_ERR_NOT_READY, "work is pending");
    const Duration most = std::min<Duration>(until - now, kLongestWait);
    if (!pending) {
      std::this_thread::sleep_for(most);
      continue;
    }
    if (const auto result = initiator_->wait_result(most)) {
      const std::lock_guard lock(mutex_);
      take(*result);
    } else if (result.error().kind() != ErrorClass::kDeadlineExceeded) {
      return std::unexpected(Fault(result.error()));
    }
  }
}

}  // namespace weft::c
