#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <random>

#include <weft/fabric/base64.hpp>
#include <weft/fabric/format.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("addresses, regions and completions are written for logs, keys not unless asked", "[fabric][O-55][O-W21]") {
  const std::array bytes{std::byte{2}, std::byte{0}, std::byte{0x1B}, std::byte{0xFF}};
  CHECK(format_fabric_address(unwrap(FabricAddress::from_bytes(bytes))) == "02001bff");
  const RemoteRegion region{0x1000, 4096, 0x9B1F};
  CHECK(format_remote_region(region) == "addr 0x1000, 4096 bytes, rkey redacted");
  CHECK(format_remote_region(region, Keys::kShown) == "addr 0x1000, 4096 bytes, rkey 0x9b1f");
  void* endpoint = reinterpret_cast<void*>(0x1F);
  CHECK(format_completion(CompletionData{endpoint, FI_RMA | FI_WRITE, 0, 0}) == "local write, endpoint 0x1f");
  CHECK(format_completion(CompletionData{nullptr, FI_RMA | FI_REMOTE_WRITE | FI_REMOTE_CQ_DATA, 0, 7}) ==
        "remote write, immediate 7, endpoint 0x0");
  const std::string failed = format_completion(CompletionError{endpoint, ECANCELED, 12, "flushed"});
  CHECK(failed.find("libfabric 125") != std::string::npos);
  CHECK(failed.find("flushed (12), endpoint 0x1f") != std::string::npos);
}

TEST_CASE("capabilities are names joined by bars", "[fabric][O-55]") {
  CHECK(interface_caps_string(0) == "<none>");
  CHECK(interface_caps_string(FI_MSG) == "MSG");
  CHECK(interface_caps_string(FI_WRITE | FI_MSG | FI_RMA) == "MSG|RMA|WRITE");
}

TEST_CASE("base64 goes there and back, from any bytes into any container", "[fabric][O-54]") {
  CHECK(base64::to_base64("foobar") == "Zm9vYmFy");
  CHECK(base64::from_base64("Zm9vYg==") == "foob");
  CHECK(base64::to_base64("").empty());
  std::mt19937 random{7};
  for (const std::size_t size : {0u, 1u, 2u, 3u, 255u, 4096u, 1u << 20}) {
    std::vector<std::uint8_t> bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const auto text = base64::encode_into<std::string>(bytes);
    CHECK(text.size() == (size + 2) / 3 * 4);
    CHECK(base64::decode_into<std::vector<std::uint8_t>>(text) == bytes);
  }
}

TEST_CASE("every byte that is not of the alphabet is refused", "[fabric][O-54]") {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int value = 0; value < 256; ++value) {
    const char one = static_cast<char>(value);
    const auto read = base64::from_base64(std::string{"AA"} + one + "A");
    CHECK(read.has_value() == (kAlphabet.find(one) != std::string_view::npos));
  }
  for (std::string_view text : {"A", "AA", "AAA", "A===", "AAAA====", "====", "AB==", "AA=A"})
    CHECK(base64::from_base64(text).error().kind() == ErrorClass::kMalformed);
}
