#include <weft/wire/encode.hpp>

namespace weft::wire::detail {

std::uint64_t words(const Hello& hello) {
  std::uint64_t sum = text_words(hello.host_name) + list_words<schema::LaneOffer>(hello.lanes.size());
  for (const LaneOffer& lane : hello.lanes) sum += text_words(lane.provider);
  return sum;
}

void fill(schema::Hello::Builder into, const Hello& hello) {
  into.setIncarnationLow(low_word(hello.incarnation.bytes));
  into.setIncarnationHigh(high_word(hello.incarnation.bytes));
  into.setVersionMin(hello.version_min);
  into.setVersionMax(hello.version_max);
  into.setFeatures(hello.features);
  into.setMaxOpenTransfers(hello.max_open_transfers);
  into.setMaxMessageBytes(hello.max_message_bytes);
  into.setPieceBytes(hello.piece_bytes);
  into.setHostLow(low_word(hello.host.bytes));
  into.setHostHigh(high_word(hello.host.bytes));
  into.setSessionLow(low_word(hello.session));
  into.setSessionHigh(high_word(hello.session));
  if (!hello.host_name.empty()) copy_text(into.initHostName(hello.host_name.size()), hello.host_name);
  if (hello.lanes.empty()) return;
  auto lanes = into.initLanes(static_cast<unsigned>(hello.lanes.size()));
  for (unsigned i = 0; i < lanes.size(); ++i) {
    const LaneOffer& lane = hello.lanes[i];
    auto entry = lanes[i];
    entry.setLane(as<schema::Lane>(lane.lane));
    entry.setWireVersion(lane.wire_version);
    if (!lane.provider.empty()) copy_text(entry.initProvider(lane.provider.size()), lane.provider);
  }
}

std::uint64_t words(const RailRequest& rail) { return text_words(rail.address) + text_words(rail.reason); }

void fill(schema::Rail::Builder into, const RailRequest& rail) {
  into.setNumber(rail.number);
  into.setLane(as<schema::Lane>(rail.lane));
  into.setNonce(rail.nonce);
  into.setAnswer(rail.answer);
  into.setRefused(rail.refused);
  into.setClosed(rail.closed);
  if (!rail.address.empty()) copy_text(into.initAddress(rail.address.size()), rail.address);
  if (!rail.reason.empty()) copy_text(into.initReason(rail.reason.size()), rail.reason);
}

void fill(schema::Ping::Builder into, const Ping& ping) {
  into.setNonce(ping.nonce);
  into.setAnswer(ping.answer);
  into.setWallNs(ping.wall_ns);
}

void fill(schema::Bye::Builder into, const Bye& bye) {
  into.setWhy(as<schema::ErrorClass>(bye.why));
  into.setAnswer(bye.answer);
}

}  // namespace weft::wire::detail
