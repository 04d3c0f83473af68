#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include <tests/process/faults.hpp>
#include <tests/process/grain_reader.hpp>

/// Grains to real processes, one of which dies on the way.
using namespace weft;
using namespace weft::test;

namespace {

constexpr std::size_t kGrainBytes = 4096;

/// WEFT_GRAINS=1000000 is the long run.
std::uint64_t grains_here() {
  const char* asked = std::getenv("WEFT_GRAINS");
  return asked == nullptr ? 30'000 : std::strtoull(asked, nullptr, 10);
}

std::string open_ring(Child& child) {
  child.send("ring open 64 " + std::to_string(kGrainBytes));
  return child.expect("ok ").substr(3);
}

struct Tally {
  std::uint64_t count = 0, torn = 0, disordered = 0;
};
Tally tally_of(Child& child) {
  child.send("ring tally");
  std::istringstream line(child.expect("ok ").substr(3));
  Tally tally;
  line >> tally.count >> tally.torn >> tally.disordered;
  return tally;
}

}  // namespace

TEST_CASE("grains: to four processes, each once and whole, while one of them dies and comes back",
          "[grains][O-W4][O-W14][O-W17][O-57]") {
  const KeyFile key;
  const std::uint64_t grains = grains_here();
  std::vector<std::unique_ptr<Child>> children;
  children.push_back(
      std::make_unique<Child>(std::vector<std::string>{"--identity", key.path.string()}));  // the one that dies
  for (int i = 1; i < 4; ++i) children.push_back(std::make_unique<Child>());
  const std::string address = address_of(*children[0]);
  auto node = start();
  const auto is_tcp = [](const LaneReport& report) { return report.lane == "tcp" && report.used; };
  if (std::ranges::none_of(node.lanes(), is_tcp)) SKIP("no lane tcp here");
  // Grains that came over another lane would end their target's link as Unsupported.
  auto initiator = need(node.open_initiator({.lane = Lane::kTcp}));
  std::string first_info;
  for (auto& child : children) {
    const std::string info = open_ring(*child);
    if (first_info.empty()) first_info = info;
    until_connected(initiator, need(initiator.add_target(need(TargetInfo::parse(info)))));
  }

  // Sources are used again when all results of a grain are there.
  constexpr std::size_t kAhead = 256;
  std::vector<std::vector<std::byte>> sources(kAhead);
  std::vector<std::size_t> users(kAhead);
  std::vector<std::map<bool, std::uint64_t>> ended(4);  // per target: arrived, or not
  std::uint64_t may_have = 0, back_at = 0, sent_to_first = 0;
  const auto take = [&](const GrainResult& result) {
    REQUIRE(users[result.index % kAhead]-- > 0);
    ++ended[result.target][result.result.has_value()];
    if (!result.result && result.result.error().may_have_arrived()) ++may_have;
  };
  bool killed = false, back = false;
  std::uint64_t ok_before_back = 0;
  for (std::uint64_t next = 0; next < grains;) {
    if (!killed && next == grains / 3) {
      children[0]->kill();
      children[0] =
          std::make_unique<Child>(std::vector<std::string>{"--identity", key.path.string(), "--listen", address});
      CHECK(open_ring(*children[0]) == first_info);
      killed = true;
    }
    if (killed && !back && next >= grains / 2) {
      until_connected(initiator, 0);
      while (auto result = initiator.next_result()) take(*result);
      back = true;
      back_at = next;
      ok_before_back = ended[0][true];
    }
    if (users[next % kAhead] != 0) {
      take(need(initiator.wait_result(std::chrono::seconds(30))));
      while (auto result = initiator.next_result()) take(*result);
      continue;
    }
    sources[next % kAhead] = grain_of(next, kGrainBytes);
    const std::span<const std::byte> part(sources[next % kAhead]);
    const std::size_t to = need(initiator.send(next, std::span(&part, 1)));
    CHECK(to >= 3);
    users[next % kAhead] = 4;  // one that is not connected says so by a result
    sent_to_first += 1;
    ++next;
  }
  while (std::ranges::any_of(users, [](std::size_t each) { return each != 0; }))
    take(need(initiator.wait_result(std::chrono::seconds(30))));
  CHECK(initiator.pending() == 0);

  for (std::size_t i = 1; i < 4; ++i) {
    CAPTURE(i);
    CHECK(ended[i][true] == grains);
    CHECK(ended[i][false] == 0);
    const Tally tally = tally_of(*children[i]);
    CHECK(tally.count == grains);
    CHECK(tally.torn == 0);
    CHECK(tally.disordered == 0);
  }
  CHECK(ended[0][true] + ended[0][false] == sent_to_first);
  CHECK(ended[0][true] - ok_before_back >= grains - back_at);  // all that was sent to the one that came back
  const Tally tally = tally_of(*children[0]);
  CHECK(tally.torn == 0);
  CHECK(tally.disordered == 0);
  CHECK(tally.count >= grains - back_at);
  CHECK(tally.count <= ended[0][true] + may_have);
}

TEST_CASE("grains: a target that is stopped costs the others nothing, and its grains end", "[grains][O-W15]") {
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 2; ++i) children.push_back(std::make_unique<Child>());
  auto node = start();
  auto initiator = need(node.open_initiator());
  for (auto& child : children)
    until_connected(initiator, need(initiator.add_target(need(TargetInfo::parse(open_ring(*child))))));
  children[0]->stop();
  const auto source = grain_of(7, kGrainBytes);
  const std::span<const std::byte> part(source);
  std::map<std::size_t, std::map<bool, int>> ended;
  for (int i = 0; i < 500; ++i) {
    (void)need(initiator.send(7, std::span(&part, 1)));
    while (ended[1][true] <= i) {
      const GrainResult result = need(initiator.wait_result(std::chrono::seconds(30)));
      if (result.target == 1 && !result.result) FAIL(result.result.error().to_string());
      ++ended[result.target][result.result.has_value()];
    }
  }
  while (ended[0][false] < 500) {
    const GrainResult result = need(initiator.wait_result(std::chrono::seconds(30)));
    ++ended[result.target][result.result.has_value()];
  }
  CHECK(ended[1][true] == 500);
  children[0]->signal(SIGCONT);
}
