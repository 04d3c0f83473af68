#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>

#include <weft/wire/message.hpp>

/// The records of the schema's `Data` lists: the members of a struct side by side, little-endian, without padding.
namespace weft::wire::detail {

static_assert(std::endian::native == std::endian::little, "records are copied as they lie in memory");

template <class T, auto... Members>
struct Fields {
  static constexpr std::size_t kBytes = (sizeof(std::declval<T>().*Members) + ...);

  static void put(std::byte* into, const T& record) noexcept {
    ((std::memcpy(into, &(record.*Members), sizeof(record.*Members)), into += sizeof(record.*Members)), ...);
  }
  static void get(const std::byte* from, T& record) noexcept {
    ((std::memcpy(&(record.*Members), from, sizeof(record.*Members)), from += sizeof(record.*Members)), ...);
  }
};

template <class T>
struct Record;
template <std::integral T>
struct Record<T> {
  static constexpr std::size_t kBytes = sizeof(T);
};
template <>
struct Record<Handle> : Fields<Handle, &Handle::index, &Handle::generation> {};
template <>
struct Record<RangeSpec> : Fields<RangeSpec, &RangeSpec::start, &RangeSpec::stop, &RangeSpec::step> {};
template <>
struct Record<RunSpec> : Fields<RunSpec, &RunSpec::start, &RunSpec::count> {};
template <>
struct Record<RailKey> : Fields<RailKey, &RailKey::rail, &RailKey::slot, &RailKey::key, &RailKey::base> {};
template <>
struct Record<Place> : Fields<Place, &Place::region, &Place::offset> {};
template <>
struct Record<RegionKey> : Fields<RegionKey, &RegionKey::key, &RegionKey::base> {};
template <>
struct Record<PieceRange> : Fields<PieceRange, &PieceRange::first, &PieceRange::count> {};
template <>
struct Record<LandingSegment> : Fields<LandingSegment, &LandingSegment::offset, &LandingSegment::length> {};
template <>
struct Record<RailCount> : Fields<RailCount, &RailCount::rail, &RailCount::posted> {};

/// Into exactly records.size() × kBytes bytes.
template <class T>
void put_records(std::byte* into, std::span<const T> records) noexcept {
  if constexpr (Record<T>::kBytes == sizeof(T)) {
    if (!records.empty()) std::memcpy(into, records.data(), records.size_bytes());
  } else {
    for (const T& record : records) {
      Record<T>::put(into, record);
      into += Record<T>::kBytes;
    }
  }
}

/// From exactly records.size() × kBytes bytes.
template <class T>
void get_records(const std::byte* from, std::span<T> records) noexcept {
  if constexpr (Record<T>::kBytes == sizeof(T)) {
    if (!records.empty()) std::memcpy(records.data(), from, records.size_bytes());
  } else {
    for (T& record : records) {
      Record<T>::get(from, record);
      from += Record<T>::kBytes;
    }
  }
}

}  // namespace weft::wire::detail
