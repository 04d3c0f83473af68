#include <weft/nodes/c/regions.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <weft/base/checked.hpp>
#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/flow_reader.hpp>
#include <weft/nodes/c/flow_writer.hpp>

namespace weft::c {
namespace {

constexpr std::size_t kMaxRegions = 1 << 20;

weftFabricsMemoryRegion host_region(std::span<std::byte> bytes) {
  return {.addr = reinterpret_cast<std::uintptr_t>(bytes.data()),
          .size = bytes.size(),
          .loc = {.type = WEFT_PAYLOAD_LOCATION_HOST_MEMORY, .deviceId = 0}};
}

Outcome<void> check(const weftFabricsMemoryRegion& region, std::size_t index) {
  if (region.addr == 0 || region.size == 0) return bad_argument(fmt::format("region {} is empty", index));
  if (!checked_add<std::uintptr_t>(region.addr, region.size))
    return bad_argument(fmt::format("region {} goes beyond the end of memory", index));
  if (region.loc.type != WEFT_PAYLOAD_LOCATION_HOST_MEMORY && region.loc.type != WEFT_PAYLOAD_LOCATION_DEVICE_MEMORY)
    return bad_argument(fmt::format("region {} is in no location that there is", index));
  return {};
}

}  // namespace

Outcome<std::shared_ptr<Regions>> Regions::of_buffers(std::span<const weftFabricsMemoryRegion> buffers) {
  if (buffers.empty() || buffers.size() > kMaxRegions)
    return bad_argument(fmt::format("{} regions, and there may be 1 to {}", buffers.size(), kMaxRegions));
  for (std::size_t i = 0; i != buffers.size(); ++i) WEFT_C_TRY(check(buffers[i], i));
  return std::make_shared<Regions>(std::vector(buffers.begin(), buffers.end()));
}

std::shared_ptr<Regions> Regions::of_flow(std::shared_ptr<FlowFile> file) {
  std::vector<weftFabricsMemoryRegion> buffers;
  if (file->layout().discrete())
    for (std::uint32_t slot = 0; slot != file->layout().shape().grain_count; ++slot)
      buffers.push_back(host_region(file->region(slot)));
  else
    buffers.push_back(host_region(file->buffers()));
  return std::make_shared<Regions>(std::move(buffers), std::move(file));
}

bool Regions::on_device() const noexcept {
  return std::any_of(buffers_.begin(), buffers_.end(),
                     [](const auto& region) { return region.loc.type == WEFT_PAYLOAD_LOCATION_DEVICE_MEMORY; });
}

Outcome<std::size_t> Regions::equal_size() const {
  const std::size_t size = buffers_.front().size;
  for (std::size_t i = 0; i != buffers_.size(); ++i)
    if (buffers_[i].size != size)
      return bad_argument(fmt::format("region {} has {} bytes, the first one {}", i, buffers_[i].size, size),
                          "a ring's buffers are of one size");
  return size;
}

std::span<std::byte> Regions::bytes(std::size_t index) const noexcept {
  // An integer is what C callers describe memory by.
  return {reinterpret_cast<std::byte*>(buffers_[index].addr),  // NOLINT(performance-no-int-to-ptr)
          buffers_[index].size};
}

}  // namespace weft::c

using namespace weft::c;

namespace {

template <class Side>
Outcome<void> regions_of(const void* side, weftRegions* out_regions) {
  WEFT_C_TRY(not_null(out_regions));
  WEFT_C_LET(const auto found, HandleTable::instance().find<Side>(side));
  WEFT_C_TRY(found->file()->whole());
  return give(HandleTable::instance().add(Regions::of_flow(found->file())), out_regions);
}

}  // namespace

weftStatus weftFabricsRegionsForFlowReader(weftFlowReader in_reader, weftRegions* out_regions) {
  return guarded("weftFabricsRegionsForFlowReader", [&] { return regions_of<FlowReader>(in_reader, out_regions); });
}

weftStatus weftFabricsRegionsForFlowWriter(weftFlowWriter in_writer, weftRegions* out_regions) {
  return guarded("weftFabricsRegionsForFlowWriter", [&] { return regions_of<FlowWriter>(in_writer, out_regions); });
}

weftStatus weftFabricsRegionsFromUserBuffers(const weftFabricsMemoryRegion* in_regions, size_t in_count,
                                             weftRegions* out_regions) {
  return guarded("weftFabricsRegionsFromUserBuffers", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_regions, out_regions));
    WEFT_C_LET(auto regions, Regions::of_buffers({in_regions, in_count}));
    return give(HandleTable::instance().add(std::move(regions)), out_regions);
  });
}

weftStatus weftFabricsRegionsFree(weftRegions in_regions) {
  return guarded("weftFabricsRegionsFree", [&] { return HandleTable::instance().destroy<Regions>(in_regions); });
}
