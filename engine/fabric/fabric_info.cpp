#include <weft/fabric/fabric_info.hpp>

#include <fmt/format.h>
#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/fabric_version.hpp>
#include <weft/fabric/library.hpp>
#include <weft/fabric/typed_address.hpp>

namespace weft::fabric {
namespace {

std::string_view view_of(const char* text) noexcept { return text != nullptr ? text : std::string_view{}; }

fi_ep_type raw_type(EndpointType type) noexcept {
  switch (type) {
    case EndpointType::kMessage:
      return FI_EP_MSG;
    case EndpointType::kReliableDatagram:
      return FI_EP_RDM;
    case EndpointType::kDatagram:
      return FI_EP_DGRAM;
    case EndpointType::kAny:
      break;
  }
  return FI_EP_UNSPEC;
}

// libfabric frees these with free(): they must come from malloc.
Result<void> replace_address(void*& address, std::size_t& size, const std::optional<FabricAddress>& with) {
  void* copy = nullptr;
  if (with) {
    copy = std::malloc(with->size());
    if (copy == nullptr) return fail_errno(ENOMEM, "malloc", "an address");
    std::memcpy(copy, with->raw().data(), with->size());
  }
  std::free(address);
  address = copy;
  size = with ? with->size() : 0;
  return {};
}

std::uint32_t format_of(const FabricAddress& address) noexcept {
  const TypedAddress typed = TypedAddress::decode(address);
  if (std::holds_alternative<TextAddress>(typed)) return FI_ADDR_STR;
  return std::holds_alternative<Ipv6Address>(typed) ? FI_SOCKADDR_IN6 : FI_SOCKADDR_IN;
}

}  // namespace

std::string_view to_string(EndpointType type) noexcept {
  switch (type) {
    case EndpointType::kMessage:
      return "msg";
    case EndpointType::kReliableDatagram:
      return "rdm";
    case EndpointType::kDatagram:
      return "dgram";
    case EndpointType::kAny:
      break;
  }
  return "any";
}

std::string_view FabricInfoView::provider_name() const noexcept { return view_of(raw_->fabric_attr->prov_name); }
FabricVersion FabricInfoView::provider_version() const noexcept {
  return {FI_MAJOR(raw_->fabric_attr->prov_version), FI_MINOR(raw_->fabric_attr->prov_version)};
}
std::string_view FabricInfoView::fabric_name() const noexcept { return view_of(raw_->fabric_attr->name); }
std::string_view FabricInfoView::domain_name() const noexcept { return view_of(raw_->domain_attr->name); }
std::uint64_t FabricInfoView::caps() const noexcept { return raw_->caps; }
std::uint64_t FabricInfoView::mode() const noexcept { return raw_->mode; }
std::uint64_t FabricInfoView::mr_mode() const noexcept {
  return static_cast<std::uint32_t>(raw_->domain_attr->mr_mode);
}
std::size_t FabricInfoView::tx_iov_limit() const noexcept { return raw_->tx_attr->iov_limit; }
std::size_t FabricInfoView::rma_iov_limit() const noexcept { return raw_->tx_attr->rma_iov_limit; }
std::size_t FabricInfoView::tx_size() const noexcept { return raw_->tx_attr->size; }
std::size_t FabricInfoView::rx_size() const noexcept { return raw_->rx_attr->size; }
std::size_t FabricInfoView::max_message_size() const noexcept { return raw_->ep_attr->max_msg_size; }
std::size_t FabricInfoView::cq_data_size() const noexcept { return raw_->domain_attr->cq_data_size; }
std::size_t FabricInfoView::mr_key_size() const noexcept { return raw_->domain_attr->mr_key_size; }
bool FabricInfoView::keeps_write_order() const noexcept {
  return (raw_->tx_attr->msg_order & (FI_ORDER_WAW | FI_ORDER_RMA_WAW)) != 0;
}
bool FabricInfoView::can_fence() const noexcept { return (raw_->caps & FI_FENCE) != 0; }
bool FabricInfoView::using_virtual_addresses() const noexcept { return (mr_mode() & FI_MR_VIRT_ADDR) != 0; }
bool FabricInfoView::needs_local_registration() const noexcept { return (mr_mode() & FI_MR_LOCAL) != 0; }
bool FabricInfoView::using_recv_buf_for_cq_data() const noexcept {
  return ((raw_->rx_attr->mode | raw_->mode) & FI_RX_CQ_DATA) != 0;
}

EndpointType FabricInfoView::endpoint_type() const noexcept {
  switch (raw_->ep_attr->type) {
    case FI_EP_MSG:
      return EndpointType::kMessage;
    case FI_EP_RDM:
      return EndpointType::kReliableDatagram;
    case FI_EP_DGRAM:
      return EndpointType::kDatagram;
    default:
      return EndpointType::kAny;
  }
}

std::optional<FabricAddress> FabricInfoView::source() const {
  auto address = FabricAddress::from_bytes({static_cast<const std::byte*>(raw_->src_addr), raw_->src_addrlen});
  return address ? std::optional{std::move(*address)} : std::nullopt;
}

std::optional<FabricAddress> FabricInfoView::destination() const {
  auto address = FabricAddress::from_bytes({static_cast<const std::byte*>(raw_->dest_addr), raw_->dest_addrlen});
  return address ? std::optional{std::move(*address)} : std::nullopt;
}

std::string FabricInfoView::to_string() const {
  auto library = Library::open();
  return library ? std::string{view_of((*library)->tostr(raw_, FI_TYPE_INFO))} : std::string{};
}

FabricInfo FabricInfoView::owned() const { return FabricInfo::clone(*this); }

void InfoTraits::close(Handle info) noexcept {
  if (auto library = Library::open()) (*library)->freeinfo(info);
}

FabricInfo FabricInfo::clone(FabricInfoView view) {
  if (view.raw() == nullptr) return own(nullptr);  // of a moved-from one
  auto library = Library::open();
  fi_info* copy = library ? (*library)->dupinfo(view.raw()) : nullptr;
  if (copy == nullptr) throw std::bad_alloc{};
  return own(copy);
}

Result<FabricInfo> FabricInfo::empty() {
  WEFT_LET(const Library* library, Library::open());
  fi_info* blank = library->dupinfo(nullptr);
  if (blank == nullptr) return fail_errno(ENOMEM, "fi_allocinfo");
  return own(blank);
}

Result<void> FabricInfo::set_source(const std::optional<FabricAddress>& address) {
  return replace_address(raw()->src_addr, raw()->src_addrlen, address);
}

Result<void> FabricInfo::set_destination(const std::optional<FabricAddress>& address) {
  return replace_address(raw()->dest_addr, raw()->dest_addrlen, address);
}

FabricInfoList::Iterator& FabricInfoList::Iterator::operator++() noexcept {
  at_ = at_->next;
  return *this;
}

Result<FabricInfoList> FabricInfoList::all(std::uint64_t flags) {
  WEFT_LET(const Library* library, Library::open());
  fi_info* found = nullptr;
  const int code = library->getinfo(FabricVersion::compiled().raw(), nullptr, nullptr, flags, nullptr, &found);
  if (code != 0 && code != -FI_ENODATA) return fail_code(code, "fi_getinfo");
  return FabricInfoList{InfoHandle{found}};
}

Result<FabricInfoList> FabricInfoList::get() { return all(0); }

Result<FabricInfoList> FabricInfoList::providers() { return all(FI_PROV_ATTR_ONLY); }

Result<FabricInfoList> FabricInfoList::get(const InfoQuery& query) {
  WEFT_LET(const Library* library, Library::open());
  WEFT_LET(FabricInfo hints, FabricInfo::empty());
  if (!query.provider.empty()) {
    hints.raw()->fabric_attr->prov_name = strdup(query.provider.c_str());
    if (hints.raw()->fabric_attr->prov_name == nullptr) return fail_errno(ENOMEM, "strdup");
  }
  hints.raw()->caps = query.caps;
  hints.raw()->mode = query.mode;
  hints.raw()->ep_attr->type = raw_type(query.endpoint_type);
  hints.raw()->domain_attr->mr_mode = static_cast<int>(query.mr_mode);
  hints.raw()->domain_attr->threading = FI_THREAD_DOMAIN;
  if (query.source) {
    hints.raw()->addr_format = format_of(*query.source);
    WEFT_TRY(hints.set_source(query.source));
  }
  fi_info* found = nullptr;
  const int code = library->getinfo(FabricVersion::compiled().raw(), nullptr, nullptr, 0, hints.raw(), &found);
  if (code != 0 && code != -FI_ENODATA)
    return fail_code(code, "fi_getinfo", query.provider.empty() ? "" : fmt::format("provider {}", query.provider));
  return FabricInfoList{InfoHandle{found}};
}

}  // namespace weft::fabric
