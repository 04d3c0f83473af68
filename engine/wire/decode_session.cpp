#include <bit>

#include <weft/wire/decode.hpp>

namespace weft::wire::detail {

Hello read(schema::Hello::Reader from, Reading& reading) {
  Hello hello;
  join_words(hello.incarnation.bytes, from.getIncarnationLow(), from.getIncarnationHigh());
  hello.version_min = from.getVersionMin();
  hello.version_max = from.getVersionMax();
  reading.require(hello.version_min <= hello.version_max, "versions", "the least is above the greatest");
  hello.features = from.getFeatures();
  hello.max_open_transfers = from.getMaxOpenTransfers();
  hello.max_message_bytes = from.getMaxMessageBytes();
  hello.piece_bytes = from.getPieceBytes();
  reading.require(
      std::has_single_bit(hello.piece_bytes) && hello.piece_bytes >= kLeafBytes && hello.piece_bytes <= kMaxTensorBytes,
      "pieceBytes", "not a power of two of at least 256 KiB");
  join_words(hello.host.bytes, from.getHostLow(), from.getHostHigh());
  join_words(hello.session, from.getSessionLow(), from.getSessionHigh());
  hello.host_name = read_text(from.getHostName(), kMaxNameBytes, "hostName", reading);

  const auto lanes = from.getLanes();
  reading.require(lanes.size() <= kMaxLaneOffers, "lanes", "too many");
  std::span<LaneOffer> offers = take<LaneOffer>(lanes.size(), "lanes", reading);
  std::size_t known = 0;
  for (unsigned i = 0; i < offers.size(); ++i) {
    const auto lane = lanes[i];
    // A newer peer may name lanes that do not exist here yet; everywhere else an unknown value is an error.
    if (static_cast<std::uint16_t>(lane.getLane()) >= kEnumValues<Lane>) continue;
    offers[known++] = {.lane = read_enum<Lane>(lane.getLane(), "lane", reading),
                       .provider = read_text(lane.getProvider(), kMaxNameBytes, "provider", reading),
                       .wire_version = lane.getWireVersion()};
  }
  hello.lanes = offers.first(known);
  return hello;
}

RailRequest read(schema::Rail::Reader from, Reading& reading) {
  return {.number = from.getNumber(),
          .lane = read_enum<Lane>(from.getLane(), "lane", reading),
          .address = read_text(from.getAddress(), kMaxAddressBytes, "address", reading),
          .nonce = from.getNonce(),
          .answer = from.getAnswer(),
          .refused = from.getRefused(),
          .closed = from.getClosed(),
          .reason = read_text(from.getReason(), kMaxErrorTextBytes, "reason", reading)};
}

Ping read(schema::Ping::Reader from, Reading&) {
  return {.nonce = from.getNonce(), .answer = from.getAnswer(), .wall_ns = from.getWallNs()};
}

Bye read(schema::Bye::Reader from, Reading& reading) {
  return {.why = read_enum<ErrorClass>(from.getWhy(), "why", reading), .answer = from.getAnswer()};
}

}  // namespace weft::wire::detail
