#include <weft/fabric/rdma_port.hpp>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <infiniband/verbs.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <type_traits>

#include <weft/base/unique_handle.hpp>
#include <weft/fabric/fabric_info.hpp>
#include <weft/fabric/provider.hpp>

namespace weft::fabric {
namespace {

/// What is called of libibverbs. Loaded code belongs to the process: it is never closed.
struct VerbsLibrary {
  ibv_device** (*get_device_list)(int* count);
  void (*free_device_list)(ibv_device** list);
  const char* (*get_device_name)(ibv_device* device);
  ibv_context* (*open_device)(ibv_device* device);
  int (*close_device)(ibv_context* context);
  int (*query_device)(ibv_context* context, ibv_device_attr* attributes);
  int (*query_gid)(ibv_context* context, std::uint8_t port, int index, ibv_gid* gid);

  static Result<VerbsLibrary> open();
};

std::unexpected<Error> missing(std::string what) {
  return fail(Error{ErrorClass::kUnsupported, "dlopen", std::move(what)}.with_hint(
      "install rdma-core's libraries (Debian: libibverbs1 ibverbs-providers)"));
}

Result<VerbsLibrary> VerbsLibrary::open() {
  void* handle = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* text = dlerror();
    return missing(text != nullptr ? text : "libibverbs.so.1 cannot be opened");
  }
  VerbsLibrary library{};
  bool complete = true;
  const auto resolve = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    complete = complete && function != nullptr;
  };
  resolve(library.get_device_list, "ibv_get_device_list");
  resolve(library.free_device_list, "ibv_free_device_list");
  resolve(library.get_device_name, "ibv_get_device_name");
  resolve(library.open_device, "ibv_open_device");
  resolve(library.close_device, "ibv_close_device");
  resolve(library.query_device, "ibv_query_device");
  resolve(library.query_gid, "ibv_query_gid");
  if (!complete) return missing("libibverbs.so.1 lacks a function");
  return library;
}

std::string text_of(ibv_port_state state) {
  switch (state) {
    case IBV_PORT_DOWN:
      return "down";
    case IBV_PORT_INIT:
      return "init";
    case IBV_PORT_ARMED:
      return "armed";
    case IBV_PORT_ACTIVE:
    case IBV_PORT_ACTIVE_DEFER:
      return "active";
    default:
      return "unknown";
  }
}

std::string link_layer_of(const ibv_port_attr& port) {
  if (port.link_layer == IBV_LINK_LAYER_ETHERNET) return "Ethernet";
  return port.link_layer == IBV_LINK_LAYER_INFINIBAND ? "InfiniBand" : "unknown";
}

/// Of the link: lanes by the rate of one (the InfiniBand specification's codes).
double rate_of(const ibv_port_attr& port) {
  struct Code {
    int code;
    double value;
  };
  static constexpr std::array kWidths{Code{1, 1}, Code{2, 4}, Code{4, 8}, Code{8, 12}, Code{16, 2}};
  static constexpr std::array kSpeeds{Code{1, 2.5e9}, Code{2, 5e9},   Code{4, 10e9},  Code{8, 10e9},
                                      Code{16, 14e9}, Code{32, 25e9}, Code{64, 50e9}, Code{128, 100e9}};
  const auto find = [](const auto& codes, int code) {
    const auto found = std::find_if(codes.begin(), codes.end(), [&](const Code& one) { return one.code == code; });
    return found == codes.end() ? 0.0 : found->value;
  };
  return find(kWidths, port.active_width) * find(kSpeeds, port.active_speed);
}

std::string gid_of(const VerbsLibrary& library, ibv_context* context, std::uint8_t number, int gids) {
  std::string first;
  for (int index = 0; index < std::min(gids, 256); ++index) {
    ibv_gid gid{};
    if (library.query_gid(context, number, index, &gid) != 0) break;
    static constexpr std::array<std::uint8_t, 16> kNone{};
    if (std::memcmp(gid.raw, kNone.data(), kNone.size()) == 0) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (inet_ntop(AF_INET6, gid.raw, text.data(), text.size()) == nullptr) continue;
    if (std::string_view{text.data()}.starts_with("::ffff:")) return text.data();
    if (first.empty()) first = text.data();
  }
  return first;
}

void add_ports(const VerbsLibrary& library, ibv_device* device, std::vector<RdmaPort>& ports) {
  const std::unique_ptr<ibv_context, int (*)(ibv_context*)> context(library.open_device(device), library.close_device);
  const char* name = library.get_device_name(device);
  ibv_device_attr attributes{};
  if (context == nullptr || name == nullptr || library.query_device(context.get(), &attributes) != 0) return;
  for (std::uint8_t number = 1; number <= attributes.phys_port_cnt; ++number) {
    ibv_port_attr port{};
    const verbs_context* extended = verbs_get_ctx(context.get());
    if (extended == nullptr || extended->query_port(context.get(), number, &port, sizeof port) != 0) continue;
    ports.push_back({.device = name,
                     .number = number,
                     .state = text_of(port.state),
                     .link_layer = link_layer_of(port),
                     .gid = gid_of(library, context.get(), number, port.gid_tbl_len),
                     .bits_per_second = rate_of(port)});
  }
}

}  // namespace

std::string RdmaPort::to_string() const {
  std::string text = fmt::format("{} port {}: {}, {}", device, number, state, link_layer);
  if (bits_per_second > 0) text += fmt::format(", {:g} Gb/s", bits_per_second / 1e9);
  if (!gid.empty()) text += ", GID " + gid;
  return text;
}

Result<std::vector<RdmaPort>> rdma_ports() {
  WEFT_LET(const VerbsLibrary library, VerbsLibrary::open());
  std::vector<RdmaPort> ports;
  int count = 0;
  const std::unique_ptr<ibv_device*, void (*)(ibv_device**)> list(library.get_device_list(&count),
                                                                  library.free_device_list);
  if (list == nullptr) return ports;  // a kernel without RDMA
  for (int i = 0; i < count; ++i) add_ports(library, list.get()[i], ports);
  return ports;
}

std::optional<std::string> rdma_device_at(const std::string& host) {
  const auto address = FabricAddress::parse(host);
  if (!address) return std::nullopt;
  for (const std::string_view name : libfabric_names(Provider::kVerbs)) {
    const auto habits = habits_of(name, FabricVersion::compiled());
    const auto offered = FabricInfoList::get({.provider = std::string{name},
                                              .endpoint_type = EndpointType::kMessage,
                                              .mode = habits.mode,
                                              .mr_mode = habits.mr_mode,
                                              .source = *address});
    if (!offered) continue;
    for (const FabricInfoView one : *offered)
      if (one.provider_name() == name) return std::string{one.domain_name()};
  }
  return std::nullopt;
}

}  // namespace weft::fabric
