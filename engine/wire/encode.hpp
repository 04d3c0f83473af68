#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <weft/wire/message.hpp>
#include <weft/wire/records.hpp>
#include <weft/wire/schema.hpp>

/// From the plain structs to Cap'n Proto. Inside engine/wire only. Each message has a pair: `words`, the segment words
/// it takes beyond its own struct at most, and `fill`.
namespace weft::wire::detail {

std::uint64_t words(const Hello&);
std::uint64_t words(const RailRequest&);
std::uint64_t words(const Request&);
std::uint64_t words(const Offer&);
std::uint64_t words(const Grant&);
std::uint64_t words(const Response&);
std::uint64_t words(const Digests&);
std::uint64_t words(const Done&);
std::uint64_t words(const Receipt&);
std::uint64_t words(const Failure&);
inline std::uint64_t words(const Cancel&) { return 0; }
inline std::uint64_t words(const Credit&) { return 0; }
inline std::uint64_t words(const RingOpen&) { return 0; }
std::uint64_t words(const Slots&);
inline std::uint64_t words(const Ping&) { return 0; }
inline std::uint64_t words(const Bye&) { return 0; }

void fill(schema::Hello::Builder, const Hello&);
void fill(schema::Rail::Builder, const RailRequest&);
void fill(schema::Request::Builder, const Request&);
void fill(schema::Offer::Builder, const Offer&);
void fill(schema::Grant::Builder, const Grant&);
void fill(schema::Response::Builder, const Response&);
void fill(schema::Digests::Builder, const Digests&);
void fill(schema::Done::Builder, const Done&);
void fill(schema::Receipt::Builder, const Receipt&);
void fill(schema::Cancel::Builder, const Cancel&);
void fill(schema::Credit::Builder, const Credit&);
void fill(schema::Ring::Builder, const RingOpen&);
void fill(schema::Slots::Builder, const Slots&);
void fill(schema::Failure::Builder, const Failure&);
void fill(schema::Ping::Builder, const Ping&);
void fill(schema::Bye::Builder, const Bye&);

/// Words of one struct of the schema, without what its pointers lead to.
template <class Schema>
inline constexpr std::uint64_t kStructWords =
    std::uint64_t{Schema::_capnpPrivate::dataWordSize} + Schema::_capnpPrivate::pointerCount;

/// Words of a list of structs: its tag and its elements.
template <class Schema>
std::uint64_t list_words(std::size_t elements) {
  return elements == 0 ? 0 : 1 + elements * kStructWords<Schema>;
}

/// An empty text or list is a null pointer and takes nothing.
inline std::uint64_t text_words(std::string_view text) { return text.empty() ? 0 : text.size() / 8 + 1; }

template <class T>
std::uint64_t record_words(std::span<const T> records) {
  return (records.size() * Record<T>::kBytes + 7) / 8;
}

inline void copy_text(capnp::Text::Builder into, std::string_view text) {
  std::memcpy(into.begin(), text.data(), text.size());
}

template <class T>
void copy_records(capnp::Data::Builder into, std::span<const T> records) {
  put_records<T>(reinterpret_cast<std::byte*>(into.begin()), records);
}

/// Enumerations have the schema's values; decode.hpp asserts so.
template <class To, class From>
To as(From value) {
  return static_cast<To>(static_cast<std::uint16_t>(value));
}

template <class Builder>
void fill_reference(Builder& into, const TransferRef& transfer) {
  into.setSequence(transfer.sequence);
  into.setOpenedBySender(transfer.opened_by_sender);
}

template <class Bytes>
std::uint64_t low_word(const Bytes& sixteen) {
  std::uint64_t word = 0;
  std::memcpy(&word, sixteen.data(), 8);
  return word;
}
template <class Bytes>
std::uint64_t high_word(const Bytes& sixteen) {
  std::uint64_t word = 0;
  std::memcpy(&word, sixteen.data() + 8, 8);
  return word;
}

}  // namespace weft::wire::detail
