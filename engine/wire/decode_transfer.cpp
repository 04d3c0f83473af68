#include <limits>

#include <weft/base/checked.hpp>
#include <weft/wire/decode.hpp>
#include <weft/wire/digest.hpp>

namespace weft::wire::detail {
namespace {

constexpr std::uint64_t kAnyCount = std::numeric_limits<std::uint64_t>::max();

std::span<const Attribute> read_attributes(capnp::List<schema::Attribute>::Reader from, Reading& reading) {
  reading.require(from.size() <= kMaxAttributes, "attributes", "too many");
  const std::span<Attribute> attributes = take<Attribute>(from.size(), "attributes", reading);
  std::string_view last{};
  std::uint64_t bytes = 0;
  for (unsigned i = 0; i < attributes.size(); ++i) {
    Attribute& one = attributes[i];
    one.key = read_text(from[i].getKey(), kMaxAttributeKeyBytes, "attributes", reading);
    one.value = read_text(from[i].getValue(), kMaxAttributesBytes, "attributes", reading);
    reading.require(one.key > last, "attributes", "keys that do not rise, or an empty one");
    last = one.key;
    bytes += one.key.size() + one.value.size();
  }
  reading.require(bytes <= kMaxAttributesBytes, "attributes", "too long together");
  return attributes;
}

EntryAnswer read(schema::EntryAnswer::Reader from, Reading& reading) {
  EntryAnswer entry;
  entry.ok = !from.getFailed();
  entry.requires_grad = from.getRequiresGrad();
  entry.error = read_enum<ErrorClass>(from.getError(), "error", reading);
  entry.dtype = read_enum<DType>(from.getDtype(), "dtype", reading);
  entry.handle = {.index = from.getIndex(), .generation = {from.getGeneration()}};
  entry.bytes = from.getBytes();
  reading.require(entry.bytes <= kMaxTensorBytes, "bytes", "above the limit");
  entry.text = read_text(from.getText(), kMaxErrorTextBytes, "text", reading);
  entry.name = read_text(from.getName(), kMaxNameBytes, "name", reading);
  entry.opaque_type = read_text(from.getOpaqueType(), kMaxOpaqueTypeBytes, "opaqueType", reading);
  entry.shape = read_records<std::int64_t>(from.getShape(), kMaxRank, "shape", reading);
  for (std::int64_t size : entry.shape) reading.require(size >= 0, "shape", "negative");
  entry.leaves = read_records<std::uint64_t>(from.getLeaves(), leaf_count(entry.bytes), "leaves", reading);
  if (from.hasAttributes()) entry.attributes = read_attributes(from.getAttributes(), reading);
  return entry;
}

std::span<const EntryAnswer> read_entries(capnp::List<schema::EntryAnswer>::Reader from, Reading& reading) {
  reading.require(from.size() <= kMaxBatchItems, "entries", "too many");
  std::span<EntryAnswer> entries = take<EntryAnswer>(from.size(), "entries", reading);
  for (unsigned i = 0; i < entries.size(); ++i) entries[i] = read(from[i], reading);
  return entries;
}

Where read(schema::Where::Reader from, Reading& reading) {
  Where where;
  switch (from.which()) {
    case schema::Where::DENSE:
      return where;
    case schema::Where::SEGMENTS:
      where.kind = WhereKind::kSegments;
      where.segments = read_records<LandingSegment>(from.getSegments(), kMaxBatchItems, "segments", reading);
      for (const LandingSegment& segment : where.segments)
        reading.require(checked_add(segment.offset, segment.length).has_value(), "segments", "end past 2^64");
      return where;
    case schema::Where::PAGES: {
      const auto pages = from.getPages();
      where.kind = WhereKind::kPages;
      where.page_bytes = pages.getPageBytes();
      reading.require(where.page_bytes > 0 && where.page_bytes <= kMaxTensorBytes, "pageBytes", "out of range");
      where.pages = read_records<std::uint32_t>(pages.getIndices(), kMaxBatchItems, "pages", reading);
      for (std::uint32_t page : where.pages)
        reading.require(checked_mul(std::uint64_t{page} + 1, where.page_bytes).has_value(), "pages", "end past 2^64");
      return where;
    }
  }
  reading.refuse("where", "no such kind");
  return where;
}

void check_wanted(std::span<const PieceRange> wanted, Reading& reading) {
  std::uint64_t end = 0;
  for (const PieceRange& range : wanted) {
    reading.require(range.count > 0 && range.first >= end, "wanted", "not rising and apart");
    end = std::uint64_t{range.first} + range.count;
    reading.require(end <= kMaxPieces, "wanted", "past the last possible piece");
  }
}

/// Leaves [first, first + count) are named by 32 bits.
template <class Message>
void check_leaves(const Message& message, Reading& reading) {
  const std::uint64_t end = std::uint64_t{message.first_leaf} + message.leaves.size();
  reading.require(end <= std::numeric_limits<std::uint32_t>::max(), "leaves", "numbered past 2^32");
}

}  // namespace

Offer read(schema::Offer::Reader from, Reading& reading) {
  Offer offer{.transfer = read_reference(from),
              .deadline_ns = from.getDeadlineNs(),
              .entries = read_entries(from.getEntries(), reading),
              .total = from.getTotal(),
              .is_inline = from.getIsInline(),
              .verify = read_enum<Verify>(from.getVerify(), "verify", reading),
              .trace = read_text(from.getTrace(), kMaxNameBytes, "trace", reading)};
  reading.require(offer.total <= kMaxTensorBytes, "total", "above the limit");
  return offer;
}

Grant read(schema::Grant::Reader from, Reading& reading) {
  Grant grant{.transfer = read_reference(from),
              .round = read_round(from, reading),
              .where = read(from.getWhere(), reading),
              .wanted = read_records<PieceRange>(from.getWanted(), kMaxPieces, "wanted", reading),
              .rails = read_records<RailKey>(from.getRails(), kMaxRailKeys, "rails", reading)};
  check_wanted(grant.wanted, reading);
  for (const RailKey& rail : grant.rails) reading.require(rail.slot < kMaxSlots, "slot", "above the limit");
  return grant;
}

Response read(schema::Response::Reader from, Reading& reading) {
  return {.sequence = from.getSequence(),
          .entries = read_entries(from.getEntries(), reading),
          .more = from.getMore(),
          .granted = from.getGranted()};
}

Digests read(schema::Digests::Reader from, Reading& reading) {
  Digests digests{.transfer = read_reference(from),
                  .round = read_round(from, reading),
                  .first_leaf = from.getFirstLeaf(),
                  .leaves = read_records<std::uint64_t>(from.getLeaves(), kAnyCount, "leaves", reading)};
  check_leaves(digests, reading);
  return digests;
}

Done read(schema::Done::Reader from, Reading& reading) {
  Done done{.transfer = read_reference(from),
            .round = read_round(from, reading),
            .ok = !from.getFailed(),
            .error = read_enum<ErrorClass>(from.getError(), "error", reading),
            .text = read_text(from.getText(), kMaxErrorTextBytes, "text", reading),
            .rails = read_records<RailCount>(from.getRails(), kMaxRailKeys, "rails", reading),
            .first_leaf = from.getFirstLeaf(),
            .leaves = read_records<std::uint64_t>(from.getLeaves(), kAnyCount, "leaves", reading)};
  check_leaves(done, reading);
  return done;
}

Receipt read(schema::Receipt::Reader from, Reading& reading) {
  Receipt receipt{.transfer = read_reference(from),
                  .ok = !from.getFailed(),
                  .error = read_enum<ErrorClass>(from.getError(), "error", reading),
                  .text = read_text(from.getText(), kMaxErrorTextBytes, "text", reading),
                  .bytes = from.getBytes(),
                  .generation = {from.getGeneration()},
                  .digest = {},
                  .verify = read_enum<Verify>(from.getVerify(), "verify", reading),
                  .lane = read_enum<Lane>(from.getLane(), "lane", reading)};
  reading.require(receipt.bytes <= kMaxTensorBytes, "bytes", "above the limit");
  join_words(receipt.digest.bytes, from.getDigestLow(), from.getDigestHigh());
  return receipt;
}

Cancel read(schema::Cancel::Reader from, Reading& reading) {
  return {.transfer = read_reference(from), .why = read_enum<ErrorClass>(from.getWhy(), "why", reading)};
}

Failure read(schema::Failure::Reader from, Reading& reading) {
  return {.transfer = read_reference(from),
          .error = read_enum<ErrorClass>(from.getError(), "error", reading),
          .native = from.getNative(),
          .text = read_text(from.getText(), kMaxErrorTextBytes, "text", reading),
          .hint = read_text(from.getHint(), kMaxErrorTextBytes, "hint", reading)};
}

}  // namespace weft::wire::detail
