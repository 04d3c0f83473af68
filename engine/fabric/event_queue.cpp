#include <weft/fabric/event_queue.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>

#include <array>
#include <cstring>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/queue_wait.hpp>

namespace weft::fabric {
namespace {

// Connect data is at most 256 bytes; a peer that sends more than a reader has room for makes its read fail.
constexpr std::size_t kEntryBytes = sizeof(fi_eq_cm_entry) + 512;
struct alignas(fi_eq_cm_entry) EntryBuffer {
  std::array<std::byte, kEntryBytes> bytes;
};

std::optional<Event> event_of(std::uint32_t kind, const EntryBuffer& buffer, std::size_t size) {
  fi_eq_cm_entry entry{};
  std::memcpy(&entry, buffer.bytes.data(), std::min(size, sizeof entry));
  std::vector<std::byte> data;
  if (size > sizeof entry)
    data.assign(buffer.bytes.begin() + sizeof entry, buffer.bytes.begin() + static_cast<std::ptrdiff_t>(size));
  switch (kind) {
    case FI_CONNREQ:
      return ConnectionRequested{entry.fid, FabricInfo::own(entry.info), std::move(data)};
    case FI_CONNECTED:
      return Connected{entry.fid, std::move(data)};
    case FI_SHUTDOWN:
      return Shutdown{entry.fid};
    default:
      return std::nullopt;
  }
}

Event read_error(fid_eq* queue) {
  fi_eq_err_entry entry{};  // zeroed: err_data_size is an input
  const ssize_t got = fi_eq_readerr(queue, &entry, 0);
  if (got < 0) return EventError{nullptr, static_cast<int>(-got), 0, "fi_eq_readerr"};
  std::array<char, 128> text{};
  const char* provider = fi_eq_strerror(queue, entry.prov_errno, entry.err_data, text.data(), text.size() - 1);
  return EventError{entry.fid, std::abs(entry.err), entry.prov_errno, provider != nullptr ? provider : ""};
}

// libfabric 2 advises against wait sets; nothing else makes a queue of its `tcp` quiet again (provider.cpp).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
Result<SharedFid<fid_wait>> open_set(const Fabric& fabric) {
  auto set = std::make_shared<Owned<fid_wait>>();
  set->keeps[0] = fabric.shared();
  fi_wait_attr attributes{};
  attributes.wait_obj = FI_WAIT_FD;
  fid_wait* opened = nullptr;
  if (int code = fi_wait_open(fabric.raw(), &attributes, &opened); code != 0) return fail_code(code, "fi_wait_open");
  set->handle.reset(opened);
  return set;
}

/// Whether it is quiet again: nothing was left to look at.
bool reset_set(fid_wait* set) { return fi_wait(set, 0) == -FI_ETIMEDOUT; }
#pragma GCC diagnostic pop

}  // namespace

Result<EventQueue> EventQueue::open(const Fabric& fabric, const EventQueueOptions& options) {
  if (options.wait != Wait::kAuto) return open_with(fabric, options.size, options.wait);
  const Wait suits = QueueWait::event_wait(fabric.info());
  auto opened = open_with(fabric, options.size, suits);
  const bool cannot_wait = !opened && (opened.error().kind() == ErrorClass::kUnsupported ||
                                       opened.error().kind() == ErrorClass::kInvalidArgument);
  return cannot_wait && suits != Wait::kNone ? open_with(fabric, options.size, Wait::kNone) : std::move(opened);
}

Result<EventQueue> EventQueue::open_with(const Fabric& fabric, std::size_t size, Wait wait) {
  auto owned = std::make_shared<Owned<fid_eq>>();
  owned->keeps[0] = fabric.shared();
  fi_eq_attr attributes{};
  attributes.size = size;
  attributes.wait_obj = wait == Wait::kDescriptor ? FI_WAIT_FD : FI_WAIT_NONE;
  SharedFid<fid_wait> set;
  if (wait == Wait::kSet) {
    WEFT_LET(set, open_set(fabric));
    owned->keeps[1] = set;
    attributes.wait_obj = FI_WAIT_SET;
    attributes.wait_set = set->handle.get();
  }
  fid_eq* opened = nullptr;
  if (int code = fi_eq_open(fabric.raw(), &attributes, &opened, nullptr); code != 0)
    return fail_code(code, "fi_eq_open");
  owned->handle.reset(opened);
  return EventQueue{std::move(set), std::move(owned), fabric.raw(), wait};
}

std::optional<Event> EventQueue::read() {
  EntryBuffer buffer;
  while (true) {
    std::uint32_t kind = 0;
    const ssize_t got = fi_eq_read(raw(), &kind, buffer.bytes.data(), buffer.bytes.size(), 0);
    if (got == -FI_EAGAIN || got == 0) return std::nullopt;
    if (got == -FI_EAVAIL) return read_error(raw());
    if (got < 0) return EventError{nullptr, static_cast<int>(-got), 0, "fi_eq_read"};
    if (auto event = event_of(kind, buffer, static_cast<std::size_t>(got))) return event;
  }
}

std::optional<Event> EventQueue::read_blocking(Duration timeout) {
  return QueueWait{nullptr, this, timeout}.read_of<EventError>(*this);
}

Result<int> EventQueue::descriptor() const {
  int descriptor = -1;
  int code = -FI_ENOSYS;
  if (wait_ == Wait::kSet) code = fi_control(&set_->handle.get()->fid, FI_GETWAIT, &descriptor);
  if (wait_ == Wait::kDescriptor) code = fi_control(&raw()->fid, FI_GETWAIT, &descriptor);
  if (code != 0) return fail_code(code, "fi_control", "the queue has no descriptor to wait on");
  return descriptor;
}

bool EventQueue::reset_wait() { return reset_set(set_->handle.get()); }

::fid* EventQueue::fid() const noexcept { return &raw()->fid; }

}  // namespace weft::fabric
