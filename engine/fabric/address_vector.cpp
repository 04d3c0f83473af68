#include <weft/fabric/address_vector.hpp>

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

#include <algorithm>

#include <weft/fabric/fabric_error.hpp>

namespace weft::fabric {
namespace {

constexpr std::size_t kReadBytes = 128;  // longer than any provider's address

}  // namespace

static_assert(kConnectedPeer == FI_ADDR_UNSPEC);

Result<AddressVector> AddressVector::open(const Domain& domain, const AddressVectorOptions& options) {
  auto owned = std::make_shared<Owned<fid_av>>();
  owned->keeps[0] = domain.shared();
  fi_av_attr attributes{};
  attributes.type = FI_AV_TABLE;
  attributes.count = options.count;
  attributes.ep_per_node = options.ep_per_node;
  fid_av* opened = nullptr;
  if (int code = fi_av_open(domain.raw(), &attributes, &opened, nullptr); code != 0)
    return fail_code(code, "fi_av_open");
  owned->handle.reset(opened);
  return AddressVector{std::move(owned)};
}

Result<PeerHandle> AddressVector::insert(const FabricAddress& address) {
  std::vector<std::byte> bytes{address.raw().begin(), address.raw().end()};
  if (const auto known = handles_.find(bytes); known != handles_.end()) return known->second;
  // Providers read as many bytes as their addresses have, whatever there is.
  bytes.resize(std::max<std::size_t>(bytes.size(), kReadBytes));
  fi_addr_t handle = FI_ADDR_NOTAVAIL;
  const int inserted = fi_av_insert(raw(), bytes.data(), 1, &handle, 0, nullptr);
  if (inserted < 0) return fail_code(inserted, "fi_av_insert");
  if (inserted != 1 || handle == FI_ADDR_NOTAVAIL)
    return fail(ErrorClass::kInvalidArgument, "fi_av_insert", "the provider cannot read this address");
  bytes.resize(address.size());
  addresses_.insert_or_assign(handle, bytes);
  handles_.insert_or_assign(std::move(bytes), handle);
  return handle;
}

Result<void> AddressVector::remove(PeerHandle handle) {
  const auto known = addresses_.find(handle);
  if (known == addresses_.end()) return fail(ErrorClass::kNotFound, "fi_av_remove", "no peer has this handle");
  fi_addr_t raw_handle = handle;
  if (int code = fi_av_remove(raw(), &raw_handle, 1, 0); code != 0) return fail_code(code, "fi_av_remove");
  handles_.erase(known->second);
  addresses_.erase(known);
  return {};
}

Result<std::string> AddressVector::addr_to_string(const FabricAddress& address) const {
  std::vector<std::byte> bytes{address.raw().begin(), address.raw().end()};
  bytes.resize(std::max<std::size_t>(bytes.size(), kReadBytes));
  std::size_t size = 0;
  fi_av_straddr(raw(), bytes.data(), nullptr, &size);
  // The first call says what is needed, its NUL included; some providers leave the NUL out of the count.
  std::string text(++size, '\0');
  if (fi_av_straddr(raw(), bytes.data(), text.data(), &size) == nullptr)
    return fail(ErrorClass::kInvalidArgument, "fi_av_straddr", "the provider cannot write this address");
  text.resize(text.find('\0') != std::string::npos ? text.find('\0') : text.size());
  return text;
}

::fid* AddressVector::fid() const noexcept { return &raw()->fid; }

}  // namespace weft::fabric
