#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include <weft/base/result.hpp>

namespace weft::fabric {

/// A version of libfabric's interface. Any thread.
struct FabricVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  auto operator<=>(const FabricVersion&) const = default;

  /// The version this program was compiled against, and asks for.
  static FabricVersion compiled() noexcept;
  /// The version of the library that was found. Unsupported when there is none.
  static Result<FabricVersion> running();
  /// The oldest one that is accepted.
  static constexpr FabricVersion minimum() noexcept { return {1, 17}; }

  /// "1.17"
  std::string to_string() const;
  /// As libfabric writes it: major in the upper 16 bits.
  constexpr std::uint32_t raw() const noexcept { return major << 16 | minor; }
};

}  // namespace weft::fabric
