#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>

#include "lane_suite.hpp"
#include "test_memory.hpp"

namespace weft::conformance {
namespace {

void one_down(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  Target target{pair.b(), b, 64};
  pair.a().close(a);
  pair.a().close(a);
  watch.until("Down at both", [&] { return watch.a.is_down(a) && watch.b.is_down(b); });
  pair.a().close(a);
  pair.b().close(b);
  pair.b().close(Channel{0xFFFFFFF0U});
  watch.settle();  // the log fails the test for a second Down
  const Source source{pair.a(), 64, 1};
  const std::array gather{source.all()};
  const std::array remote{target.range(0, 64)};
  CHECK(pair.a().write(a, gather, remote, 1U, 1) == lane::Posted::kDown);
  if (pair.a().traits().max_message > 0) CHECK(pair.a().send(a, gather, 2) == lane::Posted::kDown);
  CHECK(pair.a().room(a) == 0);
  target.revoke();  // an exposure may outlive its channel
  const auto [next_a, next_b] = pair.connect(watch);
  CHECK(next_a != a);
  CHECK(next_b != b);
}

void both_close(LanePair& pair) {
  Watch watch{pair};
  const auto [a, b] = pair.connect(watch);
  pair.a().close(a);
  pair.b().close(b);
  watch.until("Down at both", [&] { return watch.a.is_down(a) && watch.b.is_down(b); });
  watch.settle();
}

void many_channels(LanePair& pair) {
  Watch watch{pair};
  std::vector<std::pair<Channel, Channel>> channels;
  for (int i = 0; i < 24; ++i) channels.push_back(pair.connect(watch));
  const Source source{pair.a(), 4096, 1};
  std::vector<std::unique_ptr<Target>> targets;
  for (const auto& [a, b] : channels) targets.push_back(std::make_unique<Target>(pair.b(), b, 4096));
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const std::array gather{source.all()};
    const std::array remote{targets[i]->range(0, 4096)};
    REQUIRE(watch.write(channels[i].first, gather, remote, static_cast<std::uint32_t>(i), i));
    if (i % 3 == 1) pair.b().close(channels[i].second);
  }
  watch.until("all of them to end or arrive", [&] {
    return std::ranges::all_of(channels, [&](const auto& each) {
      const auto index = static_cast<std::size_t>(&each - channels.data());
      return index % 3 == 1 ? watch.a.is_down(each.first) && watch.b.is_down(each.second)
                            : targets[index]->holds(1, 0, 4096, 0) && watch.a.posted(each.first) == 0;
    });
  });
}

void knocks(LanePair& pair) {
  Watch watch{pair};
  const auto address = pair.b().listen();
  REQUIRE(address);
  const auto again = pair.b().listen();
  REQUIRE(again);
  CHECK(*again == *address);
  std::array<std::byte, 55> pass{};
  for (std::size_t i = 0; i < pass.size(); ++i) pass[i] = static_cast<std::byte>(i + 1);
  const auto refused = pair.a().dial(*address, pass);
  REQUIRE(refused);
  watch.until("a knock", [&] { return watch.b.knocks.size() == 1; });
  const auto shown = watch.b.knocks[0].pass.view();
  REQUIRE(shown.size() >= pass.size());
  CHECK(std::equal(pass.begin(), pass.end(), shown.begin()));
  pair.b().close(watch.b.knocks[0].channel);
  watch.until("the refusal to be heard", [&] { return watch.a.is_down(*refused); });
  CHECK_FALSE(watch.a.is_up(*refused));
  CHECK_FALSE(watch.b.is_up(watch.b.knocks[0].channel));

  const auto unanswered = pair.a().dial(*address, pass);
  REQUIRE(unanswered);
  watch.until("another knock", [&] { return watch.b.knocks.size() == 2; });
  pair.b().stop_listening();
  watch.until("the end of the unanswered knock", [&] { return watch.a.is_down(*unanswered); });
  CHECK_FALSE(watch.a.is_up(*unanswered));
}

void listener_gone(LanePair& pair) {
  Watch watch{pair};
  const auto address = pair.b().listen();
  REQUIRE(address);
  const auto [a, b] = pair.connect(watch);
  pair.b().stop_listening();
  if (const auto dialled = pair.a().dial(*address, {}))
    watch.until("Down of a dial to nobody", [&] { return watch.a.is_down(*dialled); });
  CHECK_FALSE(watch.a.is_down(a));  // what was admitted lives on
  CHECK_FALSE(watch.b.is_down(b));
}

}  // namespace

void check_life(const MakeLanePair& make) {
  SECTION("a channel has one Down, and it is the end") { one_down(*make()); }
  SECTION("both sides may close at once") { both_close(*make()); }
  SECTION("many channels live and die side by side") { many_channels(*make()); }
  SECTION("a refused or unanswered knock never comes up") {
    auto pair = make();
    if (pair->dials()) knocks(*pair);
  }
  SECTION("a listener that stopped admits nobody and ends nobody") {
    auto pair = make();
    if (pair->dials()) listener_gone(*pair);
  }
}

}  // namespace weft::conformance
