#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>

#include "lane_suite.hpp"
#include "test_memory.hpp"

namespace weft::conformance {
namespace {

bool equal(const std::vector<std::byte>& bytes, std::uint64_t seed) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != pattern_at(seed, i)) return false;
  }
  return true;
}

void sizes_in_order(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const std::uint32_t longest = pair.a().traits().max_message;
  std::vector<std::uint32_t> sizes;
  for (const std::uint32_t size : {0U, 1U, 31U, 4095U, 4096U, 65'537U, longest - 1, longest, 1U, longest, 0U})
    sizes.push_back(std::min(size, longest));
  const Source source{pair.a(), longest, 7};
  Token token = 0;
  for (const std::uint32_t size : sizes) {
    const std::array gather{source.range(0, size)};
    REQUIRE(watch.send(a, gather, token++));
  }
  watch.until("all messages", [&] { return watch.b.messages.size() == sizes.size(); });
  watch.until("all posts finished", [&] { return watch.a.posted(a) == 0; });
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    CHECK(watch.b.messages[i].channel == b);
    CHECK(watch.b.messages[i].bytes.size() == sizes[i]);
    CHECK(equal(watch.b.messages[i].bytes, 7));
  }
  CHECK(watch.a.failed == 0);
}

void gathered(LanePair& pair) {
  Watch watch{pair};
  const auto a = pair.connect(watch).first;
  const Source source{pair.a(), 4096, 3};
  std::vector<lane::Gather> gather;
  const std::size_t ranges = pair.a().traits().gather;
  for (std::size_t i = 0; i < ranges; ++i) gather.push_back(source.range(i * (i + 1) / 2, i + 1));
  REQUIRE(watch.send(a, gather, 1));
  watch.until("the message", [&] { return watch.b.messages.size() == 1; });
  CHECK(watch.b.messages[0].bytes.size() == ranges * (ranges + 1) / 2);
  CHECK(equal(watch.b.messages[0].bytes, 3));
}

void many(LanePair& pair, Watch::Looks looks) {
  Watch watch{pair};
  const auto a = pair.connect(watch).first;
  watch.look(looks);
  constexpr std::uint32_t kCount = 10'000;
  const Source source{pair.a(), kCount + 64, 5};
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const std::array gather{source.range(i, i % 64)};
    REQUIRE(watch.send(a, gather, i));
  }
  watch.until("all messages", [&] { return watch.b.messages.size() == kCount && watch.a.posted(a) == 0; });
  std::size_t wrong = 0;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const auto& bytes = watch.b.messages[i].bytes;
    wrong += bytes.size() == i % 64 && std::equal(bytes.begin(), bytes.end(), source.bytes().begin() + i) ? 0 : 1;
  }
  CHECK(wrong == 0);
}

void full(LanePair& pair, Watch::Looks looks) {
  Watch watch{pair};
  const auto a = pair.connect(watch).first;
  watch.look(looks);
  const Source source{pair.a(), std::min<std::size_t>(pair.a().traits().max_message, 1 << 20), 9};
  const std::array gather{source.all()};
  Token token = 0;
  REQUIRE(watch.send(a, gather, token++));  // the peer's word that it takes messages may still be on its way
  while (pair.a().send(a, gather, token) == lane::Posted::kTaken) {
    watch.a.expect_finished(a, token++);
    REQUIRE(token < 1'000'000);  // every queue is bounded
  }
  REQUIRE(watch.send(a, gather, token));
  watch.until("every message to arrive", [&] { return watch.b.messages.size() == token + 1; });
  watch.until("all posts finished", [&] { return watch.a.posted(a) == 0; });
}

}  // namespace

void check_messages(const MakeLanePair& make) {
  if (make()->a().traits().max_message == 0) return;
  SECTION("messages of 0, 1 and max_message bytes arrive whole and in order") { sizes_in_order(*make()); }
  SECTION("a message is gathered from as many ranges as the lane promises") { gathered(*make()); }
  SECTION("10 000 messages arrive once each and in order") { many(*make(), Watch::Looks::kAlways); }
  SECTION("messages are not slept over") {
    auto pair = make();
    if (pair->a().waitable() >= 0) many(*pair, Watch::Looks::kAwake);
  }
  SECTION("a full queue of messages says so and takes more later") { full(*make(), Watch::Looks::kAlways); }
  SECTION("messages are seen by glances, and by polls when the descriptor tells") {
    many(*make(), Watch::Looks::kGlances);
    full(*make(), Watch::Looks::kGlances);
  }
}

}  // namespace weft::conformance
