#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>

#include <catch2/catch_test_macros.hpp>

#include <weft/base/flat_map.hpp>
#include <weft/transfer/access.hpp>
#include <weft/transfer/attachments.hpp>
#include <weft/transfer/once.hpp>
#include <weft/transfer/slots.hpp>
#include <weft/transfer/staging.hpp>

using namespace weft;
using namespace weft::transfer;

TEST_CASE("attachments: a range is registered once for all who hold it, and goes with the last of them") {
  struct Registered final : lane::Attachment {
    explicit Registered(int& count) : live(count) { ++live; }
    ~Registered() override { --live; }
    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;
    void* descriptor() const override { return nullptr; }
    int& live;
  };
  int live = 0;
  std::array<std::byte, 64> memory{};
  const lane::Region whole{memory.data(), 64};
  Attachments attachments;
  const Key first = attachments.hold(weft::Lane::kVerbs, whole);
  attachments.find(first)->attachment = std::make_unique<Registered>(live);
  CHECK(attachments.hold(weft::Lane::kVerbs, whole) == first);
  const Key part = attachments.hold(weft::Lane::kVerbs, {memory.data(), 32});
  const Key other_lane = attachments.hold(weft::Lane::kEfa, whole);
  CHECK((part != first && other_lane != first));
  CHECK(attachments.live() == 3);
  attachments.let_go(first);
  CHECK(live == 1);
  attachments.let_go(first);
  CHECK(live == 0);
  CHECK(attachments.find(first) == nullptr);
  attachments.let_go(first);  // a name that is gone names nothing
  const Key again = attachments.hold(weft::Lane::kVerbs, whole);
  CHECK(again != first);
  CHECK_FALSE(attachments.find(again)->attachment);  // to be asked for anew
  const Key kept = attachments.keep(weft::Lane::kVerbs, {memory.data() + 32, 32});
  CHECK(attachments.keep(weft::Lane::kVerbs, {memory.data() + 32, 32}) == kept);
  CHECK(attachments.live() == 3);
  for (const Key key : {part, other_lane, again}) attachments.let_go(key);
  CHECK(attachments.live() == 0);
  CHECK(attachments.find(kept) != nullptr);
}

TEST_CASE("slots: all can be drawn once, one past full gives nothing, and the longest free comes first") {
  Slots slots;
  std::set<std::uint16_t> drawn;
  for (std::uint64_t i = 0; i < kMaxSlots; ++i)
    drawn.insert(*slots.draw({.transfer = TransferKey{{1}}, .rail_index = 0}));
  CHECK(drawn.size() == kMaxSlots);
  CHECK_FALSE(slots.draw({}));
  slots.give_back(5);
  slots.give_back(9);
  CHECK(slots.find(5) == nullptr);
  CHECK(slots.draw({.transfer = TransferKey{{2}}, .rail_index = 3}) == 5);
  REQUIRE(slots.find(5) != nullptr);
  CHECK(slots.find(5)->rail_index == 3);
  CHECK(slots.free_count() == 1);
}

TEST_CASE("slots: an immediate is its slot and its piece") {
  const std::uint32_t immediate = Slots::immediate(4095, kMaxPieces - 1);
  CHECK(immediate == 0xFFFFFFFFu);
  CHECK(Slots::slot_of(immediate) == 4095);
  CHECK(Slots::piece_of(immediate) == kMaxPieces - 1);
}

TEST_CASE("flat map: agrees with std::map over random inserts and erasures") {
  std::mt19937_64 random{3};
  FlatMap<int> flat;
  std::map<std::uint64_t, int> reference;
  for (int step = 0; step < 100'000; ++step) {
    const std::uint64_t key = random() % 300;
    if (random() % 2 == 0) {
      flat.set(key, step);
      reference[key] = step;
    } else {
      CHECK(flat.erase(key) == (reference.erase(key) == 1));
    }
  }
  CHECK(flat.size() == reference.size());
  for (const auto& [key, value] : reference) {
    REQUIRE(flat.find(key) != nullptr);
    CHECK(*flat.find(key) == value);
  }
}

TEST_CASE("once table: a known outcome is found, a newer sequence is not, the oldest is forgotten and said so") {
  OnceTable once;
  const OnceTable::Opener opener{};
  const TimePoint now{};
  CHECK(once.find(opener, 1) == nullptr);
  for (std::uint64_t i = 1; i <= kRememberedOutcomes + 10; ++i)
    once.remember(opener, {.sequence = i, .ok = true, .bytes = i}, now);
  REQUIRE(once.find(opener, 11) != nullptr);
  CHECK(once.find(opener, 11)->bytes == 11);
  CHECK(once.find(opener, 10) == nullptr);
  CHECK(once.forgotten(opener, 10));
  CHECK_FALSE(once.forgotten(opener, 11));
  CHECK(once.find(opener, kRememberedOutcomes + 11) == nullptr);
}

TEST_CASE("once table: an incarnation is known of the node that showed it only, and of its last eight") {
  OnceTable once;
  const auto opener = [](int node, int start) {
    return OnceTable::Opener{.node = {.bytes = {static_cast<std::byte>(node)}},
                             .incarnation = {.bytes = {static_cast<std::byte>(start)}}};
  };
  TimePoint now{};
  once.remember(opener(1, 1), {.sequence = 5, .ok = true}, now);
  CHECK(once.find(opener(2, 1), 5) == nullptr);
  for (int start = 1; start <= 100; ++start)
    once.remember(opener(2, start), {.sequence = 5, .ok = true}, now += std::chrono::seconds(1));
  CHECK(once.find(opener(1, 1), 5) != nullptr);
  CHECK(once.find(opener(2, 92), 5) == nullptr);
  CHECK(once.find(opener(2, 93), 5) != nullptr);
  for (int node = 3; node < 255; ++node)
    once.remember(opener(node, 1), {.sequence = 5}, now += std::chrono::seconds(1));
  CHECK(once.find(opener(1, 1), 5) == nullptr);  // of 256 openers the one that was silent longest makes room
  CHECK(once.find(opener(254, 1), 5) != nullptr);
}

TEST_CASE("staging: half of the buffers for one owner, two for every owner, and all come back") {
  Staging staging(8, 64);
  std::vector<std::int32_t> taken;
  const auto take = [&](std::uint64_t owner) {
    const std::int32_t buffer = staging.take(owner);
    if (buffer >= 0) taken.push_back(buffer);
    return buffer >= 0;
  };
  for (int i = 0; i < 4; ++i) CHECK(take(1));
  CHECK_FALSE(take(1));
  for (int i = 0; i < 4; ++i) CHECK(take(2));
  CHECK_FALSE(take(2));
  for (std::uint64_t owner = 3; owner < 6; ++owner) {
    CHECK(take(owner));
    CHECK(take(owner));
    CHECK_FALSE(take(owner));
  }
  CHECK(std::set<std::int32_t>(taken.begin(), taken.end()).size() == 14);
  staging.hold(taken.front());
  for (const std::int32_t buffer : taken) staging.let_go(buffer);
  CHECK(staging.taken() == 1);
  CHECK(staging.let_go(taken.front()));
  CHECK(staging.taken() == 0);
  CHECK(take(1));
}

TEST_CASE("access: who, which verbs and which names", "[T-19]") {
  NodeId friendly;
  friendly.bytes[0] = std::byte{1};
  const NodeId stranger;
  CHECK(Access::local().admits(stranger, true));
  CHECK_FALSE(Access::local().admits(stranger, false));
  CHECK(Access::any().admits(stranger, false));
  const Access listed = Access::peers({friendly}).names("kv.*").verbs(AccessVerb::kGet | AccessVerb::kList);
  CHECK(listed.admits(friendly, false));
  const auto refused = listed.admits(stranger, true);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorClass::kForbidden);
  CHECK(refused.error().hint().find("--allow " + stranger.to_string()) != std::string_view::npos);
  CHECK(listed.allows(friendly, false, AccessVerb::kGet, "kv.1"));
  CHECK_FALSE(listed.allows(friendly, false, AccessVerb::kGet, "w"));
  CHECK_FALSE(listed.allows(friendly, false, AccessVerb::kPush, "kv.1"));
  CHECK_FALSE(listed.allows(stranger, false, AccessVerb::kGet, "kv.1"));
  CHECK_FALSE(Access::local().reaches_beyond_host());
  CHECK(listed.reaches_beyond_host());
}
