#include <weft/nodes/c/regions.hpp>

#include <vector>

#include <weft/nodes/c/grain_shape.hpp>

#include "domain.hpp"

using weft::c::GrainShape;
using weft::c::HandleTable;
using weft::c::Regions;
using weft::test::TestDomain;

namespace {

weftFabricsMemoryRegion region(const void* data, std::size_t size,
                               weftPayloadLocation type = WEFT_PAYLOAD_LOCATION_HOST_MEMORY) {
  return {reinterpret_cast<std::uintptr_t>(data), size, {type, 0}};
}

std::shared_ptr<Regions> behind(weftRegions handle) { return *HandleTable::instance().find<Regions>(handle); }

}  // namespace

TEST_CASE("regions: buffers of the caller's, of host and of device memory", "[M-31][O-17]") {
  std::vector<char> memory(300);
  const std::vector<weftFabricsMemoryRegion> buffers{
      region(memory.data(), 100), region(memory.data() + 100, 100),
      region(memory.data() + 200, 100, WEFT_PAYLOAD_LOCATION_DEVICE_MEMORY)};
  weftRegions regions = nullptr;
  REQUIRE(weftFabricsRegionsFromUserBuffers(buffers.data(), 2, &regions) == WEFT_STATUS_OK);
  REQUIRE_FALSE(behind(regions)->on_device());
  REQUIRE(behind(regions)->writable());
  REQUIRE(*behind(regions)->equal_size() == 100);
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsRegionsFromUserBuffers(buffers.data(), 3, &regions) == WEFT_STATUS_OK);
  REQUIRE(behind(regions)->on_device());
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_STATUS_OK);
}

TEST_CASE("regions: what cannot be memory is refused", "[M-31]") {
  char byte = 0;
  weftRegions regions = nullptr;
  const weftFabricsMemoryRegion sound = region(&byte, 1);
  REQUIRE(weftFabricsRegionsFromUserBuffers(nullptr, 1, &regions) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsRegionsFromUserBuffers(&sound, 1, nullptr) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsRegionsFromUserBuffers(&sound, 0, &regions) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsRegionsFromUserBuffers(&sound, (1 << 20) + 1, &regions) == WEFT_ERR_INVALID_ARG);
  for (const weftFabricsMemoryRegion& wrong : {region(nullptr, 1), region(&byte, 0), region(&byte, SIZE_MAX),
                                               region(&byte, 1, static_cast<weftPayloadLocation>(7))})
    REQUIRE(weftFabricsRegionsFromUserBuffers(&wrong, 1, &regions) == WEFT_ERR_INVALID_ARG);
  REQUIRE(regions == nullptr);
}

TEST_CASE("regions: a discrete flow has one for each grain, a continuous one a single one", "[O-17]") {
  TestDomain domain;
  domain.make_discrete("video", 5, 1000);
  domain.make_continuous("audio", 100, 3, 8);
  weftRegions regions = nullptr;
  REQUIRE(weftFabricsRegionsForFlowWriter(domain.writer("video"), &regions) == WEFT_STATUS_OK);
  REQUIRE(behind(regions)->buffers().size() == 5);
  REQUIRE(*behind(regions)->equal_size() == 8192 + 1000);
  REQUIRE(behind(regions)->writable());
  const auto& buffers = behind(regions)->buffers();
  for (std::size_t i = 1; i != buffers.size(); ++i) REQUIRE(buffers[i].addr >= buffers[i - 1].addr + 8192 + 1000);
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsForFlowReader(domain.reader("video"), &regions) == WEFT_STATUS_OK);
  REQUIRE_FALSE(behind(regions)->writable());
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsForFlowReader(domain.reader("audio"), &regions) == WEFT_STATUS_OK);
  REQUIRE(behind(regions)->buffers().size() == 1);
  REQUIRE(*behind(regions)->equal_size() == 3 * 100 * 8);
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_STATUS_OK);
}

TEST_CASE("regions: they keep a flow's memory when its reader is gone") {
  TestDomain domain;
  domain.make_discrete("video", 2, 100);
  const weftFlowReader reader = domain.reader("video");
  weftRegions regions = nullptr;
  REQUIRE(weftFabricsRegionsForFlowReader(reader, &regions) == WEFT_STATUS_OK);
  REQUIRE(weftReleaseFlowReader(domain.instance(), reader) == WEFT_STATUS_OK);
  const auto bytes = behind(regions)->bytes(1);
  REQUIRE(bytes.size() == 8192 + 100);
  REQUIRE(bytes[8192 + 99] == std::byte{0});
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_STATUS_OK);
}

TEST_CASE("grain shape: slices of a flow's payload become equal parts of header and payload", "[O-59]") {
  TestDomain domain;
  domain.make_discrete("video", 2, 5120 * 10, 10);
  weftRegions regions = nullptr;
  REQUIRE(weftFabricsRegionsForFlowWriter(domain.writer("video"), &regions) == WEFT_STATUS_OK);
  const GrainShape shape = *GrainShape::of(*behind(regions), std::nullopt);
  REQUIRE(shape.unit_bytes == 1024);
  REQUIRE(shape.header_units == 8);
  REQUIRE(shape.units_per_slice == 5);
  REQUIRE(shape.engine_slices() == 8 + 50);
  REQUIRE(shape.unit_bytes * shape.engine_slices() == 8192 + 5120 * 10);
  REQUIRE(shape.units_of(0, 10)->first == 0);
  REQUIRE(shape.units_of(0, 10)->last == 58);
  REQUIRE(shape.units_of(3, 4)->first == 23);
  REQUIRE(shape.units_of(3, 4)->last == 28);
  REQUIRE(shape.units_of(0, 0)->last == 0);
  REQUIRE(shape.units_of(4, 3).error().status == WEFT_ERR_INVALID_ARG);
  REQUIRE(shape.units_of(0, 11).error().status == WEFT_ERR_INVALID_ARG);
  REQUIRE(shape.whole_slices(0) == 0);
  REQUIRE(shape.whole_slices(8) == 0);
  REQUIRE(shape.whole_slices(12) == 0);
  REQUIRE(shape.whole_slices(13) == 1);
  REQUIRE(shape.whole_slices(58) == 10);
  REQUIRE(GrainShape::of(*behind(regions), 3).error().status == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_STATUS_OK);
}

TEST_CASE("grain shape: buffers of the caller's are divided as the options say, or not at all") {
  std::vector<char> memory(200);
  const weftFabricsMemoryRegion buffers[] = {region(memory.data(), 100), region(memory.data() + 100, 99)};
  const auto one = *Regions::of_buffers({buffers, 1});
  REQUIRE(GrainShape::of(*one, std::nullopt)->engine_slices() == 1);
  REQUIRE(GrainShape::of(*one, 4)->engine_slices() == 4);
  REQUIRE(GrainShape::of(*one, 4)->whole_slices(3) == 3);
  REQUIRE(GrainShape::of(*one, 3).error().status == WEFT_ERR_INVALID_ARG);
  REQUIRE(GrainShape::of(**Regions::of_buffers({buffers, 2}), std::nullopt).error().status == WEFT_ERR_INVALID_ARG);
}
