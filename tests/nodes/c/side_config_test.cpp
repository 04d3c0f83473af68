#include <weft/nodes/c/side_config.hpp>

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <vector>

#include "domain.hpp"

using weft::c::AccessKey;
using weft::c::listen_of;
using weft::c::SideConfig;
using weft::test::TestDomain;

namespace {

struct Buffers {
  Buffers() {
    const weftFabricsMemoryRegion regions[] = {of(0), of(1)};
    REQUIRE(weftFabricsRegionsFromUserBuffers(regions, 2, &handle) == WEFT_STATUS_OK);
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  ~Buffers() { weftFabricsRegionsFree(handle); }
  weftFabricsMemoryRegion of(std::size_t i) {
    return {reinterpret_cast<std::uintptr_t>(memory.data() + i * 64), 64, {WEFT_PAYLOAD_LOCATION_HOST_MEMORY, 0}};
  }
  std::vector<char> memory = std::vector<char>(128);
  weftRegions handle = nullptr;
};

weftTargetConfig target(const Buffers& buffers, const char* options = nullptr) {
  return {.endpointAddress = {"127.0.0.1", "0"},
          .provider = WEFT_FABRICS_PROVIDER_TCP,
          .regions = buffers.handle,
          .deviceSupport = false,
          .structSize = sizeof(weftTargetConfig),
          .options = options};
}

weftStatus status_of(const weftTargetConfig& config) {
  const auto read = SideConfig::read(config);
  return read ? WEFT_STATUS_OK : read.error().status;
}

}  // namespace

TEST_CASE("endpoint address: numbers and names, fixed ports and free ones", "[M-03]") {
  REQUIRE(*listen_of({nullptr, nullptr}) == "127.0.0.1:0");
  REQUIRE(*listen_of({"", "0"}) == "127.0.0.1:0");
  REQUIRE(*listen_of({"127.0.0.1", ""}) == "127.0.0.1:0");
  REQUIRE(*listen_of({"0.0.0.0", "7000"}) == "0.0.0.0:7000");
  REQUIRE(*listen_of({"::1", "65535"}) == "[::1]:65535");
  REQUIRE(*listen_of({"[::1]", nullptr}) == "[::1]:0");
  REQUIRE(*listen_of({"localhost", "1"}) == "localhost:1");
  for (const char* service : {"70000", "x", "-1", "1x", " 1", "0x10", "65536"}) {
    CAPTURE(service);
    REQUIRE(listen_of({"127.0.0.1", service}).error().status == WEFT_ERR_INVALID_ARG);
  }
  REQUIRE(listen_of({nullptr, "7000"}).error().status == WEFT_ERR_INVALID_ARG);
  for (const std::string& node : {std::string("a b"), std::string("a/b"), std::string("[]"), std::string(300, 'a')})
    REQUIRE(listen_of({node.c_str(), nullptr}).error().status == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("target config: cqDepth is a whole number of one and more", "[M-15]") {
  const Buffers buffers;
  for (const char* sound : {R"({"cqDepth": 64})", R"({"cqDepth": 1})", R"({"cqDepth": 64.0})", "", "{}"})
    REQUIRE(status_of(target(buffers, sound)) == WEFT_STATUS_OK);
  REQUIRE(status_of(target(buffers, nullptr)) == WEFT_STATUS_OK);
  for (const char* wrong : {R"({"cqDepth": 0})", R"({"cqDepth": -1})", R"({"cqDepth": 0.5})", R"({"cqDepth": 1e30})",
                            R"({"cqDepth": "big"})", R"({"cqDepth": null})", R"({"cqDepth": 1048577})",
                            R"({"cqDepth": 99999999999999999999})", "{not json", "7", "[]", R"({"cqdepth": 8})",
                            R"({"unknown": 1})", R"({"initiators": 0})", R"({"initiators": 65})", R"({"slices": 0})"}) {
    CAPTURE(wrong);
    REQUIRE(status_of(target(buffers, wrong)) == WEFT_ERR_INVALID_ARG);
  }
  REQUIRE(*SideConfig::read(target(buffers, R"({"cqDepth": 64})"))->cq_depth == 64);
}

TEST_CASE("target config: a caller of the first four fields has no options", "[M-07]") {
  const Buffers buffers;
  weftTargetConfig config = target(buffers, "{not json");
  config.structSize = 0;
  REQUIRE(status_of(config) == WEFT_STATUS_OK);
  weftInitiatorConfig initiator{};
  initiator.regions = buffers.handle;
  REQUIRE(SideConfig::read(initiator).has_value());
  initiator.structSize = sizeof initiator;
  initiator.options = R"({"identity": "a target's"})";
  REQUIRE(SideConfig::read(initiator).error().status == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("target config: providers and memory that do not work here have statuses of their own", "[M-02][M-07]") {
  TestDomain domain;
  const Buffers buffers;
  weftTargetConfig config = target(buffers);
  config.provider = static_cast<weftFabricsProvider>(999);
  REQUIRE(status_of(config) == WEFT_ERR_INVALID_ARG);
  config.provider = WEFT_FABRICS_PROVIDER_SHM;
  REQUIRE(status_of(config) == WEFT_ERR_INVALID_ARG);  // a number is not this host's name
  config.endpointAddress = {nullptr, nullptr};
  REQUIRE(status_of(config) == WEFT_STATUS_OK);
  config = target(buffers);
  config.deviceSupport = true;
  REQUIRE(status_of(config) == WEFT_ERR_NO_FABRIC);
  config = target(buffers);
  config.regions = nullptr;
  REQUIRE(status_of(config) == WEFT_ERR_INVALID_ARG);

  weftFabricsMemoryRegion device = {1, 64, {WEFT_PAYLOAD_LOCATION_DEVICE_MEMORY, 0}};
  REQUIRE(weftFabricsRegionsFromUserBuffers(&device, 1, &config.regions) == WEFT_STATUS_OK);
  REQUIRE(status_of(config) == WEFT_ERR_UNSUPPORTED_OPERATION);
  REQUIRE(weftFabricsRegionsFree(config.regions) == WEFT_STATUS_OK);
  REQUIRE(status_of(config) == WEFT_ERR_INVALID_ARG);

  domain.make_discrete("flow");
  REQUIRE(weftFabricsRegionsForFlowReader(domain.reader("flow"), &config.regions) == WEFT_STATUS_OK);
  REQUIRE(status_of(config) == WEFT_ERR_INVALID_ARG);  // read only
  weftInitiatorConfig initiator{};
  initiator.regions = config.regions;
  REQUIRE(SideConfig::read(initiator).has_value());
  REQUIRE(weftFabricsRegionsFree(config.regions) == WEFT_STATUS_OK);
}

TEST_CASE("access key: a file that others may read, or of a wrong size, is refused") {
  TestDomain domain;
  const Buffers buffers;
  const std::string path = domain.path() + "/key";
  const auto with = [&](const std::string& content, ::mode_t mode = 0600) {
    std::ofstream(path, std::ios::trunc) << content;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return status_of(target(buffers, (R"({"accessKeyFile": ")" + path + "\"}").c_str()));
  };
  REQUIRE(with("0123456789abcdef") == WEFT_STATUS_OK);
  REQUIRE(with("0123456789abcdef\n") == WEFT_STATUS_OK);
  REQUIRE(with("0123456789abcdef", 0640) == WEFT_ERR_PERMISSION_DENIED);
  REQUIRE(with("0123456789abcde\n") == WEFT_ERR_INVALID_ARG);
  REQUIRE(with("") == WEFT_ERR_INVALID_ARG);
  REQUIRE(with(std::string(4096, 'k')) == WEFT_STATUS_OK);
  REQUIRE(with(std::string(4097, 'k')) == WEFT_ERR_INVALID_ARG);
  REQUIRE(status_of(target(buffers, R"({"accessKeyFile": "/no/such/file"})")) == WEFT_ERR_NOT_FOUND);
  REQUIRE(status_of(target(buffers, R"({"accessKeyFile": "/dev/null"})")) == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("access key: it covers a token and uncovers it, for one ring of one node") {
  TestDomain domain;
  const std::string path = domain.path() + "/key";
  const auto key_of = [&](const std::string& content) {
    std::ofstream(path, std::ios::trunc) << content;
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    return *AccessKey::load(path);
  };
  const AccessKey key = key_of("0123456789abcdef");
  AccessKey::Token token{};
  token[3] = std::byte{9};
  weft::NodeId node{};
  node.bytes[0] = std::byte{1};
  const auto covered = *key.cover(token, node, "grains");
  REQUIRE(covered != token);
  REQUIRE(*key.cover(covered, node, "grains") == token);
  REQUIRE(*key.cover(covered, node, "grains-2") != token);
  REQUIRE(*key.cover(covered, weft::NodeId{}, "grains") != token);
  REQUIRE(*key_of("0123456789abcdeg").cover(covered, node, "grains") != token);
}
