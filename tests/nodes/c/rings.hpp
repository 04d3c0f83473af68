#pragma once

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <weft/fabrics.h>
#include <tests/soon.hpp>

#include "domain.hpp"

namespace weft::test {

/// The C side of a target or an initiator over buffers of the test's own.
struct Ring {
  explicit Ring(std::size_t count, std::size_t bytes = 64) : memory(count * bytes) {
    std::vector<weftFabricsMemoryRegion> buffers;
    for (std::size_t i = 0; i != count; ++i)
      buffers.push_back(
          {reinterpret_cast<std::uintptr_t>(memory.data() + i * bytes), bytes, {WEFT_PAYLOAD_LOCATION_HOST_MEMORY, 0}});
    REQUIRE(weftFabricsRegionsFromUserBuffers(buffers.data(), count, &regions) == WEFT_STATUS_OK);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { weftFabricsRegionsFree(regions); }
  std::vector<char> memory;
  weftRegions regions = nullptr;
};

inline weftTargetConfig target_config(weftRegions regions, const char* options = nullptr) {
  return {.endpointAddress = {"127.0.0.1", "0"},
          .provider = WEFT_FABRICS_PROVIDER_TCP,
          .regions = regions,
          .deviceSupport = false,
          .structSize = sizeof(weftTargetConfig),
          .options = options};
}
inline weftInitiatorConfig initiator_config(weftRegions regions, const char* options = nullptr) {
  return {.endpointAddress = {"127.0.0.1", "0"},
          .provider = WEFT_FABRICS_PROVIDER_TCP,
          .regions = regions,
          .deviceSupport = false,
          .structSize = sizeof(weftInitiatorConfig),
          .options = options};
}

/// A fabrics instance, with targets and initiators made on it. They end with it.
class Fabrics {
 public:
  Fabrics() { REQUIRE(weftFabricsCreateInstance(domain.instance(), &handle) == WEFT_STATUS_OK); }
  Fabrics(const Fabrics&) = delete;
  Fabrics& operator=(const Fabrics&) = delete;
  ~Fabrics() {
    for (const weftTargetInfo info : infos_) weftFabricsFreeTargetInfo(info);
    weftFabricsDestroyInstance(handle);
  }

  weftFabricsTarget blank_target() const {
    weftFabricsTarget target = nullptr;
    REQUIRE(weftFabricsCreateTarget(handle, &target) == WEFT_STATUS_OK);
    return target;
  }
  weftFabricsInitiator blank_initiator() const {
    weftFabricsInitiator initiator = nullptr;
    REQUIRE(weftFabricsCreateInitiator(handle, &initiator) == WEFT_STATUS_OK);
    return initiator;
  }
  weftTargetInfo set_up(weftFabricsTarget target, weftRegions regions, const char* options = nullptr) {
    const weftTargetConfig config = target_config(regions, options);
    weftTargetInfo info = nullptr;
    const weftStatus status = weftFabricsTargetSetup(target, &config, &info);
    INFO(last_error());
    REQUIRE(status == WEFT_STATUS_OK);
    infos_.push_back(info);
    return info;
  }
  weftFabricsInitiator initiator(weftRegions regions, const char* options = nullptr) const {
    const weftFabricsInitiator made = blank_initiator();
    const weftInitiatorConfig config = initiator_config(regions, options);
    REQUIRE(weftFabricsInitiatorSetup(made, &config) == WEFT_STATUS_OK);
    return made;
  }

  TestDomain domain;
  weftFabricsInstance handle = nullptr;

 private:
  std::vector<weftTargetInfo> infos_;
};

/// The next result, waited for.
inline weftFabricsResult result_of(weftFabricsInitiator initiator) {
  weftFabricsResult result{};
  result.structSize = sizeof result;
  weftStatus status = WEFT_ERR_NOT_READY;
  soon([&] {
    status = weftFabricsInitiatorNextResult(initiator, &result);
    return status != WEFT_ERR_NOT_READY;
  });
  REQUIRE(status == WEFT_STATUS_OK);
  return result;
}

/// Until every target that was added is connected.
inline void connect(weftFabricsInitiator initiator) {
  weftStatus status = WEFT_ERR_NOT_READY;
  for (int tries = 0; status == WEFT_ERR_NOT_READY && tries != 100; ++tries)
    status = weftFabricsInitiatorMakeProgressBlocking(initiator, 300);
  REQUIRE(status == WEFT_STATUS_OK);
}

}  // namespace weft::test
