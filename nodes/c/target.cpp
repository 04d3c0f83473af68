#include <weft/nodes/c/target.hpp>

#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/target_info.hpp>

namespace weft::c {

void TargetObject::close() noexcept {
  std::shared_ptr<TargetRing> ring;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ring = std::exchange(ring_, nullptr);
  }
  // Who waits in it is told; it goes when the last of them has left.
  if (ring) ring->close();
}

Outcome<TargetInfo> TargetObject::set_up(SideConfig config) {
  {
    const std::lock_guard lock(mutex_);
    if (setting_up_) return refuse(WEFT_ERR_INVALID_STATE, "another thread is setting the target up");
    setting_up_ = true;
  }
  struct Over {  // also when memory runs out
    TargetObject& target;
    ~Over() {
      const std::lock_guard lock(target.mutex_);
      target.setting_up_ = false;
    }
  } const over{*this};
  WEFT_C_LET(auto ring, open(std::move(config)));
  const std::lock_guard lock(mutex_);
  if (closed_) return refuse(WEFT_ERR_SHUTTING_DOWN, "the target was destroyed meanwhile");
  ring_ = ring;
  return ring->info();
}

Outcome<std::shared_ptr<TargetRing>> TargetObject::open(SideConfig config) {
  std::shared_ptr<TargetRing> before;
  TargetRing::OnGrain on_grain;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(ring_, nullptr);
    if (callback_ != nullptr)
      on_grain = [call = callback_, user = user_](const weftFabricsGrain& grain) { call(user, &grain); };
  }
  // The first set-up's port may be the second's.
  if (before) before->close();
  before.reset();
  return TargetRing::open(*fabrics_, std::move(config), std::move(on_grain));
}

Outcome<void> TargetObject::set_callback(weftFabricsGrainCallback callback, void* user) {
  const std::lock_guard lock(mutex_);
  if (ring_ || setting_up_)
    return refuse(WEFT_ERR_INVALID_STATE, ring_ ? "the target is set up already" : "the target is being set up",
                  "set the callback before");
  callback_ = callback;
  user_ = user;
  return {};
}

Outcome<std::shared_ptr<TargetRing>> TargetObject::ring() const {
  const std::lock_guard lock(mutex_);
  if (!ring_) return refuse(WEFT_ERR_INVALID_STATE, "the target is not set up", "weftFabricsTargetSetup");
  return ring_;
}

Outcome<std::shared_ptr<TargetRing>> TargetObject::readable(bool samples) const {
  WEFT_C_LET(auto ring, this->ring());
  if (ring->of_samples() != samples)
    return refuse(WEFT_ERR_INVALID_STATE, samples ? "the target receives grains" : "the target receives samples");
  const std::lock_guard lock(mutex_);
  if (callback_ != nullptr) return refuse(WEFT_ERR_INVALID_STATE, "a callback takes the grains");
  return ring;
}

}  // namespace weft::c

using namespace weft::c;

namespace {

Outcome<void> read_grain(weftFabricsTarget in_target, std::uint32_t timeout_ms, uint64_t* out_index) {
  WEFT_C_TRY(not_null(out_index));
  WEFT_C_LET(const auto target, HandleTable::instance().find<TargetObject>(in_target));
  WEFT_C_LET(const auto ring, target->readable(false));
  WEFT_C_LET(const weftFabricsGrain grain, ring->read(timeout_ms));
  *out_index = grain.index;
  return {};
}

Outcome<void> read_samples(weftFabricsTarget in_target, std::uint32_t timeout_ms, uint64_t* out_head,
                           size_t* out_count) {
  WEFT_C_TRY(not_null(out_head, out_count));
  WEFT_C_LET(const auto target, HandleTable::instance().find<TargetObject>(in_target));
  WEFT_C_LET(const auto ring, target->readable(true));
  WEFT_C_LET(const SampleBatch batch, ring->read_samples(timeout_ms));
  *out_head = batch.head;
  *out_count = batch.count;
  return {};
}

}  // namespace

weftStatus weftFabricsCreateTarget(weftFabricsInstance in_fabricsInstance, weftFabricsTarget* out_target) {
  return guarded("weftFabricsCreateTarget", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_target));
    WEFT_C_LET(auto fabrics, HandleTable::instance().find<FabricsInstance>(in_fabricsInstance));
    return give(HandleTable::instance().add(std::make_shared<TargetObject>(std::move(fabrics)), in_fabricsInstance),
                out_target);
  });
}

weftStatus weftFabricsDestroyTarget(weftFabricsInstance in_fabricsInstance, weftFabricsTarget in_target) {
  return guarded("weftFabricsDestroyTarget", [&]() -> Outcome<void> {
    HandleTable& table = HandleTable::instance();
    WEFT_C_TRY(table.find<FabricsInstance>(in_fabricsInstance));
    WEFT_C_TRY(table.find<TargetObject>(in_target));
    if (!table.is_child(in_target, in_fabricsInstance)) return bad_argument("the target is of another instance");
    return table.destroy<TargetObject>(in_target);
  });
}

weftStatus weftFabricsTargetSetGrainCallback(weftFabricsTarget in_target, weftFabricsGrainCallback in_callback,
                                             void* in_user) {
  return guarded("weftFabricsTargetSetGrainCallback", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto target, HandleTable::instance().find<TargetObject>(in_target));
    return target->set_callback(in_callback, in_user);
  });
}

weftStatus weftFabricsTargetSetup(weftFabricsTarget in_target, const weftTargetConfig* in_config,
                                  weftTargetInfo* out_info) {
  return guarded("weftFabricsTargetSetup", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_config, out_info));
    WEFT_C_LET(const auto target, HandleTable::instance().find<TargetObject>(in_target));
    WEFT_C_LET(SideConfig config, SideConfig::read(*in_config));
    WEFT_C_LET(weft::TargetInfo info, target->set_up(std::move(config)));
    return give(HandleTable::instance().add(std::make_shared<InfoObject>(std::move(info))), out_info);
  });
}

weftStatus weftFabricsTargetTryNewGrain(weftFabricsTarget in_target, uint64_t* out_index) {
  return guarded("weftFabricsTargetTryNewGrain", [&] { return read_grain(in_target, 0, out_index); });
}

weftStatus weftFabricsTargetWaitForNewGrain(weftFabricsTarget in_target, uint64_t* out_index, uint16_t in_timeoutMs) {
  return guarded("weftFabricsTargetWaitForNewGrain", [&] { return read_grain(in_target, in_timeoutMs, out_index); });
}

weftStatus weftFabricsTargetReadGrainNonBlocking(weftFabricsTarget in_target, uint64_t* out_index) {
  return guarded("weftFabricsTargetReadGrainNonBlocking", [&] { return read_grain(in_target, 0, out_index); });
}

weftStatus weftFabricsTargetReadGrain(weftFabricsTarget in_target, uint16_t in_timeoutMs, uint64_t* out_index) {
  return guarded("weftFabricsTargetReadGrain", [&] { return read_grain(in_target, in_timeoutMs, out_index); });
}

weftStatus weftFabricsTargetGetGrain(weftFabricsTarget in_target, uint64_t in_index, weftFabricsGrain* out_grain) {
  return guarded("weftFabricsTargetGetGrain", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_grain));
    WEFT_C_LET(const auto target, HandleTable::instance().find<TargetObject>(in_target));
    WEFT_C_LET(const auto ring, target->readable(false));
    WEFT_C_LET(const weftFabricsGrain grain, ring->held(in_index));
    return struct_out(grain, out_grain);
  });
}

weftStatus weftFabricsTargetReleaseGrain(weftFabricsTarget in_target, uint64_t in_index) {
  return guarded("weftFabricsTargetReleaseGrain", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto target, HandleTable::instance().find<TargetObject>(in_target));
    WEFT_C_LET(const auto ring, target->readable(false));
    return ring->release(in_index);
  });
}

weftStatus weftFabricsTargetReadSamplesNonBlocking(weftFabricsTarget in_target, uint64_t* out_head, size_t* out_count) {
  return guarded("weftFabricsTargetReadSamplesNonBlocking",
                 [&] { return read_samples(in_target, 0, out_head, out_count); });
}

weftStatus weftFabricsTargetReadSamples(weftFabricsTarget in_target, uint16_t in_timeoutMs, uint64_t* out_head,
                                        size_t* out_count) {
  return guarded("weftFabricsTargetReadSamples",
                 [&] { return read_samples(in_target, in_timeoutMs, out_head, out_count); });
}

weftStatus weftFabricsTargetEventFd(weftFabricsTarget in_target, int* out_fd) {
  return guarded("weftFabricsTargetEventFd", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_fd));
    WEFT_C_LET(const auto target, HandleTable::instance().find<TargetObject>(in_target));
    WEFT_C_LET(const auto ring, target->ring());
    *out_fd = ring->event_fd();
    return {};
  });
}
