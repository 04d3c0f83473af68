#include <algorithm>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <fmt/core.h>

#include <tests/sim/world.hpp>

/// How long calls may outlive their peer (N6): a second when its death is told, three when it only falls silent.
namespace weft::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeeds = 300;
constexpr Duration kGrace = 250ms;

enum class End { kToldDead, kDiesSilently, kStops, kIsCutOff };

/// A client (node 0) with calls of every kind to a server (node 1), which ends at a random moment.
class Ending {
 public:
  Ending(std::uint64_t seed, End how) : world_(seed), how_(how) {
    for (int n = 0; n < 2; ++n) {
      static const std::vector<Lane> kRails[] = {{}, {Lane::kTcp}, {Lane::kEfa}, {Lane::kVerbs, Lane::kTcp}};
      world_.add_node({.rails = kRails[world_.random().below(4)], .finishes_on_arrival = world_.random().chance(0.3)});
    }
    for (const auto& [from, to] : {std::pair{0u, 1u}, std::pair{1u, 0u}})
      world_.network().set_link(from, to, {.latency = 50us, .jitter = 30us, .bytes_per_second = 1e9});
    for (const char* name : {"a", "b"})
      contents_.push_back(random_content(random_kind(name, name[0] == 'a' ? 5 : 1, world_.random()), world_.random()));
    server().publish(contents_);
    if (world_.random().chance(0.5)) world_.after(up_to(2ms), [this] { server().manners().holds = 1; });
  }

  void run() {
    for (std::uint64_t n = 4 + world_.random().below(8); n > 0; --n) world_.after(up_to(6ms), [this] { call(); });
    world_.after(up_to(6ms), [this] { end(); });
    world_.run_for(10ms);
    world_.run_calls(30s);
    for (std::uint64_t cookie = 1; cookie <= world_.ledger().calls().size(); ++cookie) check(cookie);
  }
  const std::vector<std::string>& late() const { return late_; }
  bool sound() { return world_.ledger().breaches().empty(); }

 private:
  SimNode& client() { return world_.node(0); }
  SimNode& server() { return world_.node(1); }
  Duration up_to(Duration most) {
    return Duration{static_cast<std::int64_t>(world_.random().below(static_cast<std::uint64_t>(most.count())))};
  }

  void call() {
    const Content& content = contents_[world_.random().below(2)];
    switch (world_.random().below(6)) {
      case 0:
        client().list({.peer = server().id()});
        break;
      case 1:
        client().ping({.peer = server().id()});
        break;
      case 2:
      case 3:
        client().push({.peer = server().id()}, content);
        break;
      default: {
        transfer::PullSpec spec{.peer = server().id(), .names = {content.kind.name}};
        if (world_.random().chance(0.5))
          spec.into.push_back({.data = client().caller_memory(content.kind.bytes),
                               .size = content.kind.bytes,
                               .meta = selection_of(content.kind.meta, nullptr).meta()});
        client().pull(std::move(spec), {content.kind.name}, 2 * content.kind.bytes);
        break;
      }
    }
  }

  void end() {
    ended_ = world_.now();
    switch (how_) {
      case End::kToldDead: {
        const Duration heard = up_to(5ms);
        ended_ += heard;
        server().die(heard);
        break;
      }
      case End::kDiesSilently:
        server().die(std::nullopt);
        break;
      case End::kStops:
        world_.network().stop(server().number(), true);
        break;
      case End::kIsCutOff:
        world_.network().partition(0, 1, true);
        break;
    }
  }

  void check(std::uint64_t cookie) {
    const Call& call = world_.ledger().at(cookie);
    const Duration bound = how_ == End::kToldDead ? Duration(1s) : Duration(3s);
    const TimePoint by = std::max(ended_, call.opened) + bound + kGrace;
    if (call.outcomes != 0 && call.ended <= by) return;
    late_.push_back(fmt::format("call {} of kind {}: {} ms late: {}", cookie, static_cast<int>(call.kind),
                                call.outcomes == 0 ? -1 : (call.ended - by).count() / 1'000'000, call.error));
  }

  World world_;
  End how_;
  std::vector<Content> contents_;
  TimePoint ended_{};
  std::vector<std::string> late_;
};

void ends_in_time(End how) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Ending ending(seed, how);
    ending.run();
    CAPTURE(seed);
    for (const std::string& line : ending.late()) FAIL_CHECK(line);
    REQUIRE((ending.late().empty() && ending.sound()));
  }
}

}  // namespace

TEST_CASE("bounds: calls end within a second of their peer's death", "[sim][N6]") { ends_in_time(End::kToldDead); }
TEST_CASE("bounds: calls end within three seconds when their peer dies unnoticed", "[sim][N6]") {
  ends_in_time(End::kDiesSilently);
}
TEST_CASE("bounds: calls end within three seconds when their peer stops", "[sim][N6]") { ends_in_time(End::kStops); }
TEST_CASE("bounds: calls end within three seconds of a partition", "[sim][N6]") { ends_in_time(End::kIsCutOff); }

}  // namespace weft::sim
