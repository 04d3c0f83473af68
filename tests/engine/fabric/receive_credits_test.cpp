#include <array>
#include <catch2/catch_test_macros.hpp>
#include <deque>
#include <random>

#include <weft/fabric/receive_credits.hpp>

using weft::fabric::ReceiveCredits;

namespace {

/// Two ends, and what is on its way between them. An end that would take a receive which is not posted fails the test.
class Ends {
 public:
  explicit Ends(const std::array<std::uint32_t, 2>& receives) : posted_(receives) {
    for (std::size_t end = 0; end < 2; ++end) credits_[end].posted(receives[end], true);
  }
  ReceiveCredits& at(std::size_t end) { return credits_[end]; }

  /// An immediate, or a message, if the credits allow it.
  bool post(std::size_t end, bool message) {
    if (message ? !credits_[end].may_send() : !credits_[end].may_take()) return false;
    const std::uint32_t word = credits_[end].word();
    message ? credits_[end].told() : credits_[end].took();
    on_its_way_[end].push_back({message, word});
    return true;
  }
  bool tell(std::size_t end) {
    if (!credits_[end].should_tell() || !credits_[end].may_tell()) return false;
    on_its_way_[end].push_back({true, credits_[end].word()});
    credits_[end].told();
    return true;
  }
  /// What comes first from the other end takes a receive here.
  bool arrive(std::size_t end) {
    auto& from = on_its_way_[1 - end];
    if (from.empty()) return false;
    REQUIRE(posted_[end] > 0);
    --posted_[end];
    ++taken_[end];
    if (from.front().has_word) credits_[end].heard(from.front().word);
    from.pop_front();
    return true;
  }
  /// The user here lets go of what came.
  bool let_go(std::size_t end) {
    if (taken_[end] == 0) return false;
    --taken_[end];
    ++posted_[end];
    credits_[end].posted_again();
    return true;
  }

 private:
  struct Sent {
    bool has_word;
    std::uint32_t word;
  };
  std::array<ReceiveCredits, 2> credits_{};
  std::array<std::uint32_t, 2> posted_;
  std::array<std::uint32_t, 2> taken_{};
  std::array<std::deque<Sent>, 2> on_its_way_{};
};

}  // namespace

TEST_CASE("receive credits: what both ends post first may be taken unasked, but one", "[fabric]") {
  ReceiveCredits credits;
  credits.posted(64, true);
  for (std::uint32_t i = 1; i < ReceiveCredits::kFirst; ++i) {
    CHECK(credits.may_take());
    credits.took();
  }
  CHECK_FALSE(credits.may_take());
  CHECK(credits.may_tell());
}

TEST_CASE("receive credits: messages wait until the peer said that it has memory for them", "[fabric]") {
  ReceiveCredits rich;
  rich.posted(64, true);
  ReceiveCredits poor;
  poor.posted(64, false);
  CHECK_FALSE(rich.may_send());
  rich.heard(poor.word());
  CHECK_FALSE(rich.may_send());
  CHECK(rich.may_take());
  poor.heard(rich.word());
  CHECK(poor.may_send());
}

TEST_CASE("receive credits: nothing is posted without a receive, and neither end waits for ever", "[fabric][O-13]") {
  std::mt19937 random{7};
  for (const std::array<std::uint32_t, 2> receives : {std::array{16u, 16u}, {16u, 64u}, {64u, 64u}, {17u, 33u}}) {
    Ends ends{receives};
    std::array<std::uint32_t, 2> through{};
    for (int step = 0; step < 200'000; ++step) {
      const std::size_t end = random() % 2;
      switch (random() % 6) {
        case 0:
        case 1:
          through[end] += ends.post(end, random() % 2 == 0) ? 1 : 0;
          break;
        case 2:
          ends.tell(end);
          break;
        case 3:
        case 4:
          ends.arrive(end);
          break;
        default:
          ends.let_go(end);
      }
    }
    CHECK(through[0] > 1000);
    CHECK(through[1] > 1000);
    // Everybody stops posting and lets go of what it has: each end is told of enough to post again.
    for (bool any = true; any;) {
      any = false;
      for (std::size_t end = 0; end < 2; ++end) any = ends.arrive(end) || ends.let_go(end) || ends.tell(end) || any;
    }
    CHECK(ends.at(0).may_take());
    CHECK(ends.at(1).may_take());
  }
}

TEST_CASE("receive credits: ends that have spent all but the last still tell each other", "[fabric]") {
  Ends ends{{16, 16}};
  for (std::size_t end = 0; end < 2; ++end)
    while (ends.post(end, false)) {}
  // Nothing came yet, so that a word would give nothing: the last one is not spent on it.
  CHECK_FALSE(ends.tell(0));
  CHECK_FALSE(ends.tell(1));
  for (std::size_t end = 0; end < 2; ++end)
    while (ends.arrive(end)) ends.let_go(end);
  CHECK(ends.tell(0));
  CHECK(ends.arrive(1));
  CHECK(ends.post(1, true));
}
