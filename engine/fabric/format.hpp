#pragma once

#include <cstdint>
#include <string>

#include <weft/fabric/completion.hpp>
#include <weft/fabric/fabric_address.hpp>
#include <weft/fabric/remote_region.hpp>

namespace weft::fabric {

/// Whether remote keys are written out. Whoever knows a key may write to that memory: not in logs.
enum class Keys : bool { kRedacted, kShown };

/// Its bytes in hexadecimal: "02001b587f000001".
std::string format_fabric_address(const FabricAddress& address);
/// "addr 0x0, 4096 bytes, rkey redacted".
std::string format_remote_region(const RemoteRegion& region, Keys keys = Keys::kRedacted);
/// "local write, endpoint 0x1f", "remote write, immediate 7, endpoint 0x0", or the error with both codes and texts.
std::string format_completion(const Completion& completion);
/// What a configuration can do, joined by bars: "MSG|RMA|WRITE"; "<none>" for 0.
std::string interface_caps_string(std::uint64_t caps);

}  // namespace weft::fabric
