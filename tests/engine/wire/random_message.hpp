#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <weft/base/limits.hpp>
#include <weft/wire/digest.hpp>
#include <weft/wire/message.hpp>

/// Random messages that a correct peer could send, and the memory they borrow. Keeps what it made until it goes.
namespace weft::wire::test {

class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>{0, bound - 1}(engine_);
  }

  /// One of the kind with this index in Message; lists have up to `longest` elements.
  Message make(std::size_t kind, std::size_t longest) {
    longest_ = longest;
    switch (kind) {
      case 0:
        return hello();
      case 1:
        return rail();
      case 2:
        return request();
      case 3:
        return offer();
      case 4:
        return grant(reference());
      case 5:
        return Response{.sequence = any(), .entries = entries(), .more = flip(), .granted = flip()};
      case 6:
        return Digests{.transfer = reference(), .round = round(), .first_leaf = small(), .leaves = words(longest_)};
      case 7:
        return done();
      case 8:
        return receipt();
      case 9:
        return Cancel{.transfer = reference(), .why = error()};
      case 10:
        return Credit{.sequence = any(), .granted = any(), .arrived = any()};
      case 11:
        return Failure{.transfer = reference(),
                       .error = error(),
                       .native = static_cast<std::int32_t>(any()),
                       .text = text(1024),
                       .hint = text(1024)};
      case 12:
        return Ping{.nonce = any(), .answer = flip(), .wall_ns = static_cast<std::int64_t>(any())};
      case 13:
        return ring();
      case 14:
        return slots();
      default:
        return Bye{.why = error(), .answer = flip()};
    }
  }

  template <class T>
  std::span<T> keep(std::vector<T> values) {
    auto owned = std::make_shared<std::vector<T>>(std::move(values));
    kept_.push_back(owned);
    return *owned;
  }
  void forget() { kept_.clear(); }

 private:
  std::uint64_t any() { return engine_(); }
  std::uint32_t small() { return static_cast<std::uint32_t>(below(1u << 20)); }
  bool flip() { return below(2) == 1; }
  std::uint8_t round() { return static_cast<std::uint8_t>(below(kMaxRounds + 1)); }
  ErrorClass error() { return static_cast<ErrorClass>(below(kErrorClasses)); }
  Verify verify() { return static_cast<Verify>(below(2)); }
  Lane lane() { return static_cast<Lane>(below(8)); }
  TransferRef reference() { return {.sequence = any(), .opened_by_sender = flip()}; }
  std::size_t length() { return below(longest_ + 1); }

  std::string_view text(std::size_t longest) {
    static constexpr std::string_view kLetters[] = {"a", "Z", "0", ".", "/", " ", "\n", "é", "日", "🧵"};
    auto owned = std::make_shared<std::string>();
    const std::size_t size = flip() ? below(longest + 1) : below(12);
    for (;;) {
      const std::string_view letter = kLetters[below(std::size(kLetters))];
      if (owned->size() + letter.size() > size) break;
      *owned += letter;
    }
    kept_.push_back(owned);
    return *owned;
  }

  template <class T, class Make>
  std::span<const T> list(std::size_t size, Make make) {
    std::vector<T> values(size);
    for (T& value : values) value = make();
    return keep(std::move(values));
  }
  std::span<const std::uint64_t> words(std::size_t longest) {
    return list<std::uint64_t>(below(longest + 1), [&] { return any(); });
  }
  std::span<const std::uint32_t> indices() {
    return list<std::uint32_t>(length(), [&] { return static_cast<std::uint32_t>(any()); });
  }
  template <class Bytes>
  Bytes bytes() {
    Bytes made{};
    for (auto& byte : made) byte = static_cast<std::byte>(below(256));
    return made;
  }

  Hello hello() {
    const auto lowest = static_cast<std::uint16_t>(below(10));
    return {.incarnation = {bytes<std::array<std::byte, 16>>()},
            .version_min = lowest,
            .version_max = static_cast<std::uint16_t>(lowest + below(10)),
            .features = any(),
            .max_open_transfers = small(),
            .max_message_bytes = small(),
            .piece_bytes = kLeafBytes << below(10),
            .host = {bytes<std::array<std::byte, 16>>()},
            .host_name = text(255),
            .lanes = list<LaneOffer>(below(9), [&] { return LaneOffer{lane(), text(16), small()}; }),
            .session = bytes<std::array<std::byte, 16>>()};
  }
  RailRequest rail() {
    return {.number = static_cast<std::uint16_t>(any()),
            .lane = lane(),
            .address = text(128),
            .nonce = any(),
            .answer = flip(),
            .refused = flip(),
            .closed = flip(),
            .reason = text(1024)};
  }

  RingOpen ring() {
    return {.sequence = any(),
            .deadline_ns = any(),
            .token = bytes<std::array<std::byte, 16>>(),
            .grains = small(),
            .slices = small(),
            .grain_bytes = any() >> 16};
  }
  Slots slots() {
    const std::size_t regions = 2 + length();
    return {.sequence = any(),
            .rail = static_cast<std::uint16_t>(any()),
            .slot = static_cast<std::uint16_t>(below(kMaxSlots)),
            .by_index = flip(),
            .granted = any(),
            .arrived = any(),
            .places = list<Place>(
                1 + length(), [&] { return Place{static_cast<std::uint32_t>(1 + below(regions - 1)), any() >> 16}; }),
            .regions = list<RegionKey>(regions, [&] { return RegionKey{any(), any()}; })};
  }

  What what() {
    switch (below(3)) {
      case 0:
        return {.kind = WhatKind::kNames, .names = list<std::string_view>(length(), [&] { return text(255); })};
      case 1:
        return {.kind = WhatKind::kHandles,
                .handles = list<Handle>(length(), [&] { return Handle{small(), {any()}}; })};
      default:
        return {.kind = WhatKind::kEntries, .pattern = text(255), .after = text(255), .limit = small()};
    }
  }
  Part part() {
    switch (below(4)) {
      case 0:
        return {};
      case 1: {
        const auto number = [&] { return static_cast<std::int64_t>(any()); };
        return {.kind = PartKind::kSlice, .ranges = list<RangeSpec>(below(kMaxRank + 1), [&] {
                                            return RangeSpec{number(), number(), number()};
                                          })};
      }
      case 2:
        return {.kind = PartKind::kRowRuns,
                .axis = static_cast<std::uint32_t>(below(kMaxRank)),
                .runs = list<RunSpec>(length(), [&] { return RunSpec{any() / 2, any() / 2}; })};
      default:
        return {
            .kind = PartKind::kRowIndices, .axis = static_cast<std::uint32_t>(below(kMaxRank)), .indices = indices()};
    }
  }
  Request request() {
    Request made{.sequence = any(), .deadline_ns = any(), .inline_max = small()};
    made.generation = {static_cast<GenerationRuleKind>(below(4)), {any()}};
    made.what = what();
    const std::size_t items = std::max(made.what.names.size(), made.what.handles.size());
    made.parts = list<Part>(flip() ? below(2) : items, [&] { return part(); });
    made.verify = verify();
    made.expected_bytes = below(kMaxTensorBytes + 1);
    made.has_grant = flip();
    if (made.has_grant) made.grant = grant({.sequence = made.sequence, .opened_by_sender = true});
    made.trace = text(55);
    return made;
  }

  Where where() {
    switch (below(3)) {
      case 0:
        return {};
      case 1:
        return {.kind = WhereKind::kSegments,
                .segments = list<LandingSegment>(length(), [&] { return LandingSegment{any() / 2, any() / 2}; })};
      default:
        return {.kind = WhereKind::kPages, .page_bytes = 1 + small(), .pages = indices()};
    }
  }
  Grant grant(TransferRef transfer) {
    std::uint32_t end = 0;
    const auto range = [&] {
      const auto gap = static_cast<std::uint32_t>(below(8));
      const auto count = static_cast<std::uint32_t>(1 + below(8));
      const PieceRange made{end + gap, count};
      end += gap + count;
      return made;
    };
    const auto rail = [&] {
      return RailKey{static_cast<std::uint16_t>(any()), static_cast<std::uint16_t>(below(kMaxSlots)), any(), any()};
    };
    return {.transfer = transfer,
            .round = round(),
            .where = where(),
            .wanted = list<PieceRange>(length(), range),
            .rails = list<RailKey>(below(9), rail)};
  }

  std::span<const Attribute> attributes() {
    std::map<std::string_view, std::string_view> made;
    for (std::size_t left = flip() ? 0 : below(6); left > 0; --left) made[text(255)] = text(300);
    made.erase("");
    std::vector<Attribute> all;
    for (const auto& [key, value] : made) all.push_back({key, value});
    return keep(std::move(all));
  }
  EntryAnswer entry() {
    EntryAnswer made{.ok = flip(), .error = error(), .text = text(1024), .name = text(255)};
    made.handle = {.index = small(), .generation = {any()}};
    made.dtype = static_cast<DType>(below(kDTypes));
    made.opaque_type = text(20);
    made.attributes = attributes();
    made.requires_grad = flip();
    made.shape = list<std::int64_t>(below(kMaxRank + 1), [&] { return static_cast<std::int64_t>(any() >> 1); });
    made.bytes = below(8 * kLeafBytes);
    made.leaves = words(leaf_count(made.bytes));
    return made;
  }
  std::span<const EntryAnswer> entries() {
    return list<EntryAnswer>(length(), [&] { return entry(); });
  }
  Offer offer() {
    return {.transfer = reference(),
            .deadline_ns = any(),
            .entries = entries(),
            .total = below(kMaxTensorBytes + 1),
            .is_inline = flip(),
            .verify = verify(),
            .trace = text(55)};
  }
  Done done() {
    return {.transfer = reference(),
            .round = round(),
            .ok = flip(),
            .error = error(),
            .text = text(1024),
            .rails = list<RailCount>(below(9), [&] { return RailCount{static_cast<std::uint16_t>(any()), small()}; }),
            .first_leaf = small(),
            .leaves = words(longest_)};
  }
  Receipt receipt() {
    return {.transfer = reference(),
            .ok = flip(),
            .error = error(),
            .text = text(1024),
            .bytes = below(kMaxTensorBytes + 1),
            .generation = {any()},
            .digest = {bytes<std::array<std::byte, 16>>()},
            .verify = verify(),
            .lane = lane()};
  }

  std::mt19937_64 engine_;
  std::size_t longest_ = 8;
  std::vector<std::shared_ptr<void>> kept_;
};

}  // namespace weft::wire::test
