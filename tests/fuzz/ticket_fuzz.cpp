// Ticket::parse on any text, and on any bytes that were given a right checksum. What it takes has one spelling.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/text.hpp>
#include <weft/wire/ticket.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

void check(std::string_view text) {
  const auto ticket = weft::Ticket::parse(text);
  if (!ticket) {
    const weft::ErrorClass kind = ticket.error().kind();
    require(kind == weft::ErrorClass::kMalformed || kind == weft::ErrorClass::kUnsupported);
    require(!ticket.error().hint().empty());
    return;
  }
  const std::string spelt = ticket->to_string();
  const auto again = weft::Ticket::parse(spelt);
  require(again.has_value() && *again == *ticket);

  constexpr std::string_view kSpace = " \t\n\v\f\r";
  text.remove_prefix(text.find_first_not_of(kSpace));
  text = text.substr(0, text.find_last_not_of(kSpace) + 1);
  require(std::ranges::equal(text.substr(4), std::string_view{spelt}.substr(4), {}, lower));
}

std::string sealed(std::span<const std::byte> body) {
  std::vector<std::byte> bytes{body.begin(), body.end()};
  std::uint32_t crc = ~std::uint32_t{0};
  for (std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
  }
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(~crc >> (8 * i)));
  return "weft" + weft::to_base32(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({reinterpret_cast<const char*>(data), size});
  check(sealed(std::as_bytes(std::span{data, size})));
  return 0;
}
