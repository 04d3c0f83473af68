#include <weft/nodes/c/side_config.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/c/json_options.hpp>
#include <weft/nodes/c/local_socket.hpp>
#include <weft/nodes/c/provider.hpp>

namespace weft::c {
namespace {

constexpr std::uint64_t kMaxDepth = 1 << 20;
constexpr std::size_t kMaxHostBytes = 253;

std::string_view text_of(const char* text) { return text == nullptr ? std::string_view() : std::string_view(text); }

Outcome<std::uint16_t> port_of(std::string_view service) {
  std::uint16_t port = 0;
  const char* const end = service.data() + service.size();
  const auto [stopped, error] = std::from_chars(service.data(), end, port);
  if (service.empty()) return port;
  if (error != std::errc() || stopped != end)
    return bad_argument(fmt::format("\"{}\" is no port", escaped(service.substr(0, 64))), "a number from 0 to 65535");
  return port;
}

Outcome<void> read_options(const char* text, SideConfig::Side side, SideConfig& into) {
  WEFT_C_LET(JsonOptions options, JsonOptions::parse(text));
  WEFT_C_LET(into.cq_depth, options.number("cqDepth", 1, kMaxDepth));
  WEFT_C_LET(const auto key, options.text("accessKeyFile"));
  WEFT_C_LET(into.slices, options.number("slices", 1, UINT32_MAX));
  WEFT_C_LET(const auto batch, options.number("syncBatch", 1, kMaxDepth));
  into.sync_batch = batch.value_or(into.sync_batch);
  if (side == SideConfig::Side::kTarget) {
    WEFT_C_LET(const auto identity, options.text("identity"));
    WEFT_C_LET(const auto ring, options.text("ring"));
    WEFT_C_LET(const auto initiators, options.number("initiators", 1, 64));
    into.identity = identity.value_or("");
    into.ring = ring.value_or("");
    into.initiators = static_cast<std::uint32_t>(initiators.value_or(1));
  }
  WEFT_C_TRY(options.done());
  // The file last: a wrong key beside it is the caller's nearer mistake.
  if (key) {
    WEFT_C_LET(AccessKey loaded, AccessKey::load(*key));
    into.access_key.emplace(std::move(loaded));
  }
  return {};
}

template <class Config>
Outcome<SideConfig> read_side(const Config& config, SideConfig::Side side) {
  SideConfig read;
  WEFT_C_TRY(lanes_of(config.provider));
  read.provider = config.provider;
  if (config.provider == WEFT_FABRICS_PROVIDER_SHM) {
    WEFT_C_LET(read.listen, socket_name_of(config.endpointAddress));
  } else {
    WEFT_C_LET(read.listen, listen_of(config.endpointAddress));
  }
  WEFT_C_LET(read.regions, HandleTable::instance().find<Regions>(config.regions));
  if (config.deviceSupport)
    return refuse(WEFT_ERR_NO_FABRIC, "no lane here reaches device memory",
                  "leave deviceSupport false: stage through the host");
  if (read.regions->on_device())
    return refuse(WEFT_ERR_UNSUPPORTED_OPERATION, "regions of device memory cannot be used yet",
                  "stage through the host");
  if (side == SideConfig::Side::kTarget && !read.regions->writable())
    return bad_argument("a flow reader's memory can be sent from only", "weftFabricsRegionsForFlowWriter");
  WEFT_C_TRY(read.regions->equal_size());
  if (config.structSize != 0 && config.structSize < offsetof(Config, options))
    return bad_argument("structSize is less than the struct ever had", "set it to sizeof of the struct, or to 0");
  const bool has_options = config.structSize >= offsetof(Config, options) + sizeof config.options;
  WEFT_C_TRY(read_options(has_options ? config.options : nullptr, side, read));
  return read;
}

}  // namespace

Outcome<std::string> listen_of(const weftEndpointAddress& address) {
  std::string_view node = text_of(address.node);
  WEFT_C_LET(const std::uint16_t port, port_of(text_of(address.service)));
  if (node.empty()) {
    if (port != 0)
      return bad_argument("a service without a node", R"(name the node: "127.0.0.1", "0.0.0.0", "gpu-07")");
    return std::string("127.0.0.1:0");
  }
  if (node.starts_with('[') && node.ends_with(']')) node = node.substr(1, node.size() - 2);
  const auto odd = [](char c) { return c <= ' ' || c == '/' || c == '[' || c == ']' || c == 0x7f; };
  if (node.empty() || node.size() > kMaxHostBytes || std::any_of(node.begin(), node.end(), odd))
    return bad_argument(fmt::format("\"{}\" is no host", escaped(node.substr(0, 64))));
  return node.contains(':') ? fmt::format("[{}]:{}", node, port) : fmt::format("{}:{}", node, port);
}

Outcome<SideConfig> SideConfig::read(const weftTargetConfig& config) { return read_side(config, Side::kTarget); }
Outcome<SideConfig> SideConfig::read(const weftInitiatorConfig& config) { return read_side(config, Side::kInitiator); }

}  // namespace weft::c
