#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <weft/fabric/fabric_address.hpp>
#include <weft/fabric/provider.hpp>

namespace weft::fabric {

/// How the bytes of a FabricAddress are to be read (libfabric's addr_format).
enum class AddressFormat : std::uint8_t {
  kUnspecified,  ///< told by the bytes themselves where they can
  kIpv4,
  kIpv6,
  kInfiniband,
  kEfa,
  kText,
};
/// Of libfabric's number (FI_SOCKADDR_IN, …); kUnspecified for the others.
AddressFormat address_format_of(std::uint32_t raw) noexcept;

// All numbers in host order.
struct Ipv4Address {
  std::array<std::uint8_t, 4> address{};
  std::uint16_t port = 0;
  bool operator==(const Ipv4Address&) const = default;
};
struct Ipv6Address {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;
  std::uint32_t scope = 0;
  bool operator==(const Ipv6Address&) const = default;
};
struct InfinibandAddress {
  std::array<std::uint8_t, 16> gid{};
  std::uint16_t pkey = 0;
  std::uint64_t service_id = 0;
  std::uint64_t scope = 0;
  bool operator==(const InfinibandAddress&) const = default;
};
struct EfaAddress {
  std::array<std::uint8_t, 16> gid{};
  std::uint16_t qpn = 0;
  std::uint32_t qkey = 0;
  bool operator==(const EfaAddress&) const = default;
};
struct TextAddress {
  std::string text;
  bool operator==(const TextAddress&) const = default;
};

/// A FabricAddress taken apart. A value; any thread.
class TypedAddress
    : public std::variant<std::monostate, Ipv4Address, Ipv6Address, InfinibandAddress, EfaAddress, TextAddress> {
 public:
  using Base = std::variant<std::monostate, Ipv4Address, Ipv6Address, InfinibandAddress, EfaAddress, TextAddress>;
  using Base::Base;

  /// Empty for bytes that are too short or of no known kind. Efa must be named: its bytes do not tell.
  static TypedAddress decode(std::span<const std::byte> bytes, AddressFormat format = AddressFormat::kUnspecified);
  static TypedAddress decode(const FabricAddress& address, AddressFormat format = AddressFormat::kUnspecified) {
    return decode(address.raw(), format);
  }
  /// What a person writes: tcp and verbs a numeric address and a port ("" or "0": any), efa a GID, shm any node name
  /// and service. Nothing at all is the empty address; a service without a node is InvalidArgument. No name is
  /// resolved.
  static Result<TypedAddress> parse(Provider provider, std::string_view node, std::string_view service);

  bool empty() const noexcept { return index() == 0; }
  /// "10.0.0.1", a GID, or a text up to its last colon.
  std::string node() const;
  /// The port, or what follows a text's last colon; empty where there is none.
  std::string service() const;
  /// As libfabric writes it: "fi_sockaddr_in://10.0.0.1:9000"; empty for the empty address.
  std::string to_string() const;
  /// Back to the provider's bytes. InvalidArgument for the empty address.
  Result<FabricAddress> encode() const;
};

}  // namespace weft::fabric
