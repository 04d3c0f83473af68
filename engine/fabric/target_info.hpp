#pragma once

#include <string>
#include <string_view>

#include <weft/fabric/fabric_address.hpp>
#include <weft/fabric/fabric_info.hpp>
#include <weft/fabric/remote_region_group.hpp>

namespace weft::fabric {

/// What a target tells its initiators, by whatever way they have: where it is and what they may write. One line of
/// text without spaces at its ends, quotes or backslashes, so that it survives JSON, shells and environments:
///
///     weft-target/1 net msg AgCtmX8AAAEAAAAAAAAAAA== 0x0:4096:0x9b1f
///
/// that is version, libfabric's provider, endpoint type, address, and `address:bytes:key` of each region. **It is a
/// secret**: whoever reads it may write there.
struct TargetInfo {
  static constexpr std::size_t kMaxRegions = 65'536;
  static constexpr std::size_t kMaxText = 8 << 20;  ///< bytes

  std::string provider;
  EndpointType endpoint_type = EndpointType::kMessage;
  FabricAddress address;
  RemoteRegionGroup regions;

  std::string to_string() const;
  /// InvalidArgument for whatever is not such a line: another version, no region, an empty region or one that wraps.
  static Result<TargetInfo> from_string(std::string_view text);
  bool operator==(const TargetInfo&) const = default;
};

}  // namespace weft::fabric
