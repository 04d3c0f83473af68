#include <weft/wire/decode.hpp>

namespace weft::wire::detail {

RingOpen read(schema::Ring::Reader from, Reading& reading) {
  RingOpen ring{.sequence = from.getSequence(),
                .deadline_ns = from.getDeadlineNs(),
                .grains = from.getGrains(),
                .slices = from.getSlices(),
                .grain_bytes = from.getGrainBytes()};
  join_words(ring.token, from.getTokenLow(), from.getTokenHigh());
  reading.require(ring.grains <= kMaxPieces, "grains", "above the limit");
  reading.require(ring.grain_bytes <= kMaxTensorBytes, "grainBytes", "above the limit");
  return ring;
}

Slots read(schema::Slots::Reader from, Reading& reading) {
  Slots slots{.sequence = from.getSequence(),
              .rail = from.getRail(),
              .slot = from.getSlot(),
              .by_index = from.getByIndex(),
              .granted = from.getGranted(),
              .arrived = from.getArrived()};
  reading.require(slots.slot < kMaxSlots, "slot", "above the limit");
  slots.regions = read_records<RegionKey>(from.getRegions(), kMaxGrainRegions, "regions", reading);
  slots.places = read_records<Place>(from.getPlaces(), kMaxPieces, "places", reading);
  reading.require(!slots.places.empty(), "places", "none");
  for (const Place& place : slots.places) {
    // The first region is the headers': no grain lies there.
    reading.require(place.region > 0 && place.region < slots.regions.size(), "places", "in no region");
    reading.require(place.offset <= kMaxTensorBytes, "places", "an offset above the limit");
  }
  return slots;
}

Credit read(schema::Credit::Reader from, Reading&) {
  return {.sequence = from.getSequence(), .granted = from.getGranted(), .arrived = from.getArrived()};
}

}  // namespace weft::wire::detail
