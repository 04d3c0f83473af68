#pragma once

#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <weft/base/text.hpp>

/// RFC 4648 base64 with padding, for what travels in JSON, environment variables and shells. Endianness plays no part.
/// Reading is strict (Malformed): a wrong length, a character outside the alphabet, wrong padding, spare bits not zero.
namespace weft::fabric::base64 {

/// `encode_into<std::string>(bytes)`: of any contiguous range of one-byte elements.
template <class Text, class Bytes>
Text encode_into(const Bytes& bytes) {
  static_assert(sizeof(*std::data(bytes)) == 1);
  const std::string text = weft::to_base64(std::as_bytes(std::span{std::data(bytes), std::size(bytes)}));
  return Text(text.begin(), text.end());
}

/// `decode_into<std::vector<std::uint8_t>>(text)`: into any container of one-byte elements.
template <class Bytes>
Result<Bytes> decode_into(std::string_view text) {
  using Element = typename Bytes::value_type;
  static_assert(sizeof(Element) == 1);
  WEFT_LET(const std::vector<std::byte> read, weft::from_base64(text));
  Bytes bytes(read.size(), Element{});
  for (std::size_t i = 0; i < read.size(); ++i) bytes[i] = static_cast<Element>(read[i]);
  return bytes;
}

inline std::string to_base64(std::string_view bytes) { return encode_into<std::string>(bytes); }
inline Result<std::string> from_base64(std::string_view text) { return decode_into<std::string>(text); }

}  // namespace weft::fabric::base64
