#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/wire/message.hpp>

namespace weft::wire::test {

/// One message of each kind with every field in use, and the frame it must be for ever.
struct Sample {
  std::string_view name;
  Message message;
  std::string_view payload;
  std::uint32_t credits = 0;
  std::string_view frame;  ///< hexadecimal, without the payload
};
std::span<const Sample> samples();

std::vector<std::byte> from_hex(std::string_view hex);
/// Header, segment and payload of a sample, in memory of exactly that size.
std::vector<std::byte> frame_of(const Sample& sample);
std::vector<std::byte> with_payload(std::span<const std::byte> head, std::string_view payload);

}  // namespace weft::wire::test
