#include "reordering.hpp"

#include <rdma/fi_errno.h>

#include <algorithm>
#include <array>

namespace weft::fabric::test {
namespace {

/// After so many reads in a row that found nothing, nothing is left that could overtake what is held.
constexpr std::uint32_t kIdleReads = 128;
/// So many looks at queues after what overtakes a write has been told, it goes: who was told has acted upon it by then.
constexpr std::uint32_t kLooks = 8;

bool is(const fi_cq_data_entry& entry, ReorderPlan::What what) {
  const bool arrived = (entry.flags & FI_REMOTE_CQ_DATA) != 0;
  if (what == ReorderPlan::What::kArrived) return arrived;
  return what == ReorderPlan::What::kSent && !arrived && (entry.flags & FI_WRITE) != 0;
}

}  // namespace

bool Reordering::is_meant(ReorderPlan::What what) {
  if (what != plan_.what) return false;
  const std::uint64_t number = counted_++;
  const bool meant =
      number == plan_.nth || (plan_.every != 0 && number > plan_.nth && (number - plan_.nth) % plan_.every == 0);
  reached_ = reached_ || meant;
  return meant;
}

bool Reordering::holds(fid_ep* endpoint, const fi_msg_rma& message, std::uint64_t flags) {
  if (!is_meant(ReorderPlan::What::kData)) return false;
  Write held{.endpoint = endpoint,
             .from = {message.msg_iov, message.msg_iov + message.iov_count},
             .descriptors = {},
             .to = {message.rma_iov, message.rma_iov + message.rma_iov_count},
             .message = message,
             .flags = flags,
             .until = arrivals_ + plan_.past,
             .looks_left = kLooks};
  if (message.desc != nullptr) held.descriptors.assign(message.desc, message.desc + message.iov_count);
  writes_.push_back(std::move(held));
  return true;
}

void Reordering::let_writes_go(bool all) {
  for (std::size_t i = writes_.size(); i-- > 0;) {
    Write& held = writes_[i];
    if (!all && held.looks_left > 0) continue;
    held.message.msg_iov = held.from.data();
    held.message.desc = held.descriptors.empty() ? nullptr : held.descriptors.data();
    held.message.rma_iov = held.to.data();
    if (write_(held.endpoint, &held.message, held.flags) == -FI_EAGAIN) continue;
    writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Reordering::looked() {
  for (Write& held : writes_)
    if (held.until <= arrivals_ && held.looks_left > 0) --held.looks_left;
}

void Reordering::let_completions_go(Queue& queue, bool all) {
  for (std::size_t i = queue.held.size(); i-- > 0;) {
    if (!all && queue.held[i].until > queue.passed) continue;
    queue.ready.push_back(queue.held[i].entry);
    queue.held.erase(queue.held.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

ssize_t Reordering::read(fid_cq* queue, fi_cq_data_entry* entries, std::size_t count, const ReadNow& real) {
  Queue& mine = queues_[queue];
  let_writes_go(false);
  std::array<fi_cq_data_entry, 64> batch;
  const ssize_t got = real(batch.data(), std::min(batch.size(), count));
  for (ssize_t i = 0; i < got; ++i) {
    const fi_cq_data_entry& entry = batch[static_cast<std::size_t>(i)];
    if (is(entry, plan_.what) && is_meant(plan_.what)) {
      mine.held.push_back({entry, mine.passed + plan_.past});
      continue;
    }
    mine.ready.push_back(entry);
    ++mine.passed;
  }
  let_completions_go(mine, false);
  idle_reads_ = got > 0 ? 0 : idle_reads_ + 1;
  if (idle_reads_ >= kIdleReads) {
    idle_reads_ = 0;
    let_writes_go(true);
    let_completions_go(mine, true);
    for (auto& [other, its] : queues_) let_completions_go(its, true);
  }
  std::size_t given = 0;
  for (; given < count && !mine.ready.empty(); ++given) {
    entries[given] = mine.ready.front();
    mine.ready.pop_front();
    arrivals_ += is(entries[given], ReorderPlan::What::kArrived) ? 1 : 0;
  }
  if (given > 0) return static_cast<ssize_t>(given);
  looked();
  return got > 0 ? -FI_EAGAIN : got;
}

void Reordering::closes(fid* object) {
  if (object->fclass == FI_CLASS_CQ) queues_.erase(reinterpret_cast<fid_cq*>(object));
  if (object->fclass != FI_CLASS_EP) return;
  std::erase_if(writes_, [&](const Write& held) { return &held.endpoint->fid == object; });
  for (auto& [queue, its] : queues_) let_completions_go(its, true);
}

bool Reordering::is_awake() const noexcept {
  return !writes_.empty() || std::ranges::any_of(queues_, [](const auto& each) {
    return !each.second.held.empty() || !each.second.ready.empty();
  });
}

}  // namespace weft::fabric::test
