#include <weft/nodes/c/target_ring.hpp>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <weft/nodes/c/open_grains.hpp>

namespace weft::c {
namespace {

constexpr std::uint64_t kLeastBatches = 4, kMostBatches = 64;

}  // namespace

Outcome<std::shared_ptr<TargetRing>> TargetRing::open(FabricsInstance& fabrics, SideConfig config, OnGrain on_grain) {
  WEFT_C_LET(auto node, fabrics.target_node(config));
  std::shared_ptr<TargetRing> ring(new TargetRing(std::move(config), std::move(node)));
  WEFT_C_LET(ring->ring_, ring->node_->take_ring(ring->config_.ring));
  WEFT_C_LET(TargetOptions options, ring->options(std::move(on_grain)));
  WEFT_C_LET(Target target, open_target(ring->node_->node(), std::move(options)));
  ring->target_.emplace(std::move(target));
  ring->info_ = ring->target_->info();
  if (ring->config_.access_key) {
    TargetInfo& info = ring->info_;
    WEFT_C_LET(info.token, ring->config_.access_key->cover(info.token, info.ticket.node, info.ring));
  }
  return ring;
}

TargetRing::~TargetRing() {
  target_.reset();
  if (!ring_.empty()) node_->give_ring(ring_);
}

Outcome<TargetOptions> TargetRing::options(OnGrain on_grain) {
  TargetOptions options;
  options.name = ring_;
  options.initiators = config_.initiators;
  const FlowFile* const flow = config_.regions->flow();
  samples_ = flow != nullptr && !flow->layout().discrete();
  WEFT_C_TRY(samples_ ? make_batches(options) : divide(options));
  if (on_grain) {
    if (samples_) return refuse(WEFT_ERR_INVALID_STATE, "samples are read, not called with");
    options.on_grain = [this, on_grain = std::move(on_grain)](const Grain& grain) { on_grain(shown(grain)); };
  }
  return options;
}

Outcome<void> TargetRing::divide(TargetOptions& options) {
  WEFT_C_LET(shape_, GrainShape::of(*config_.regions, config_.slices));
  options.slices = shape_.engine_slices();
  for (std::size_t i = 0; i != config_.regions->buffers().size(); ++i)
    options.slots.push_back(config_.regions->bytes(i));
  return {};
}

Outcome<void> TargetRing::make_batches(TargetOptions& options) {
  const FlowShape& flow = config_.regions->flow()->layout().shape();
  if (config_.sync_batch > flow.buffer_samples)
    return bad_argument(
        fmt::format("syncBatch is {}, and the flow's buffer has {}", config_.sync_batch, flow.buffer_samples));
  const std::uint64_t bytes = SampleBatch::bytes(flow, config_.sync_batch);
  const std::uint64_t count = std::clamp(flow.buffer_samples / config_.sync_batch, kLeastBatches, kMostBatches);
  batches_.resize(bytes * count);
  for (std::uint64_t i = 0; i != count; ++i) options.slots.push_back(std::span(batches_).subspan(i * bytes, bytes));
  shape_ = {.slices = 1, .unit_bytes = bytes, .grain_bytes = bytes};
  return {};
}

Outcome<Grain> TargetRing::next(std::uint32_t timeout_ms) {
  if (auto grain = target_->try_read()) return *grain;
  if (timeout_ms == 0) return refuse(WEFT_ERR_NOT_READY, "no grain waits");
  auto grain = target_->read(std::chrono::milliseconds(timeout_ms));
  if (grain) return *grain;
  if (grain.error().kind() == ErrorClass::kDeadlineExceeded)
    return refuse(WEFT_ERR_NOT_READY, fmt::format("no grain came in {} ms", timeout_ms));
  return std::unexpected(Fault(std::move(grain).error()));
}

void TargetRing::let_go(const Grain& grain) {
  // One of which more comes is not held.
  if (grain.complete) static_cast<void>(target_->release(grain.slot));
}

Outcome<weftFabricsGrain> TargetRing::read(std::uint32_t timeout_ms) {
  std::optional<Held> before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(held_, std::nullopt);
  }
  if (before) let_go(before->grain);
  WEFT_C_LET(const Grain grain, next(timeout_ms));
  const weftFabricsGrain seen = shown(grain);
  std::optional<Held> raced;
  {
    const std::lock_guard lock(mutex_);
    raced = std::exchange(held_, Held{.grain = grain, .seen = seen});
  }
  if (raced) let_go(raced->grain);  // two threads read at once: each read ends the other's
  return seen;
}

Outcome<SampleBatch> TargetRing::read_samples(std::uint32_t timeout_ms) {
  WEFT_C_LET(const Grain grain, next(timeout_ms));
  auto batch = SampleBatch::unpack(grain.data, *config_.regions->flow());
  let_go(grain);
  return batch;
}

Outcome<weftFabricsGrain> TargetRing::held(std::uint64_t index) const {
  const std::lock_guard lock(mutex_);
  if (!held_ || held_->grain.index != index)
    return refuse(WEFT_ERR_NOT_FOUND, fmt::format("grain {} is not the one that was read last, or is released", index));
  return held_->seen;
}

Outcome<void> TargetRing::release(std::uint64_t index) {
  WEFT_C_TRY(held(index));
  std::optional<Held> before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(held_, std::nullopt);
  }
  if (before) let_go(before->grain);
  return {};
}

weftFabricsGrain TargetRing::shown(const Grain& grain) const {
  const FlowFile* const flow = config_.regions->flow();
  const bool of_flow = flow != nullptr && flow->layout().discrete();
  bool invalid = grain.invalid;
  if (of_flow && !invalid && grain.valid_slices >= shape_.header_units) {
    const FlowGrainHeader& arrived = flow->grain(grain.slot);
    // Its sender's flow was written over before it went: what lies here is another grain.
    invalid = arrived.magic == kGrainMagic && arrived.index != grain.index;
  }
  const std::uint32_t valid = invalid ? 0 : shape_.whole_slices(grain.valid_slices);
  // Another's header stays as it is until the last of its slices: the others bring none.
  if (of_flow && (!invalid || grain.complete)) {
    // The index is the notification's, the slices are counted: what travelled in the header is the sender's own view.
    FlowGrainHeader& header = flow->grain(grain.slot);
    header.magic = kGrainMagic;
    header.index = grain.index;
    header.total_slices = shape_.slices;
    header.valid_slices = valid;
    header.grain_bytes = flow->layout().shape().grain_bytes;
    if (invalid) header.flags |= WEFT_GRAIN_FLAG_INVALID;
  }
  return {.structSize = sizeof(weftFabricsGrain),
          .index = grain.index,
          .slot = grain.slot,
          .validSlices = valid,
          .invalid = invalid,
          .complete = grain.complete,
          .data = grain.data.data(),
          .size = invalid ? 0 : grain.data.size()};
}

}  // namespace weft::c
