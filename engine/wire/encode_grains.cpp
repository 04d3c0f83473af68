#include <weft/wire/encode.hpp>

namespace weft::wire::detail {

void fill(schema::Ring::Builder into, const RingOpen& ring) {
  into.setSequence(ring.sequence);
  into.setDeadlineNs(ring.deadline_ns);
  into.setTokenLow(low_word(ring.token));
  into.setTokenHigh(high_word(ring.token));
  into.setGrains(ring.grains);
  into.setSlices(ring.slices);
  into.setGrainBytes(ring.grain_bytes);
}

std::uint64_t words(const Slots& slots) { return record_words(slots.places) + record_words(slots.regions); }

void fill(schema::Slots::Builder into, const Slots& slots) {
  into.setSequence(slots.sequence);
  into.setRail(slots.rail);
  into.setSlot(slots.slot);
  into.setByIndex(slots.by_index);
  into.setGranted(slots.granted);
  into.setArrived(slots.arrived);
  if (!slots.places.empty()) copy_records(into.initPlaces(slots.places.size() * Record<Place>::kBytes), slots.places);
  if (!slots.regions.empty())
    copy_records(into.initRegions(slots.regions.size() * Record<RegionKey>::kBytes), slots.regions);
}

void fill(schema::Credit::Builder into, const Credit& credit) {
  into.setSequence(credit.sequence);
  into.setGranted(credit.granted);
  into.setArrived(credit.arrived);
}

}  // namespace weft::wire::detail
