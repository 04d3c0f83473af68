#include <weft/fabric/completion_queue.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>

#include <algorithm>
#include <array>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/queue_wait.hpp>

namespace weft::fabric {
namespace {

constexpr std::size_t kBatch = 64;

Completion data_entry(const fi_cq_data_entry& entry) noexcept {
  return CompletionData{entry.op_context, entry.flags, entry.len, entry.data};
}

int open_raw(const Domain& domain, std::size_t size, Wait wait, fid_cq** opened) noexcept {
  fi_cq_attr attributes{};
  attributes.size = size;
  attributes.format = FI_CQ_FORMAT_DATA;
  attributes.wait_obj = wait == Wait::kDescriptor ? FI_WAIT_FD : FI_WAIT_NONE;
  return fi_cq_open(domain.raw(), &attributes, opened, nullptr);
}

}  // namespace

Result<CompletionQueue> CompletionQueue::open(const Domain& domain, const CompletionQueueOptions& options) {
  if (options.wait == Wait::kSet)
    return fail(ErrorClass::kInvalidArgument, "fi_cq_open", "a wait set is for event queues");
  auto owned = std::make_shared<Owned<fid_cq>>();
  owned->keeps[0] = domain.shared();
  const bool choose = options.wait == Wait::kAuto;
  Wait wait = choose ? QueueWait::completion_wait(domain.info()) : options.wait;
  fid_cq* opened = nullptr;
  int code = open_raw(domain, options.size, wait, &opened);
  const bool cannot_wait = code == -FI_ENOSYS || code == -FI_EINVAL || code == -FI_EOPNOTSUPP;
  if (choose && cannot_wait && wait != Wait::kNone) code = open_raw(domain, options.size, wait = Wait::kNone, &opened);
  if (code != 0) return fail_code(code, "fi_cq_open");
  owned->handle.reset(opened);
  return CompletionQueue{std::move(owned), domain.raw_fabric(), wait};
}

std::optional<Completion> CompletionQueue::read() {
  Completion one;
  if (read({&one, 1}) == 0) return std::nullopt;
  return one;
}

std::size_t CompletionQueue::read(std::span<Completion> into) {
  std::array<fi_cq_data_entry, kBatch> entries;
  std::size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t got = fi_cq_read(raw(), entries.data(), std::min(kBatch, into.size() - filled));
    if (got == -FI_EAGAIN || got == 0) break;
    if (got == -FI_EAVAIL) {
      into[filled++] = read_error();
      continue;
    }
    if (got < 0) {
      into[filled++] = CompletionError{nullptr, static_cast<int>(-got), 0, "fi_cq_read"};
      break;
    }
    for (ssize_t i = 0; i < got; ++i) into[filled++] = data_entry(entries[static_cast<std::size_t>(i)]);
  }
  return filled;
}

Completion CompletionQueue::read_error() {
  fi_cq_err_entry entry{};  // zeroed: err_data_size is an input
  const ssize_t got = fi_cq_readerr(raw(), &entry, 0);
  if (got < 0) return CompletionError{nullptr, static_cast<int>(-got), 0, "fi_cq_readerr"};
  std::array<char, 128> buffer{};
  const char* text = fi_cq_strerror(raw(), entry.prov_errno, entry.err_data, buffer.data(), buffer.size() - 1);
  return CompletionError{entry.op_context, entry.err, entry.prov_errno, text != nullptr ? text : ""};
}

std::optional<Completion> CompletionQueue::read_blocking(Duration timeout) {
  return QueueWait{this, nullptr, timeout}.read_of<CompletionError>(*this);
}

Result<int> CompletionQueue::descriptor() const {
  if (wait_ != Wait::kDescriptor)
    return fail(ErrorClass::kUnsupported, "fi_control", "the queue was opened without a wait object");
  int descriptor = -1;
  if (int code = fi_control(&raw()->fid, FI_GETWAIT, &descriptor); code != 0) return fail_code(code, "fi_control");
  return descriptor;
}

::fid* CompletionQueue::fid() const noexcept { return &raw()->fid; }

}  // namespace weft::fabric
