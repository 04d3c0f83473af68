#include <array>
#include <catch2/catch_test_macros.hpp>

#include "lane_suite.hpp"
#include "test_memory.hpp"

namespace weft::conformance {
namespace {

/// Keeps the window of A's channel full of writes of one source over and over, with rising patterns nowhere: the
/// target's bytes change all the time because every write starts elsewhere in the source.
class Load {
 public:
  Load(LanePair& pair, Watch& watch, Channel channel, const Target& target, std::size_t size)
      : pair_(pair), watch_(watch), channel_(channel), target_(target), size_(size), source_(pair.a(), 2 * size, 17) {}

  void pour() {
    while (pair_.a().room(channel_) > 0) {
      const std::array gather{source_.range(token_ % size_, size_)};
      const std::array remote{target_.range(0, size_)};
      if (pair_.a().write(channel_, gather, remote, 1U, token_) != lane::Posted::kTaken) return;
      watch_.a.expect_finished(channel_, token_++);
    }
  }

 private:
  LanePair& pair_;
  Watch& watch_;
  Channel channel_;
  const Target& target_;
  std::size_t size_;
  Source source_;
  Token token_ = 0;
};

std::size_t load_bytes(LanePair& pair) { return pair.a().traits().window_bytes / 2; }

void target_closes(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const Target target{pair.b(), b, load_bytes(pair)};
  Load load{pair, watch, a, target, load_bytes(pair)};
  watch.until("a few arrivals under load", [&] {
    load.pour();
    return watch.b.arrivals.size() >= 5;
  });
  pair.b().close(b);
  watch.until("Down at the side that closed", [&] {
    load.pour();
    return watch.b.is_down(b);
  });
  const auto before = target.snapshot();
  const auto arrivals = watch.b.arrivals.size();
  watch.until("Down at the writer", [&] {
    load.pour();
    return watch.a.is_down(a);
  });
  watch.settle();
  CHECK(target.snapshot() == before);
  CHECK(watch.b.arrivals.size() == arrivals);
  CHECK(watch.a.posted(a) == 0);
}

void writer_closes(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const Target target{pair.b(), b, load_bytes(pair)};
  Load load{pair, watch, a, target, load_bytes(pair)};
  watch.until("a few arrivals under load", [&] {
    load.pour();
    return watch.b.arrivals.size() >= 5;
  });
  load.pour();
  pair.a().close(a);
  const Source source{pair.a(), 64, 1};
  const std::array gather{source.all()};
  const std::array remote{target.range(0, 64)};
  CHECK(pair.a().write(a, gather, remote, 1U, 1'000'000) == lane::Posted::kDown);
  CHECK(pair.a().room(a) == 0);
  watch.until("Down at both", [&] { return watch.a.is_down(a) && watch.b.is_down(b); });
  const auto before = target.snapshot();
  watch.settle();
  CHECK(target.snapshot() == before);
  CHECK(target.guards_hold());
}

void revoked(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  Target target{pair.b(), b, load_bytes(pair)};
  const Target other{pair.b(), b, 64};
  Load load{pair, watch, a, target, load_bytes(pair)};
  watch.until("a write to be half way", [&] {
    load.pour();
    return watch.b.arrivals.size() >= 3;
  });
  load.pour();
  watch.turn();
  target.revoke();
  const auto before = target.snapshot();
  const auto arrivals = watch.b.arrivals.size();
  load.pour();
  const Source source{pair.a(), 64, 1};
  const std::array gather{source.all()};
  const std::array remote{other.range(0, 64)};
  REQUIRE(watch.write(a, gather, remote, 99U, 1'000'000));
  watch.until("a write to a live exposure behind",
              [&] { return watch.b.arrivals.size() > arrivals && watch.b.arrivals.back().immediate == 99U; });
  watch.until("every post to finish", [&] { return watch.a.posted(a) == 0; });
  CHECK(target.snapshot() == before);
  CHECK(watch.b.arrivals.size() == arrivals + 1);  // immediates of discarded bytes would lie
  CHECK(other.holds(1, 0, 64, 0));
  CHECK_FALSE(watch.b.is_down(b));
}

void under_messages(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  const Source source{pair.a(), 1024, 1};
  const std::array gather{source.all()};
  Token token = 0;
  watch.until("a few messages", [&] {
    if (pair.a().send(a, gather, token) == lane::Posted::kTaken) watch.a.expect_finished(a, token++);
    return watch.b.messages.size() >= 20;
  });
  pair.b().close(b);
  watch.until("Down at both", [&] {
    if (pair.a().send(a, gather, token) == lane::Posted::kTaken) watch.a.expect_finished(a, token++);
    return watch.a.is_down(a) && watch.b.is_down(b);
  });
  watch.settle();
}

}  // namespace

void check_fences(const MakeLanePair& make) {
  SECTION("after Down at the target no byte lands, however much is on its way") { target_closes(*make()); }
  SECTION("a writer that closes under load gets every Finished, then Down") { writer_closes(*make()); }
  SECTION("a revoked exposure takes no byte more") {
    auto pair = make();
    if (pair->b().traits().revoke_fences) revoked(*pair);
  }
  SECTION("closing under messages ends both sides") {
    auto pair = make();
    if (pair->a().traits().max_message > 0) under_messages(*pair);
  }
}

}  // namespace weft::conformance
