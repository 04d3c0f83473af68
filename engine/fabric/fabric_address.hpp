#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/result.hpp>

struct fid;
struct fid_ep;
struct fid_pep;

namespace weft::fabric {

/// An endpoint's address in its provider's own format: opaque bytes that travel as base64. A value; any thread.
class FabricAddress {
 public:
  /// Takes the bytes as they are. InvalidArgument when there are none.
  static Result<FabricAddress> from_bytes(std::span<const std::byte> bytes);
  /// The local address of an endpoint or passive endpoint (fi_getname).
  static Result<FabricAddress> from_fid(fid* object);
  static Result<FabricAddress> from_fid(const fid_ep* endpoint);
  static Result<FabricAddress> from_fid(const fid_pep* endpoint);
  template <class Object>
    requires requires(const Object& object) { object.fid(); }
  static Result<FabricAddress> from_fid(const Object& object) {
    return from_fid(object.fid());
  }
  /// Numeric "127.0.0.1:7000" or "[::1]:7000"; names are not resolved (that blocks). The port may be left out (0).
  static Result<FabricAddress> parse(std::string_view text);
  /// InvalidArgument for what is not canonical base64, and for the empty text.
  static Result<FabricAddress> from_base64(std::string_view text);

  std::string to_base64() const;
  /// "127.0.0.1:7000" for socket addresses, else base64.
  std::string to_string() const;
  /// A socket address's port in host order; 0 for others.
  std::uint16_t port() const noexcept;
  std::span<const std::byte> raw() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool operator==(const FabricAddress&) const = default;

 private:
  explicit FabricAddress(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::vector<std::byte> bytes_;
};

}  // namespace weft::fabric
