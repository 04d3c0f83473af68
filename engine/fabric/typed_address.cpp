#include <weft/fabric/typed_address.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <rdma/fabric.h>

#include <bit>
#include <charconv>
#include <cstring>

#include <weft/base/text.hpp>
#include <weft/fabric/variant_utils.hpp>

namespace weft::fabric {
namespace {

constexpr sa_family_t kFamilyIb = 27;  // AF_IB, which glibc does not name

/// struct sockaddr_ib of the kernel's rdma/ib.h; numbers in network order.
struct RawIb {
  std::uint16_t family;
  std::uint16_t pkey;
  std::uint32_t flow;
  std::array<std::uint8_t, 16> gid;
  std::uint64_t service_id;
  std::uint64_t service_mask;
  std::uint64_t scope;
};
static_assert(sizeof(RawIb) == 48);

/// What libfabric's efa provider gives as an address, without the pointer behind it.
struct RawEfa {
  std::array<std::uint8_t, 16> gid;
  std::uint16_t qpn;
  std::uint16_t padding;
  std::uint32_t qkey;
};
static_assert(sizeof(RawEfa) == 24);

/// Network order from host order, or back.
constexpr std::uint64_t of_network(std::uint64_t number) noexcept {
  return std::endian::native == std::endian::little ? std::byteswap(number) : number;
}

template <class Raw>
std::optional<Raw> read(std::span<const std::byte> bytes) noexcept {
  Raw raw{};
  if (bytes.size() < sizeof raw) return std::nullopt;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  return raw;
}

template <class Raw>
Result<FabricAddress> written(const Raw& raw) {
  return FabricAddress::from_bytes(std::as_bytes(std::span{&raw, 1}));
}

TypedAddress decode_ipv4(std::span<const std::byte> bytes) {
  const auto raw = read<sockaddr_in>(bytes);
  if (!raw || raw->sin_family != AF_INET) return {};
  Ipv4Address address{.port = ntohs(raw->sin_port)};
  std::memcpy(address.address.data(), &raw->sin_addr, 4);
  return address;
}

TypedAddress decode_ipv6(std::span<const std::byte> bytes) {
  const auto raw = read<sockaddr_in6>(bytes);
  if (!raw || raw->sin6_family != AF_INET6) return {};
  Ipv6Address address{.port = ntohs(raw->sin6_port), .scope = raw->sin6_scope_id};
  std::memcpy(address.address.data(), &raw->sin6_addr, 16);
  return address;
}

TypedAddress decode_ib(std::span<const std::byte> bytes) {
  const auto raw = read<RawIb>(bytes);
  if (!raw || raw->family != kFamilyIb) return {};
  return InfinibandAddress{raw->gid, ntohs(raw->pkey), of_network(raw->service_id), of_network(raw->scope)};
}

TypedAddress decode_efa(std::span<const std::byte> bytes) {
  const auto raw = read<RawEfa>(bytes);
  if (!raw) return {};
  return EfaAddress{raw->gid, raw->qpn, raw->qkey};
}

TypedAddress decode_text(std::span<const std::byte> bytes) {
  std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  text = text.substr(0, text.find('\0'));
  if (text.empty() || !is_clean_utf8(text)) return {};
  return TextAddress{std::string{text}};
}

AddressFormat told_by(std::span<const std::byte> bytes) noexcept {
  constexpr std::string_view kScheme = "fi_";
  if (bytes.size() >= kScheme.size() && std::memcmp(bytes.data(), kScheme.data(), kScheme.size()) == 0)
    return AddressFormat::kText;
  const auto family = read<sa_family_t>(bytes);
  if (family == AF_INET) return AddressFormat::kIpv4;
  if (family == AF_INET6) return AddressFormat::kIpv6;
  return family == kFamilyIb ? AddressFormat::kInfiniband : AddressFormat::kUnspecified;
}

std::string six_text(const std::array<std::uint8_t, 16>& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

std::string four_text(const std::array<std::uint8_t, 4>& bytes) {
  return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
}

std::unexpected<Error> bad(std::string_view node, std::string_view service, std::string_view why) {
  return fail(ErrorClass::kInvalidArgument, "fabric address",
              fmt::format("node \"{}\", service \"{}\": {}", escaped(node), escaped(service), why));
}

std::optional<std::uint16_t> port_of(std::string_view text) noexcept {
  std::uint16_t port = 0;
  if (text.empty()) return port;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  return code == std::errc{} && end == text.data() + text.size() ? std::optional{port} : std::nullopt;
}

Result<TypedAddress> parse_internet(std::string_view node, std::string_view service) {
  const auto port = port_of(service);
  if (!port) return bad(node, service, "the port is no number up to 65535");
  const std::string terminated{node};
  if (terminated.size() != std::strlen(terminated.c_str())) return bad(node, service, "there is a NUL in it");
  Ipv4Address four{.port = *port};
  if (inet_pton(AF_INET, terminated.c_str(), four.address.data()) == 1) return TypedAddress{four};
  Ipv6Address six{.port = *port};
  if (inet_pton(AF_INET6, terminated.c_str(), six.address.data()) == 1) return TypedAddress{six};
  return bad(node, service, "the node is no numeric address");
}

}  // namespace

AddressFormat address_format_of(std::uint32_t raw) noexcept {
  switch (raw) {
    case FI_SOCKADDR_IN:
      return AddressFormat::kIpv4;
    case FI_SOCKADDR_IN6:
      return AddressFormat::kIpv6;
    case FI_SOCKADDR_IB:
      return AddressFormat::kInfiniband;
    case FI_ADDR_EFA:
      return AddressFormat::kEfa;
    case FI_ADDR_STR:
      return AddressFormat::kText;
    default:
      return AddressFormat::kUnspecified;
  }
}

TypedAddress TypedAddress::decode(std::span<const std::byte> bytes, AddressFormat format) {
  switch (format == AddressFormat::kUnspecified ? told_by(bytes) : format) {
    case AddressFormat::kIpv4:
      return decode_ipv4(bytes);
    case AddressFormat::kIpv6:
      return decode_ipv6(bytes);
    case AddressFormat::kInfiniband:
      return decode_ib(bytes);
    case AddressFormat::kEfa:
      return decode_efa(bytes);
    case AddressFormat::kText:
      return decode_text(bytes);
    case AddressFormat::kUnspecified:
      break;
  }
  return {};
}

Result<TypedAddress> TypedAddress::parse(Provider provider, std::string_view node, std::string_view service) {
  if (node.empty() && service.empty()) return TypedAddress{};
  if (node.empty()) return bad(node, service, "there is a service and no node");
  switch (provider) {
    case Provider::kTcp:
    case Provider::kVerbs:
      return parse_internet(node, service);
    case Provider::kEfa: {
      EfaAddress efa;
      if (inet_pton(AF_INET6, std::string{node}.c_str(), efa.gid.data()) != 1)
        return bad(node, service, "the node is no GID (written as an IPv6 address)");
      return TypedAddress{efa};
    }
    case Provider::kShm:
      if (!is_clean_utf8(node) || !is_clean_utf8(service)) return bad(node, service, "it is no clean text");
      return TypedAddress{TextAddress{service.empty() ? std::string{node} : fmt::format("{}:{}", node, service)}};
  }
  return bad(node, service, "no such provider");
}

std::string TypedAddress::node() const {
  return std::visit(overloaded{[](const std::monostate&) { return std::string{}; },
                               [](const Ipv4Address& one) { return four_text(one.address); },
                               [](const Ipv6Address& one) { return six_text(one.address); },
                               [](const InfinibandAddress& one) { return six_text(one.gid); },
                               [](const EfaAddress& one) { return six_text(one.gid); },
                               [](const TextAddress& one) { return one.text.substr(0, one.text.rfind(':')); }},
                    static_cast<const Base&>(*this));
}

std::string TypedAddress::service() const {
  if (const auto* four = std::get_if<Ipv4Address>(this)) return std::to_string(four->port);
  if (const auto* six = std::get_if<Ipv6Address>(this)) return std::to_string(six->port);
  const auto* text = std::get_if<TextAddress>(this);
  const auto colon = text != nullptr ? text->text.rfind(':') : std::string::npos;
  return colon == std::string::npos ? std::string{} : text->text.substr(colon + 1);
}

std::string TypedAddress::to_string() const {
  return std::visit(overloaded{[](const std::monostate&) { return std::string{}; },
                               [](const Ipv4Address& one) {
                                 return fmt::format("fi_sockaddr_in://{}:{}", four_text(one.address), one.port);
                               },
                               [](const Ipv6Address& one) {
                                 return fmt::format("fi_sockaddr_in6://[{}]:{}", six_text(one.address), one.port);
                               },
                               [](const InfinibandAddress& one) {
                                 return fmt::format("fi_sockaddr_ib://[{}]:0x{:x}:0x{:x}:0x{:x}", six_text(one.gid),
                                                    one.pkey, one.service_id >> 16 & 0xFFFF, one.scope & 0xFF);
                               },
                               [](const EfaAddress& one) {
                                 return fmt::format("fi_addr_efa://[{}]:{}:{}", six_text(one.gid), one.qpn, one.qkey);
                               },
                               [](const TextAddress& one) { return one.text; }},
                    static_cast<const Base&>(*this));
}

Result<FabricAddress> TypedAddress::encode() const {
  return std::visit(
      overloaded{[](const std::monostate&) -> Result<FabricAddress> { return FabricAddress::from_bytes({}); },
                 [](const Ipv4Address& one) {
                   sockaddr_in raw{};
                   raw.sin_family = AF_INET;
                   raw.sin_port = htons(one.port);
                   std::memcpy(&raw.sin_addr, one.address.data(), 4);
                   return written(raw);
                 },
                 [](const Ipv6Address& one) {
                   sockaddr_in6 raw{};
                   raw.sin6_family = AF_INET6;
                   raw.sin6_port = htons(one.port);
                   raw.sin6_scope_id = one.scope;
                   std::memcpy(&raw.sin6_addr, one.address.data(), 16);
                   return written(raw);
                 },
                 [](const InfinibandAddress& one) {
                   return written(RawIb{kFamilyIb, htons(one.pkey), 0, one.gid, of_network(one.service_id), ~0ULL,
                                        of_network(one.scope)});
                 },
                 [](const EfaAddress& one) { return written(RawEfa{one.gid, one.qpn, 0, one.qkey}); },
                 [](const TextAddress& one) {
                   // libfabric reads these as C strings.
                   return FabricAddress::from_bytes(std::as_bytes(std::span{one.text.c_str(), one.text.size() + 1}));
                 }},
      static_cast<const Base&>(*this));
}

}  // namespace weft::fabric
