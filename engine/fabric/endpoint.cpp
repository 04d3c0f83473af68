#include <weft/fabric/endpoint.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/provider.hpp>
#include <weft/fabric/queue_wait.hpp>
#include <weft/fabric/random_bits.hpp>

namespace weft::fabric {
namespace {

std::unexpected<Error> wrong(const char* operation, const char* why) {
  return fail(ErrorClass::kInvalidArgument, operation, why);
}

Result<PostResult> outcome(ssize_t code, const char* operation) {
  if (code == 0) return PostResult::kPosted;
  if (code == -FI_EAGAIN) return PostResult::kAgain;
  return fail_code(static_cast<int>(code), operation);
}

struct Ranges {
  std::array<iovec, kMaxRanges> iov;
  std::array<void*, kMaxRanges> desc;
};

void fill(Ranges& into, std::span<const LocalRegion> from) noexcept {
  for (std::size_t i = 0; i < from.size(); ++i) {
    into.iov[i] = {reinterpret_cast<void*>(from[i].addr), from[i].len};
    into.desc[i] = from[i].desc;
  }
}

WriteLimits limits_of(FabricInfoView info) noexcept {
  return {.gather = std::clamp<std::size_t>(info.tx_iov_limit(), 1, kMaxRanges),
          .scatter = std::clamp<std::size_t>(info.rma_iov_limit(), 1, kMaxRanges),
          .max_bytes = info.max_message_size(),
          .ordered = info.keeps_write_order(),
          .can_fence = info.can_fence()};
}

/// What to bind before closing, where the provider needs it (ProviderHabits::close_needs_vector).
Result<std::optional<AddressVector>> spare_vector(const Domain& domain, FabricInfoView info) {
  if (info.endpoint_type() != EndpointType::kReliableDatagram) return std::nullopt;
  WEFT_LET(const FabricVersion running, FabricVersion::running());
  if (!habits_of(info.provider_name(), running).close_needs_vector) return std::nullopt;
  WEFT_LET(AddressVector spare, AddressVector::open(domain, {.count = 1}));
  return spare;
}

Result<EndpointId> draw_id() {
  EndpointId id = 0;
  while (id == 0) {
    WEFT_LET(id, random_bits());
  }
  return id;
}

}  // namespace

void Endpoint::BindTraits::close(const Handle& handle) noexcept { fi_ep_bind(handle.endpoint, handle.vector, 0); }

struct Endpoint::Operation {
  std::span<const LocalRegion> local;
  std::span<const RemoteRegion> remote;
  std::uint64_t flags;
  PeerHandle to;
  std::uint64_t data;
  void* context;
};

Result<Endpoint> Endpoint::create(const Domain& domain, FabricInfoView info) {
  WEFT_LET(const EndpointId id, draw_id());
  auto owned = std::make_unique<OwnedEndpoint>();
  owned->keeps[0] = domain.shared();
  WEFT_LET(const std::optional<AddressVector> spare, spare_vector(domain, info));
  fid_ep* opened = nullptr;
  // Without a copy: the handle of a connection request in `info` is taken over.
  if (int code = fi_endpoint(domain.raw(), const_cast<fi_info*>(info.raw()), &opened, reinterpret_cast<void*>(id));
      code != 0)
    return fail_code(code, "fi_endpoint");
  owned->handle.reset(opened);
  if (spare) {
    owned->keeps[3] = spare->shared();
    owned->unbound.reset({opened, spare->fid()});
  }
  return Endpoint{std::move(owned), id, limits_of(info)};
}

Result<void> Endpoint::bind(const EventQueue& queue) {
  if (owned_->keeps[1] != nullptr) return wrong("fi_ep_bind", "it has an event queue already");
  if (int code = fi_ep_bind(raw(), queue.fid(), 0); code != 0) return fail_code(code, "fi_ep_bind");
  owned_->keeps[1] = queue.shared();
  events_ = queue;
  return {};
}

Result<void> Endpoint::bind(const CompletionQueue& queue) {
  if (owned_->keeps[2] != nullptr) return wrong("fi_ep_bind", "it has a completion queue already");
  if (int code = fi_ep_bind(raw(), queue.fid(), FI_TRANSMIT | FI_RECV); code != 0) return fail_code(code, "fi_ep_bind");
  owned_->keeps[2] = queue.shared();
  completions_ = queue;
  return {};
}

Result<void> Endpoint::bind(const AddressVector& vector) {
  if (vector_) return wrong("fi_ep_bind", "it has an address vector already");
  if (int code = fi_ep_bind(raw(), vector.fid(), 0); code != 0) return fail_code(code, "fi_ep_bind");
  static_cast<void>(owned_->unbound.release());
  vector_ = true;
  owned_->keeps[3] = vector.shared();
  return {};
}

Result<void> Endpoint::enable() {
  if (int code = fi_enable(raw()); code != 0) return fail_code(code, "fi_enable");
  enabled_ = true;
  return {};
}

Result<void> Endpoint::connect(const FabricAddress& to, std::span<const std::byte> data) {
  if (int code = fi_connect(raw(), to.raw().data(), data.data(), data.size()); code != 0)
    return fail_code(code, "fi_connect", to.to_string());
  return {};
}

Result<void> Endpoint::accept(std::span<const std::byte> data) {
  if (int code = fi_accept(raw(), data.data(), data.size()); code != 0) return fail_code(code, "fi_accept");
  return {};
}

Result<void> Endpoint::shutdown() {
  if (int code = fi_shutdown(raw(), 0); code != 0) return fail_code(code, "fi_shutdown");
  return {};
}

Result<PostResult> Endpoint::post(const Operation& operation) {
  if (!enabled_ || raw() == nullptr) return wrong("fi_writemsg", "the endpoint is not enabled, or closed");
  if (operation.local.size() > kMaxRanges || operation.remote.size() > kMaxRanges)
    return wrong("fi_writemsg", "too many ranges");
  Ranges from;
  fill(from, operation.local);
  std::array<fi_rma_iov, kMaxRanges> to;
  std::size_t count = 0;
  for (const RemoteRegion& range : operation.remote) to[count++] = {range.addr, range.len, range.rkey};
  fi_msg_rma message{};
  message.msg_iov = from.iov.data();
  message.desc = from.desc.data();
  message.iov_count = operation.local.size();
  message.addr = operation.to;
  message.rma_iov = to.data();
  message.rma_iov_count = count;
  message.context = operation.context;
  message.data = operation.data;
  return outcome(fi_writemsg(raw(), &message, FI_COMPLETION | operation.flags), "fi_writemsg");
}

Result<PostResult> Endpoint::write(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote,
                                   std::optional<std::uint32_t> immediate, void* context) {
  return post({local, remote, immediate ? FI_REMOTE_CQ_DATA : 0, kConnectedPeer, immediate.value_or(0), context});
}

Result<PostResult> Endpoint::write(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote,
                                   const WriteOptions& options) {
  const std::uint64_t flags = (options.immediate ? FI_REMOTE_CQ_DATA : 0) |
                              (options.delivered ? FI_DELIVERY_COMPLETE : 0) | (options.fence ? FI_FENCE : 0);
  void* context = options.context != nullptr ? options.context : reinterpret_cast<void*>(id_);
  return post({local, remote, flags, options.to, options.immediate.value_or(0), context});
}

Result<PostResult> Endpoint::write(const LocalRegion& local, const RemoteRegion& remote, PeerHandle to,
                                   std::optional<std::uint32_t> immediate) {
  if (local.len > remote.len) return wrong("fi_writemsg", "the remote region is smaller than the local one");
  const RemoteRegion front{remote.addr, local.len, remote.rkey};
  return write(std::span{&local, 1}, std::span{&front, 1}, WriteOptions{.to = to, .immediate = immediate});
}

Result<GroupWrite> Endpoint::write(const LocalRegionGroup& local, const RemoteRegion& remote, PeerHandle to,
                                   std::optional<std::uint32_t> immediate) {
  WEFT_LET(GroupWrite write, GroupWrite::of(local, remote, {.to = to, .immediate = immediate}));
  WEFT_TRY(write.post(*this));
  return write;
}

Result<GroupWrite> Endpoint::write(const LocalRegionGroup& local, const RemoteRegionGroup& remote, PeerHandle to,
                                   std::optional<std::uint32_t> immediate) {
  WEFT_LET(GroupWrite write, GroupWrite::of(local, remote, {.to = to, .immediate = immediate}));
  WEFT_TRY(write.post(*this));
  return write;
}

Result<PostResult> Endpoint::send(std::span<const LocalRegion> local, void* context, PeerHandle to) {
  if (!enabled_ || raw() == nullptr) return wrong("fi_sendv", "the endpoint is not enabled, or closed");
  if (local.size() > kMaxRanges) return wrong("fi_sendv", "too many ranges");
  Ranges from;
  fill(from, local);
  return outcome(fi_sendv(raw(), from.iov.data(), from.desc.data(), local.size(), to, context), "fi_sendv");
}

Result<PostResult> Endpoint::send(std::span<const LocalRegion> local, std::uint32_t immediate, void* context) {
  if (!enabled_ || raw() == nullptr) return wrong("fi_sendmsg", "the endpoint is not enabled, or closed");
  if (local.size() > kMaxRanges) return wrong("fi_sendmsg", "too many ranges");
  Ranges from;
  fill(from, local);
  fi_msg message{};
  message.msg_iov = from.iov.data();
  message.desc = local.empty() ? nullptr : from.desc.data();  // verbs looks at the first, though there be none
  message.iov_count = local.size();
  message.addr = kConnectedPeer;
  message.context = context;
  message.data = immediate;
  return outcome(fi_sendmsg(raw(), &message, FI_COMPLETION | FI_REMOTE_CQ_DATA), "fi_sendmsg");
}

Result<PostResult> Endpoint::recv(LocalRegion local, void* context) {
  if (raw() == nullptr) return wrong("fi_recv", "the endpoint is closed");
  return outcome(fi_recv(raw(), reinterpret_cast<void*>(local.addr), local.len, local.desc, kConnectedPeer, context),
                 "fi_recv");
}

QueueEntries Endpoint::read_queues() {
  QueueEntries found;
  if (events_ && !held_) held_ = events_->read();
  if (completions_) found.first = completions_->read();
  if (!found.first) found.second = std::exchange(held_, std::nullopt);
  return found;
}

Result<QueueEntries> Endpoint::read_queues_blocking(Duration timeout) {
  if (!completions_ && !events_) return wrong("read_queues_blocking", "the endpoint is bound to no queue");
  QueueWait wait{completions_ ? &*completions_ : nullptr, events_ ? &*events_ : nullptr, timeout};
  while (true) {
    QueueEntries found = read_queues();
    if (found.first || found.second) return found;
    switch (wait.sleep()) {
      case QueueWait::End::kLook:
        break;
      case QueueWait::End::kTimeout:
        return found;
      case QueueWait::End::kInterrupted:
        if (completions_)
          found.first = CompletionError{nullptr, FI_EINTR, 0, "a signal"};
        else
          found.second = EventError{nullptr, FI_EINTR, 0, "a signal"};
        return found;
    }
  }
}

Result<FabricAddress> Endpoint::local_address() const { return FabricAddress::from_fid(fid()); }

::fid* Endpoint::fid() const noexcept { return &raw()->fid; }

}  // namespace weft::fabric
