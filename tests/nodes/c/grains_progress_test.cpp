#include <weft/fabrics.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "rings.hpp"

using namespace weft::test;

namespace {

using Clock = std::chrono::steady_clock;

weftStatus next_status(weftFabricsInitiator initiator) {
  weftFabricsResult result{};
  result.structSize = sizeof result;
  return weftFabricsInitiatorNextResult(initiator, &result);
}

/// Memory, which outlives whatever still writes and reads it.
struct Rings {
  explicit Rings(std::size_t slots) : in(slots), out(4) {}
  Ring in, out;
};

/// A target that nobody reads, with an initiator that is connected to it.
struct Unread : Rings, Fabrics {
  explicit Unread(std::size_t slots, const char* options = nullptr)
      : Rings(slots), target(blank_target()), info(set_up(target, in.regions)) {
    sender = initiator(out.regions, options);
    REQUIRE(weftFabricsInitiatorAddTarget(sender, info) == WEFT_STATUS_OK);
    connect(sender);
  }
  weftFabricsTarget target;
  weftTargetInfo info;
  weftFabricsInitiator sender = nullptr;
};

}  // namespace

TEST_CASE("progress: with nothing pending it returns at once, whatever its timeout", "[M-25][M-26]") {
  Unread ends(2);
  const weftFabricsInitiator alone = ends.initiator(ends.out.regions);
  std::vector<weftStatus> told;
  std::atomic<bool> over = false;
  std::thread asks([&] {
    for (const weftFabricsInitiator idle : {alone, ends.sender}) {
      told.push_back(weftFabricsInitiatorMakeProgressNonBlocking(idle));
      told.push_back(weftFabricsInitiatorMakeProgressBlocking(idle, 60000));
    }
    told.push_back(weftFabricsInitiatorTransferGrain(ends.sender, 0));
    for (int i = 0; i != 2; ++i) told.push_back(weftFabricsInitiatorMakeProgressBlocking(ends.sender, 60000));
    over = true;
  });
  const bool sooner = soon([&] { return over.load(); });
  asks.join();
  CHECK(sooner);  // than any of its calls may take
  CHECK(told == std::vector<weftStatus>(7, WEFT_STATUS_OK));
}

TEST_CASE("progress: a target that is lost leaves nothing pending, once its grains have ended", "[M-25][M-26][O-W4]") {
  Unread ends(2);
  for (std::uint64_t index = 0; index != 10; ++index)
    REQUIRE(weftFabricsInitiatorTransferGrain(ends.sender, index) == WEFT_STATUS_OK);
  CHECK(weftFabricsInitiatorMakeProgressNonBlocking(ends.sender) == WEFT_ERR_NOT_READY);
  CHECK(weftFabricsInitiatorMakeProgressBlocking(ends.sender, 50) == WEFT_ERR_NOT_READY);
  REQUIRE(weftFabricsDestroyTarget(ends.handle, ends.target) == WEFT_STATUS_OK);
  std::set<std::uint64_t> ended;
  for (int i = 0; i != 10; ++i) ended.insert(result_of(ends.sender).index);
  CHECK(ended.size() == 10);
  // It is being connected again, which is not the application's to wait for.
  weftStatus sent = WEFT_STATUS_OK;
  while (sent == WEFT_STATUS_OK) sent = weftFabricsInitiatorTransferGrain(ends.sender, 10);
  CHECK(sent == WEFT_ERR_NOT_READY);
  REQUIRE(soon([&] { return weftFabricsInitiatorMakeProgressNonBlocking(ends.sender) == WEFT_STATUS_OK; }));
  CHECK(weftFabricsInitiatorMakeProgressBlocking(ends.sender, 60000) == WEFT_STATUS_OK);
  CHECK(weftFabricsInitiatorTransferGrain(ends.sender, 11) == WEFT_ERR_NOT_READY);
}

TEST_CASE("transfers: what no target has room for is OVERLOADED at the call, and nothing is sent", "[M-23][O-W15]") {
  Ring other(4);
  Unread ends(1, R"({"cqDepth": 3})");
  REQUIRE(weftFabricsInitiatorTransferGrain(ends.sender, 0) == WEFT_STATUS_OK);
  REQUIRE(result_of(ends.sender).status == WEFT_STATUS_OK);
  for (std::uint64_t index = 1; index != 4; ++index)
    REQUIRE(weftFabricsInitiatorTransferGrain(ends.sender, index) == WEFT_STATUS_OK);
  for (int i = 0; i != 3; ++i) CHECK(weftFabricsInitiatorTransferGrain(ends.sender, 4) == WEFT_ERR_OVERLOADED);
  CHECK(weftFabricsInitiatorTransferGrainToTarget(ends.sender, ends.info, 4) == WEFT_ERR_OVERLOADED);
  CHECK(last_error().find("full") != std::string::npos);
  CHECK(next_status(ends.sender) == WEFT_ERR_NOT_READY);

  // Where another has room, each says what became of it.
  const weftFabricsTarget second = ends.blank_target();
  const weftTargetInfo second_info = ends.set_up(second, other.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(ends.sender, second_info) == WEFT_STATUS_OK);
  REQUIRE(soon(
      [&] { return weftFabricsInitiatorTransferGrainToTarget(ends.sender, second_info, 4) != WEFT_ERR_NOT_READY; }));
  CHECK(result_of(ends.sender).target == 1);
  REQUIRE(weftFabricsInitiatorTransferGrain(ends.sender, 5) == WEFT_STATUS_OK);
  const weftFabricsResult one = result_of(ends.sender), two = result_of(ends.sender);
  CHECK(one.target + two.target == 1);
  CHECK((one.target == 0 ? one : two).status == WEFT_ERR_OVERLOADED);
  CHECK((one.target == 1 ? one : two).status == WEFT_STATUS_OK);
  // A reader makes room.
  std::uint64_t index = 0;
  for (std::uint64_t expected = 0; expected != 4; ++expected) {
    REQUIRE(weftFabricsTargetReadGrain(ends.target, 20000, &index) == WEFT_STATUS_OK);
    CHECK(index == expected);
  }
  connect(ends.sender);
  CHECK(weftFabricsInitiatorTransferGrain(ends.sender, 6) == WEFT_STATUS_OK);
}

TEST_CASE("transfers: a hundred thousand go where nobody takes results or makes progress", "[M-23][M-25][O-W15]") {
  constexpr std::uint64_t kCount = 100'000, kKept = 65536;
  Ring in(4), out(4);
  Fabrics fabrics;
  const weftFabricsTarget target = fabrics.blank_target();
  REQUIRE(weftFabricsTargetSetGrainCallback(target, [](void*, const weftFabricsGrain*) {}, nullptr) == WEFT_STATUS_OK);
  const weftTargetInfo info = fabrics.set_up(target, in.regions);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions, R"({"cqDepth": 8})");
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_STATUS_OK);
  connect(initiator);
  for (std::uint64_t index = 0; index != kCount; ++index) {
    const auto until = Clock::now() + std::chrono::seconds(20);
    weftStatus sent = weftFabricsInitiatorTransferGrain(initiator, index);
    while (sent == WEFT_ERR_OVERLOADED && Clock::now() < until) {
      std::this_thread::yield();
      sent = weftFabricsInitiatorTransferGrain(initiator, index);
    }
    CAPTURE(index);
    REQUIRE(sent == WEFT_STATUS_OK);
  }
  connect(initiator);
  for (std::uint64_t index = kCount - kKept; index != kCount; ++index) {
    const weftFabricsResult result = result_of(initiator);
    if (result.index != index || result.status != WEFT_STATUS_OK)
      FAIL(result.index << " where " << index << " was due");
  }
  CHECK(next_status(initiator) == WEFT_ERR_NOT_READY);
  REQUIRE(weftFabricsDestroyTarget(fabrics.handle, target) == WEFT_STATUS_OK);
}
