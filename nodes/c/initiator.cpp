#include <weft/nodes/c/initiator.hpp>

#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/target_info.hpp>

namespace weft::c {

void InitiatorObject::close() noexcept {
  std::shared_ptr<InitiatorLinks> links;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    links = std::exchange(links_, nullptr);
  }
  if (links) links->close();
}

Outcome<void> InitiatorObject::set_up(SideConfig config) {
  WEFT_C_LET(auto links, InitiatorLinks::open(*fabrics_, std::move(config)));
  std::shared_ptr<InitiatorLinks> before;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return refuse(WEFT_ERR_SHUTTING_DOWN, "the initiator was destroyed meanwhile");
    before = std::exchange(links_, std::move(links));
  }
  if (before) before->close();
  return {};
}

Outcome<std::shared_ptr<InitiatorLinks>> InitiatorObject::links() const {
  const std::lock_guard lock(mutex_);
  if (!links_) return refuse(WEFT_ERR_INVALID_STATE, "the initiator is not set up", "weftFabricsInitiatorSetup");
  return links_;
}

}  // namespace weft::c

using namespace weft::c;

namespace {

Outcome<std::shared_ptr<InitiatorLinks>> links_of(weftFabricsInitiator in_initiator) {
  WEFT_C_LET(const auto initiator, HandleTable::instance().find<InitiatorObject>(in_initiator));
  return initiator->links();
}

/// The links and the target info that a call names, both checked before either is used.
template <class Use>
Outcome<void> with_target(weftFabricsInitiator in_initiator, const weftTargetInfo in_info, Use use) {
  WEFT_C_LET(const auto initiator, HandleTable::instance().find<InitiatorObject>(in_initiator));
  WEFT_C_LET(const auto info, HandleTable::instance().find<InfoObject>(in_info));
  WEFT_C_LET(const auto links, initiator->links());
  return use(*links, info->info);
}

}  // namespace

weftStatus weftFabricsCreateInitiator(weftFabricsInstance in_fabricsInstance, weftFabricsInitiator* out_initiator) {
  return guarded("weftFabricsCreateInitiator", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_initiator));
    WEFT_C_LET(auto fabrics, HandleTable::instance().find<FabricsInstance>(in_fabricsInstance));
    return give(HandleTable::instance().add(std::make_shared<InitiatorObject>(std::move(fabrics)), in_fabricsInstance),
                out_initiator);
  });
}

weftStatus weftFabricsDestroyInitiator(weftFabricsInstance in_fabricsInstance, weftFabricsInitiator in_initiator) {
  return guarded("weftFabricsDestroyInitiator", [&]() -> Outcome<void> {
    HandleTable& table = HandleTable::instance();
    WEFT_C_TRY(table.find<FabricsInstance>(in_fabricsInstance));
    WEFT_C_TRY(table.find<InitiatorObject>(in_initiator));
    if (!table.is_child(in_initiator, in_fabricsInstance)) return bad_argument("the initiator is of another instance");
    return table.destroy<InitiatorObject>(in_initiator);
  });
}

weftStatus weftFabricsInitiatorSetup(weftFabricsInitiator in_initiator, const weftInitiatorConfig* in_config) {
  return guarded("weftFabricsInitiatorSetup", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_config));
    WEFT_C_LET(const auto initiator, HandleTable::instance().find<InitiatorObject>(in_initiator));
    WEFT_C_LET(SideConfig config, SideConfig::read(*in_config));
    return initiator->set_up(std::move(config));
  });
}

weftStatus weftFabricsInitiatorAddTarget(weftFabricsInitiator in_initiator, const weftTargetInfo in_info) {
  return guarded("weftFabricsInitiatorAddTarget", [&] {
    return with_target(in_initiator, in_info, [](auto& links, const auto& info) { return links.add(info); });
  });
}

weftStatus weftFabricsInitiatorRemoveTarget(weftFabricsInitiator in_initiator, const weftTargetInfo in_info) {
  return guarded("weftFabricsInitiatorRemoveTarget", [&] {
    return with_target(in_initiator, in_info, [](auto& links, const auto& info) { return links.remove(info); });
  });
}

weftStatus weftFabricsInitiatorTransferGrain(weftFabricsInitiator in_initiator, uint64_t in_index) {
  return guarded("weftFabricsInitiatorTransferGrain", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto links, links_of(in_initiator));
    return links->send(in_index, std::nullopt, nullptr);
  });
}

weftStatus weftFabricsInitiatorTransferGrainSlices(weftFabricsInitiator in_initiator, uint64_t in_index,
                                                   uint32_t in_from, uint32_t in_to) {
  return guarded("weftFabricsInitiatorTransferGrainSlices", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto links, links_of(in_initiator));
    return links->send(in_index, InitiatorLinks::Slices{.from = in_from, .to = in_to}, nullptr);
  });
}

weftStatus weftFabricsInitiatorTransferGrainToTarget(weftFabricsInitiator in_initiator, const weftTargetInfo in_info,
                                                     uint64_t in_index) {
  return guarded("weftFabricsInitiatorTransferGrainToTarget", [&] {
    return with_target(in_initiator, in_info,
                       [&](auto& links, const auto& info) { return links.send(in_index, std::nullopt, &info); });
  });
}

weftStatus weftFabricsInitiatorTransferSamples(weftFabricsInitiator in_initiator, uint64_t in_head, size_t in_count) {
  return guarded("weftFabricsInitiatorTransferSamples", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto links, links_of(in_initiator));
    return links->send_samples({.head = in_head, .count = in_count});
  });
}

weftStatus weftFabricsInitiatorNextResult(weftFabricsInitiator in_initiator, weftFabricsResult* out_result) {
  return guarded("weftFabricsInitiatorNextResult", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_result));
    WEFT_C_TRY(struct_in(out_result));  // before a result is taken
    WEFT_C_LET(const auto links, links_of(in_initiator));
    WEFT_C_LET(const weftFabricsResult result, links->next_result());
    return struct_out(result, out_result);
  });
}

weftStatus weftFabricsInitiatorMakeProgressNonBlocking(weftFabricsInitiator in_initiator) {
  return guarded("weftFabricsInitiatorMakeProgressNonBlocking", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto links, links_of(in_initiator));
    return links->progress(0);
  });
}

weftStatus weftFabricsInitiatorMakeProgressBlocking(weftFabricsInitiator in_initiator, uint16_t in_timeoutMs) {
  return guarded("weftFabricsInitiatorMakeProgressBlocking", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto links, links_of(in_initiator));
    return links->progress(in_timeoutMs);
  });
}
