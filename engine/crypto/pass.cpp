#include <weft/crypto/pass.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <weft/crypto/mac.hpp>

namespace weft::crypto {
namespace {

constexpr std::uint32_t kPassMagic = 0x70746677;  // "wftp"
constexpr std::uint16_t kPassVersion = 1;

// Offsets of the fields.
constexpr std::size_t kVersionAt = 4, kRailAt = 6, kSessionAt = 8, kNonceAt = 24, kMacAt = 32;
static_assert(kMacAt + kMacBytes == kPassBytes);

template <class Integer>
void put(std::span<std::byte> out, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) out[i] = static_cast<std::byte>(value >> (8 * i));
}

template <class Integer>
Integer get(std::span<const std::byte> in) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    value = static_cast<Integer>(value | static_cast<Integer>(std::to_integer<Integer>(in[i]) << (8 * i)));
  return value;
}

}  // namespace

Result<PassBytes> make_pass(const PassKey& key, const PassFields& fields) {
  PassBytes pass{};
  const std::span<std::byte> out{pass};
  put(out, kPassMagic);
  put(out.subspan(kVersionAt), kPassVersion);
  put(out.subspan(kRailAt), fields.rail);
  std::ranges::copy(fields.session, out.subspan(kSessionAt).begin());
  put(out.subspan(kNonceAt), fields.nonce);
  WEFT_LET(const Mac code, mac(key, out.first(kMacAt)));
  std::ranges::copy(code, out.subspan(kMacAt).begin());
  return pass;
}

Result<PassFields> read_pass(std::span<const std::byte> bytes) {
  if (bytes.size() != kPassBytes)
    return fail(ErrorClass::kMalformed, "pass", fmt::format("{} bytes where a pass has {}", bytes.size(), kPassBytes));
  if (get<std::uint32_t>(bytes) != kPassMagic) return fail(ErrorClass::kMalformed, "pass", "not a pass of Weft's");
  if (const auto version = get<std::uint16_t>(bytes.subspan(kVersionAt)); version != kPassVersion)
    return fail(ErrorClass::kMalformed, "pass", fmt::format("version {} where {} is spoken", version, kPassVersion));
  PassFields fields{.rail = get<std::uint16_t>(bytes.subspan(kRailAt)),
                    .session = {},
                    .nonce = get<std::uint64_t>(bytes.subspan(kNonceAt))};
  std::ranges::copy(bytes.subspan(kSessionAt, fields.session.size()), fields.session.begin());
  return fields;
}

Result<PassFields> check_pass(std::span<const std::byte> bytes, const PassKey& key) {
  WEFT_LET(const PassFields fields, read_pass(bytes));
  WEFT_LET(const Mac code, mac(key, bytes.first(kMacAt)));
  if (!equal_in_constant_time(code, bytes.subspan(kMacAt)))
    return fail(ErrorClass::kUnauthenticated, "pass", "it was not made in this session");
  return fields;
}

}  // namespace weft::crypto
