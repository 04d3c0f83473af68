#include <weft/fabric/format.hpp>

#include <fmt/format.h>
#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

#include <array>

#include <weft/base/text.hpp>
#include <weft/fabric/variant_utils.hpp>

namespace weft::fabric {
namespace {

struct Cap {
  std::uint64_t bit;
  std::string_view name;
};
constexpr std::array kCaps{Cap{FI_MSG, "MSG"},
                           Cap{FI_RMA, "RMA"},
                           Cap{FI_TAGGED, "TAGGED"},
                           Cap{FI_ATOMIC, "ATOMIC"},
                           Cap{FI_READ, "READ"},
                           Cap{FI_WRITE, "WRITE"},
                           Cap{FI_SEND, "SEND"},
                           Cap{FI_RECV, "RECV"},
                           Cap{FI_REMOTE_READ, "REMOTE_READ"},
                           Cap{FI_REMOTE_WRITE, "REMOTE_WRITE"},
                           Cap{FI_FENCE, "FENCE"},
                           Cap{FI_HMEM, "HMEM"},
                           Cap{FI_LOCAL_COMM, "LOCAL_COMM"},
                           Cap{FI_REMOTE_COMM, "REMOTE_COMM"}};

std::string_view kind_of(const CompletionData& data) noexcept {
  if (data.is_remote_write()) return "remote write";
  if (data.is_local_write()) return "local write";
  if (data.is_recv()) return "receive";
  return data.is_send() ? "send" : "operation";
}

}  // namespace

std::string format_fabric_address(const FabricAddress& address) { return to_hex(address.raw()); }

std::string format_remote_region(const RemoteRegion& region, Keys keys) {
  const std::string key = keys == Keys::kShown ? fmt::format("{:#x}", region.rkey) : "redacted";
  return fmt::format("addr {:#x}, {} bytes, rkey {}", region.addr, region.len, key);
}

std::string format_completion(const Completion& completion) {
  const auto visitor = overloaded{
      [](const CompletionData& data) {
        const std::string immediate = data.data() ? fmt::format(", immediate {}", *data.data()) : "";
        return fmt::format("{}{}, endpoint {:#x}", kind_of(data), immediate, data.fid());
      },
      [](const CompletionError& error) { return fmt::format("{}, endpoint {:#x}", error.to_string(), error.fid()); }};
  return std::visit(visitor, completion);
}

std::string interface_caps_string(std::uint64_t caps) {
  std::string text;
  for (const Cap& cap : kCaps)
    if ((caps & cap.bit) != 0) text += fmt::format("{}{}", text.empty() ? "" : "|", cap.name);
  return text.empty() ? "<none>" : text;
}

}  // namespace weft::fabric
