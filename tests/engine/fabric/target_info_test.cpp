#include <catch2/catch_test_macros.hpp>
#include <random>

#include <weft/fabric/target_info.hpp>

using namespace weft;
using namespace weft::fabric;

namespace {

TargetInfo sample() {
  return {"net",
          EndpointType::kMessage,
          unwrap(FabricAddress::parse("127.0.0.1:7000")),
          {{0, 4096, 0x9B1F}, {0x10, 1, ~0ull}}};
}

}  // namespace

TEST_CASE("a target's info is one line that is the same on every machine", "[fabric][O-61][O-W28]") {
  const TargetInfo info = sample();
  CHECK(info.to_string() == "weft-target/1 net msg AgAbWH8AAAEAAAAAAAAAAA== 0x0:4096:0x9b1f 0x10:1:0xffffffffffffffff");
  CHECK(unwrap(TargetInfo::from_string(info.to_string())) == info);
}

TEST_CASE("hostile target infos are invalid arguments, and keys are not in the error", "[fabric][O-W7]") {
  const std::string good = sample().to_string();
  const std::string head = "weft-target/1 net msg AgAbWH8AAAEAAAAAAAAAAA==";
  for (const std::string& text : std::vector<std::string>{
           std::string{}, std::string{"{}"}, head, head + " ", head + " 0x0:0:0x1", head + " 0x0:4096",
           head + " ::", head + " 0x0:4096:0x9b1f:1", head + " 0xffffffffffffffff:2:0x1", head + " -1:2:3",
           head + " 1:99999999999999999999:3", good + " ", good + "\n", "weft-target/2" + good.substr(13),
           "weft-target/1 N/A msg AAAA 0x0:1:0x1", "weft-target/1 net any AAAA 0x0:1:0x1",
           "weft-target/1 net msg !!!! 0x0:1:0x1", "weft-target/1 net msg  0x0:1:0x1"}) {
    INFO(text);
    const auto read = TargetInfo::from_string(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().kind() == ErrorClass::kInvalidArgument);
    CHECK(read.error().to_string().find("9b1f") == std::string::npos);
  }
}

TEST_CASE("a hundred thousand mutations of an info are read or refused, never more", "[fabric][O-W7]") {
  std::mt19937 random{11};
  const std::string good = sample().to_string();
  for (int lap = 0; lap < 100'000; ++lap) {
    std::string text = good;
    for (std::uint32_t i = random() % 4 + 1; i > 0; --i) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0)
        text[at] = static_cast<char>(random());
      else
        text.erase(at, random() % 8 + 1);
      if (text.empty()) break;
    }
    const auto read = TargetInfo::from_string(text);
    if (read) {
      REQUIRE_FALSE(read->regions.empty());
      for (const RemoteRegion& region : read->regions) REQUIRE(region.len > 0);
    }
  }
}
