#include <weft/fabric/endpoint.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include <sys/uio.h>

#include <array>

#include <weft/fabric/fabric_error.hpp>

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

}  // namespace

Result<Endpoint> Endpoint::open(const Domain& domain, FabricInfoView info) {
  auto owned = std::make_unique<Owned<fid_ep>>();
  owned->keeps[0] = domain.shared();
  fid_ep* opened = nullptr;
  // Without a copy: the handle of a connection request in `info` is taken over.
  if (int code = fi_endpoint(domain.raw(), const_cast<fi_info*>(info.raw()), &opened, nullptr); code != 0)
    return fail_code(code, "fi_endpoint");
  owned->handle.reset(opened);
  return Endpoint{std::move(owned)};
}

Result<void> Endpoint::bind(const EventQueue& queue) {
  if (owned_->keeps[1] != nullptr) return wrong("fi_ep_bind", "it has an event queue already");
  if (int code = fi_ep_bind(raw(), queue.id(), 0); code != 0) return fail_code(code, "fi_ep_bind");
  owned_->keeps[1] = queue.shared();
  return {};
}

Result<void> Endpoint::bind(const CompletionQueue& queue) {
  if (owned_->keeps[2] != nullptr) return wrong("fi_ep_bind", "it has a completion queue already");
  if (int code = fi_ep_bind(raw(), queue.id(), FI_TRANSMIT | FI_RECV); code != 0) return fail_code(code, "fi_ep_bind");
  owned_->keeps[2] = queue.shared();
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

Result<PostResult> Endpoint::write(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote,
                                   std::optional<std::uint32_t> immediate, void* context) {
  if (!enabled_ || raw() == nullptr) return wrong("fi_writemsg", "the endpoint is not enabled, or closed");
  if (local.size() > kMaxRanges || remote.size() > kMaxRanges) return wrong("fi_writemsg", "too many ranges");
  Ranges from;
  fill(from, local);
  std::array<fi_rma_iov, kMaxRanges> to;
  for (std::size_t i = 0; i < remote.size(); ++i) to[i] = {remote[i].addr, remote[i].len, remote[i].rkey};
  fi_msg_rma message{};
  message.msg_iov = from.iov.data();
  message.desc = from.desc.data();
  message.iov_count = local.size();
  message.rma_iov = to.data();
  message.rma_iov_count = remote.size();
  message.context = context;
  message.data = immediate.value_or(0);
  return outcome(fi_writemsg(raw(), &message, FI_COMPLETION | (immediate ? FI_REMOTE_CQ_DATA : 0)), "fi_writemsg");
}

Result<PostResult> Endpoint::send(std::span<const LocalRegion> local, void* context) {
  if (!enabled_ || raw() == nullptr) return wrong("fi_sendv", "the endpoint is not enabled, or closed");
  if (local.size() > kMaxRanges) return wrong("fi_sendv", "too many ranges");
  Ranges from;
  fill(from, local);
  return outcome(fi_sendv(raw(), from.iov.data(), from.desc.data(), local.size(), 0, context), "fi_sendv");
}

Result<PostResult> Endpoint::recv(LocalRegion local, void* context) {
  if (raw() == nullptr) return wrong("fi_recv", "the endpoint is closed");
  return outcome(fi_recv(raw(), reinterpret_cast<void*>(local.addr), local.len, local.desc, 0, context), "fi_recv");
}

Result<FabricAddress> Endpoint::local_address() const { return FabricAddress::from_fid(id()); }

fid* Endpoint::id() const noexcept { return &raw()->fid; }

}  // namespace weft::fabric
