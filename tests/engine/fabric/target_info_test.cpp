#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <string>
#include <string_view>

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

namespace {

constexpr int kMutations = 1'000'000;

/// Infos changed in one to four places: bytes, and words that become others, come twice or change places. The same
/// sequence on every machine.
class InfoMutator {
 public:
  const std::string& next() {
    text_ = kGood[below(kGood.size())];
    for (std::size_t changes = 1 + below(4); changes > 0 && !text_.empty(); --changes)
      below(3) == 0 ? change_word() : change_byte();
    return text_;
  }

 private:
  static constexpr std::array<std::string_view, 3> kGood{
      "weft-target/1 net msg AgAbWH8AAAEAAAAAAAAAAA== 0x0:4096:0x9b1f 0x10:1:0xffffffffffffffff",
      "weft-target/1 shm rdm ZmlfYWRkcl9zdHI6Ly93ZWZ0AA== 0x7f0000000000:18446744073709551615:1",
      "weft-target/1 tcp;ofi_rxm rdm AgAbWH8AAAEAAAAAAAAAAA== 0:1:0 1:1:0 2:1:0 3:1:0"};
  static constexpr std::array<std::string_view, 20> kWords{"",
                                                           "net",
                                                           "msg",
                                                           "rdm",
                                                           "any",
                                                           "weft-target/2",
                                                           "AAAA",
                                                           "AAAA====",
                                                           "0x0:1:0x0",
                                                           "0:0:0",
                                                           "::",
                                                           "0x:1:1",
                                                           "1:1:",
                                                           "-1:1:1",
                                                           "+1:1:1",
                                                           "0xFf:1:0xfF",
                                                           "1:1:1:1",
                                                           "0x0x1:1:1",
                                                           "18446744073709551615:1:1",
                                                           "1:18446744073709551616:1"};
  static constexpr std::string_view kLetters = " :x0179afAZz/=;_-+\t\n\x00\xff";

  std::size_t below(std::size_t bound) { return random_() % bound; }

  void change_word() {
    const std::size_t at = below(text_.size());
    const std::size_t begin = text_.rfind(' ', at) == std::string::npos ? 0 : text_.rfind(' ', at) + 1;
    const std::size_t end = std::min(text_.find(' ', at), text_.size());
    const std::string word = begin < end ? text_.substr(begin, end - begin) : std::string{};
    switch (below(3)) {
      case 0:
        text_.replace(begin, word.size(), kWords[below(kWords.size())]);
        break;
      case 1:
        text_.insert(begin, word + " ");
        break;
      default:
        text_.erase(begin, word.size() + 1);
        text_ += " " + word;
    }
  }
  void change_byte() {
    const std::size_t at = below(text_.size());
    switch (below(6)) {
      case 0:
        text_[at] = static_cast<char>(text_[at] ^ (1 << below(8)));
        break;
      case 1:
        text_[at] = static_cast<char>(random_());
        break;
      case 2:
        text_[at] = kLetters[below(kLetters.size())];
        break;
      case 3:
        text_.erase(at, 1 + below(8));
        break;
      case 4:
        text_.insert(at, 1 + below(3), kLetters[below(kLetters.size())]);
        break;
      default:
        text_.resize(at);
    }
  }

  std::mt19937_64 random_{11};
  std::string text_;
};

/// What is wrong with what became of a text, if anything.
const char* fault_of(std::string_view text) {
  const auto read = TargetInfo::from_string(text);
  if (!read) return read.error().kind() == ErrorClass::kInvalidArgument ? nullptr : "refused as something else";
  if (read->regions.empty()) return "no region";
  for (const RemoteRegion& region : read->regions)
    if (region.len == 0 || region.addr > ~std::uint64_t{0} - region.len) return "a region that is empty, or wraps";
  const auto again = TargetInfo::from_string(read->to_string());
  return again && *again == *read ? nullptr : "its own text is another info";
}

}  // namespace

TEST_CASE("a million mutations of an info are read as what they say, or refused", "[fabric][O-W7]") {
  InfoMutator mutator;
  int read = 0;
  for (int lap = 0; lap < kMutations; ++lap) {
    const std::string& text = mutator.next();
    if (const char* fault = fault_of(text)) FAIL(fault << ": " << text);
    read += TargetInfo::from_string(text) ? 1 : 0;
  }
  CHECK(read > kMutations / 50);  // not all are nonsense
  CHECK(read < kMutations);
}
