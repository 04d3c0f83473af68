#include <weft/wire/ticket.hpp>

#include <algorithm>
#include <cstring>
#include <span>

#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/wire/ticket_address.hpp>

namespace weft {
namespace {

constexpr std::byte kTicketVersion{1};
constexpr std::byte kHasNotAfter{1};
constexpr std::size_t kPrefixChars = 4;
constexpr std::size_t kNodeBytes = 32;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kLeastBytes = 1 + kNodeBytes + 1 + kChecksumBytes;
// With every address at its longest; longer text is refused before anything is made of it.
constexpr std::size_t kMaxChars = 2400;
static_assert(kPrefixChars + (kLeastBytes + 8 + kMaxAddresses * (kMaxAddressBytes + 2) + 4) / 5 * 8 <= kMaxChars);

/// CRC-32C (Castagnoli), bit by bit: a ticket is a hundred bytes.
std::uint32_t crc32c(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
  }
  return ~crc;
}

template <class T>
void append_little_endian(T value, std::vector<std::byte>& into) {
  for (std::size_t i = 0; i < sizeof value; ++i) into.push_back(static_cast<std::byte>(value >> (8 * i)));
}

template <class T>
T read_little_endian(std::span<const std::byte> bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value |= std::to_integer<T>(bytes[i]) << (8 * i);
  return value;
}

std::unexpected<Error> malformed(const char* message) {
  return fail(Error{ErrorClass::kMalformed, "ticket", message}.with_hint(
      "a ticket is one line that begins with weft…; was it cut?"));
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool has_prefix(std::string_view text, std::string_view lower_case) {
  return text.size() >= lower_case.size() &&
         std::ranges::equal(text.substr(0, lower_case.size()), lower_case, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
}

/// What stands between the flags and the checksum.
Result<Ticket> read_body(Ticket ticket, std::byte flags, std::span<const std::byte> body) {
  if ((flags & ~kHasNotAfter) != std::byte{0}) return malformed("it has flags that version 1 does not have");
  if (flags == kHasNotAfter) {
    if (body.size() < 8) return malformed("its time is cut");
    ticket.not_after = static_cast<std::int64_t>(read_little_endian<std::uint64_t>(body));
    body = body.subspan(8);
  }
  while (!body.empty()) {
    std::optional<std::string> address = detail::take_address(body);
    if (!address || ticket.addresses.size() == kMaxAddresses) return malformed("an address in it does not parse");
    ticket.addresses.push_back(*std::move(address));
  }
  return ticket;
}

}  // namespace

std::string Ticket::to_string() const {
  std::vector<std::byte> bytes;
  bytes.reserve(128);
  bytes.push_back(kTicketVersion);
  bytes.insert(bytes.end(), node.bytes.begin(), node.bytes.end());
  bytes.push_back(not_after ? kHasNotAfter : std::byte{0});
  if (not_after) append_little_endian(static_cast<std::uint64_t>(*not_after), bytes);
  std::size_t carried = 0;
  for (const std::string& address : addresses) {
    if (carried == kMaxAddresses || !detail::is_ticket_address(address)) continue;
    detail::append_address(address, bytes);
    ++carried;
  }
  append_little_endian(crc32c(bytes), bytes);
  return "weft" + to_base32(bytes);
}

Result<Ticket> Ticket::parse(std::string_view text) {
  text = trimmed(text);
  if (text.size() > kMaxChars) return malformed("it is longer than a ticket can be");
  if (!has_prefix(text, "weft") && !has_prefix(text, "node")) return malformed("it does not begin with weft");
  const Result<std::vector<std::byte>> decoded = from_base32(text.substr(kPrefixChars));
  if (!decoded) return malformed("it has characters that a ticket does not have, or lacks some");

  const std::span<const std::byte> bytes{*decoded};
  if (bytes.size() < kLeastBytes) return malformed("it is too short");
  const std::span<const std::byte> covered = bytes.first(bytes.size() - kChecksumBytes);
  if (crc32c(covered) != read_little_endian<std::uint32_t>(bytes.last(kChecksumBytes)))
    return malformed("its checksum does not match");
  if (covered[0] != kTicketVersion)
    return fail(Error{ErrorClass::kUnsupported, "ticket", "a later version of Weft wrote it"}.with_hint(
        "upgrade this side, or ask for a ticket of version 1"));

  Ticket ticket;
  std::memcpy(ticket.node.bytes.data(), covered.data() + 1, kNodeBytes);
  return read_body(std::move(ticket), covered[1 + kNodeBytes], covered.subspan(2 + kNodeBytes));
}

}  // namespace weft
