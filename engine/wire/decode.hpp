#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/wire/arena.hpp>
#include <weft/wire/message.hpp>
#include <weft/wire/records.hpp>
#include <weft/wire/schema.hpp>

/// From Cap'n Proto to the plain structs. Inside engine/wire only. The functions return what they could read; the
/// first thing that was wrong is kept in the Reading, and the message is refused for it at the end. A pointer that
/// leads nowhere throws kj::Exception, which Decoder::decode catches.
namespace weft::wire::detail {

/// Of one message: where its arrays go and what was wrong with it.
struct Reading {
  Arena& arena;
  const char* field = nullptr;  ///< null: nothing was wrong so far
  const char* problem = nullptr;

  void refuse(const char* where, const char* why) {
    if (field != nullptr) return;
    field = where;
    problem = why;
  }
  void require(bool holds, const char* where, const char* why) {
    if (!holds) refuse(where, why);
  }
};

inline constexpr std::uint64_t kMaxLaneOffers = 32;
inline constexpr std::uint64_t kMaxRailKeys = 4096;

Hello read(schema::Hello::Reader, Reading&);
RailRequest read(schema::Rail::Reader, Reading&);
Request read(schema::Request::Reader, Reading&);
Offer read(schema::Offer::Reader, Reading&);
Grant read(schema::Grant::Reader, Reading&);
Response read(schema::Response::Reader, Reading&);
Digests read(schema::Digests::Reader, Reading&);
Done read(schema::Done::Reader, Reading&);
Receipt read(schema::Receipt::Reader, Reading&);
Cancel read(schema::Cancel::Reader, Reading&);
Credit read(schema::Credit::Reader, Reading&);
RingOpen read(schema::Ring::Reader, Reading&);
Slots read(schema::Slots::Reader, Reading&);
Failure read(schema::Failure::Reader, Reading&);
Ping read(schema::Ping::Reader, Reading&);
Bye read(schema::Bye::Reader, Reading&);

inline std::string_view read_text(capnp::Text::Reader text, std::uint64_t max_bytes, const char* field,
                                  Reading& reading) {
  const std::string_view view{text.begin(), text.size()};
  reading.require(view.size() <= max_bytes, field, "too long");
  if (!view.empty() && view.size() <= max_bytes) reading.require(is_clean_utf8(view), field, "not UTF-8 without NUL");
  return view;
}

template <class T>
std::span<T> take(std::size_t count, const char* field, Reading& reading) {
  if (count == 0 || reading.field != nullptr) return {};
  std::span<T> taken = reading.arena.take<T>(count);
  reading.require(!taken.empty(), field, "larger than its message");
  return taken;
}

template <class T>
std::span<const T> read_records(capnp::Data::Reader data, std::uint64_t max_count, const char* field,
                                Reading& reading) {
  const std::size_t count = data.size() / Record<T>::kBytes;
  reading.require(data.size() % Record<T>::kBytes == 0, field, "not a whole number of records");
  reading.require(count <= max_count, field, "too many");
  std::span<T> records = take<T>(count, field, reading);
  if (!records.empty()) get_records(reinterpret_cast<const std::byte*>(data.begin()), records);
  return records;
}

/// How many values an enumeration has, from 0 on: the same here and in the schema.
template <class T>
inline constexpr std::uint16_t kEnumValues = 0;
template <>
inline constexpr std::uint16_t kEnumValues<Lane> = static_cast<std::uint16_t>(schema::Lane::LOCAL) + 1;
template <>
inline constexpr std::uint16_t kEnumValues<ErrorClass> = static_cast<std::uint16_t>(schema::ErrorClass::INTERNAL) + 1;
template <>
inline constexpr std::uint16_t kEnumValues<DType> = static_cast<std::uint16_t>(schema::DType::OPAQUE) + 1;
template <>
inline constexpr std::uint16_t kEnumValues<Verify> = static_cast<std::uint16_t>(schema::Verify::LANE) + 1;
template <>
inline constexpr std::uint16_t kEnumValues<GenerationRuleKind> =
    static_cast<std::uint16_t>(schema::GenerationRule::AT_LEAST) + 1;
static_assert(kEnumValues<Lane> == static_cast<std::uint16_t>(Lane::kLocal) + 1);
static_assert(kEnumValues<ErrorClass> == kErrorClasses);
static_assert(kEnumValues<DType> == kDTypes);
static_assert(kEnumValues<Verify> == static_cast<std::uint16_t>(Verify::kLane) + 1);
static_assert(kEnumValues<GenerationRuleKind> == static_cast<std::uint16_t>(GenerationRuleKind::kAtLeast) + 1);

template <class To, class From>
To read_enum(From raw, const char* field, Reading& reading) {
  const auto value = static_cast<std::uint16_t>(raw);
  const bool known = value < kEnumValues<To>;
  reading.require(known, field, "no such value");
  return known ? static_cast<To>(value) : To{};
}

template <class Reader>
TransferRef read_reference(const Reader& from) {
  return {.sequence = from.getSequence(), .opened_by_sender = from.getOpenedBySender()};
}

template <class Reader>
std::uint8_t read_round(const Reader& from, Reading& reading) {
  reading.require(from.getRound() <= kMaxRounds, "round", "above the limit");
  return from.getRound();
}

template <std::size_t N>
void join_words(std::array<std::byte, N>& into, std::uint64_t low, std::uint64_t high) {
  static_assert(N == 16);
  std::memcpy(into.data(), &low, 8);
  std::memcpy(into.data() + 8, &high, 8);
}

}  // namespace weft::wire::detail
