#include <weft/fabrics.h>

#include <poll.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "rings.hpp"

using namespace weft::test;

TEST_CASE("grains: the seed's workflow, from the target's set-up to the grain",
          "[O-61][M-16][M-23][M-40][X-4][M-25][M-26]") {
  Fabrics fabrics;
  Ring in(4), out(4);
  const weftFabricsTarget target = fabrics.blank_target();
  const weftTargetInfo info = fabrics.set_up(target, in.regions);
  std::uint64_t index = 99;
  REQUIRE(weftFabricsTargetTryNewGrain(target, &index) == WEFT_ERR_NOT_READY);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_ERR_NOT_READY);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_ERR_EXISTS);
  connect(initiator);
  for (const std::uint64_t sent : {0ull, 5ull, 1ull << 40}) {
    std::memset(out.memory.data() + sent % 4 * 64, static_cast<int>(sent % 4 + 1), 64);
    REQUIRE(weftFabricsInitiatorTransferGrain(initiator, sent) == WEFT_STATUS_OK);
    REQUIRE(weftFabricsTargetWaitForNewGrain(target, &index, 20000) == WEFT_STATUS_OK);
    REQUIRE(index == sent);
    weftFabricsGrain grain{};
    grain.structSize = sizeof grain;
    REQUIRE(weftFabricsTargetGetGrain(target, index, &grain) == WEFT_STATUS_OK);
    REQUIRE(grain.complete);
    REQUIRE(grain.size == 64);
    REQUIRE(static_cast<const char*>(grain.data)[63] == static_cast<char>(sent % 4 + 1));
    const weftFabricsResult result = result_of(initiator);
    REQUIRE(result.status == WEFT_STATUS_OK);
    REQUIRE(result.index == sent);
    REQUIRE(result.target == 0);
    REQUIRE(weftFabricsTargetReleaseGrain(target, index) == WEFT_STATUS_OK);
    REQUIRE(weftFabricsTargetReleaseGrain(target, index) == WEFT_ERR_NOT_FOUND);
    REQUIRE(weftFabricsTargetGetGrain(target, index, &grain) == WEFT_ERR_NOT_FOUND);
  }
  REQUIRE(weftFabricsInitiatorMakeProgressNonBlocking(initiator) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorRemoveTarget(initiator, info) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorRemoveTarget(initiator, info) == WEFT_ERR_NOT_FOUND);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 1) == WEFT_ERR_NOT_READY);
}

TEST_CASE("grains: the next read releases what was read before, by either spelling", "[M-16][M-17][X-4]") {
  Fabrics fabrics;
  Ring in(1), out(1);
  const weftFabricsTarget target = fabrics.blank_target();
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, fabrics.set_up(target, in.regions)) == WEFT_STATUS_OK);
  connect(initiator);
  std::uint64_t index = 0;
  // One slot: each grain needs the one before it to be released.
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrainNonBlocking(target, &index) == WEFT_ERR_NOT_READY);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 1) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(index == 1);
  REQUIRE(result_of(initiator).status == WEFT_STATUS_OK);
  REQUIRE(result_of(initiator).status == WEFT_STATUS_OK);
}

TEST_CASE("grains: what is not set up says so, whatever the call", "[M-14][M-16][M-19]") {
  Fabrics fabrics;
  const weftFabricsTarget target = fabrics.blank_target();
  const weftFabricsInitiator initiator = fabrics.blank_initiator();
  std::uint64_t index = 0;
  std::size_t count = 0;
  int fd = -1;
  weftFabricsResult result{};
  result.structSize = sizeof result;
  REQUIRE(weftFabricsTargetTryNewGrain(target, &index) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsTargetWaitForNewGrain(target, &index, 60000) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsTargetReadSamples(target, 60000, &index, &count) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsTargetReleaseGrain(target, 0) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsTargetEventFd(target, &fd) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorTransferGrainSlices(initiator, 0, 0, 1) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorTransferSamples(initiator, 1, 1) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorNextResult(initiator, &result) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorMakeProgressNonBlocking(initiator) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorMakeProgressBlocking(initiator, 60000) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsDestroyTarget(fabrics.handle, target) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsDestroyTarget(fabrics.handle, target) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsDestroyInitiator(fabrics.handle, initiator) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsDestroyInitiator(fabrics.handle, initiator) == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("grains: one to many, to one of them, and without one that was removed", "[M-22][M-32][M-41]") {
  Fabrics fabrics;
  Ring out(2), first_ring(2), second_ring(2);
  const weftFabricsTarget first = fabrics.blank_target(), second = fabrics.blank_target();
  const weftTargetInfo first_info = fabrics.set_up(first, first_ring.regions);
  const weftTargetInfo second_info = fabrics.set_up(second, second_ring.regions);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, first_info) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, second_info) == WEFT_STATUS_OK);
  connect(initiator);
  std::uint64_t index = 0;
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 7) == WEFT_STATUS_OK);
  REQUIRE(result_of(initiator).index == 7);
  REQUIRE(result_of(initiator).index == 7);
  REQUIRE(weftFabricsTargetReadGrain(first, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(second, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorTransferGrainToTarget(initiator, second_info, 8) == WEFT_STATUS_OK);
  REQUIRE(result_of(initiator).target == 1);
  REQUIRE(weftFabricsTargetReadGrain(second, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(index == 8);
  REQUIRE(weftFabricsTargetReadGrainNonBlocking(first, &index) == WEFT_ERR_NOT_READY);
  REQUIRE(weftFabricsInitiatorRemoveTarget(initiator, second_info) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorTransferGrainToTarget(initiator, second_info, 9) == WEFT_ERR_NOT_FOUND);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 9) == WEFT_STATUS_OK);
  REQUIRE(result_of(initiator).target == 0);
}

TEST_CASE("grains: a target of another shape is refused", "[M-21]") {
  Fabrics fabrics;
  Ring in(2, 64), smaller(2, 32), sliced(2, 64);
  const weftTargetInfo info = fabrics.set_up(fabrics.blank_target(), in.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(fabrics.initiator(smaller.regions), info) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsInitiatorAddTarget(fabrics.initiator(sliced.regions, R"({"slices": 4})"), info) ==
          WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsInitiatorAddTarget(fabrics.initiator(sliced.regions), info) == WEFT_STATUS_OK);
}

TEST_CASE("grains: a callback takes them instead of reads, and is set before the set-up", "[M-32]") {
  Fabrics fabrics;
  Ring in(1), out(1);
  const weftFabricsTarget target = fabrics.blank_target();
  std::atomic<std::uint64_t> calls = 0;
  const weftFabricsGrainCallback count = [](void* user, const weftFabricsGrain* grain) {
    if (grain->complete && grain->size == 64) ++*static_cast<std::atomic<std::uint64_t>*>(user);
  };
  REQUIRE(weftFabricsTargetSetGrainCallback(target, count, &calls) == WEFT_STATUS_OK);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, fabrics.set_up(target, in.regions)) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetSetGrainCallback(target, nullptr, nullptr) == WEFT_ERR_INVALID_STATE);
  connect(initiator);
  for (std::uint64_t index = 0; index != 5; ++index) {
    REQUIRE(weftFabricsInitiatorTransferGrain(initiator, index) == WEFT_STATUS_OK);
    REQUIRE(result_of(initiator).status == WEFT_STATUS_OK);
  }
  REQUIRE(soon([&] { return calls == 5; }));
  std::uint64_t index = 0;
  REQUIRE(weftFabricsTargetTryNewGrain(target, &index) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsDestroyTarget(fabrics.handle, target) == WEFT_STATUS_OK);
}

TEST_CASE("grains: the target's descriptor is readable while a grain waits") {
  Fabrics fabrics;
  Ring in(2), out(2);
  const weftFabricsTarget target = fabrics.blank_target();
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, fabrics.set_up(target, in.regions)) == WEFT_STATUS_OK);
  connect(initiator);
  pollfd waits{.fd = -1, .events = POLLIN, .revents = 0};
  REQUIRE(weftFabricsTargetEventFd(target, &waits.fd) == WEFT_STATUS_OK);
  REQUIRE(::poll(&waits, 1, 0) == 0);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_STATUS_OK);
  REQUIRE(::poll(&waits, 1, 20000) == 1);
  std::uint64_t index = 9;
  REQUIRE(weftFabricsTargetTryNewGrain(target, &index) == WEFT_STATUS_OK);
  REQUIRE(index == 0);
}

TEST_CASE("grains: a target that is destroyed wakes who waits in it") {
  Fabrics fabrics;
  Ring in(2);
  const weftFabricsTarget target = fabrics.blank_target();
  fabrics.set_up(target, in.regions);
  weftStatus status = WEFT_STATUS_OK;
  std::thread waits([&] {
    std::uint64_t index = 0;
    status = weftFabricsTargetReadGrain(target, 60000, &index);
  });
  REQUIRE(weftFabricsDestroyTarget(fabrics.handle, target) == WEFT_STATUS_OK);
  waits.join();
  REQUIRE((status == WEFT_ERR_SHUTTING_DOWN || status == WEFT_ERR_INVALID_ARG || status == WEFT_ERR_INVALID_STATE));
}

TEST_CASE("grains: a second set-up of a target is a new ring") {
  Fabrics fabrics;
  Ring in(2), out(2);
  const weftFabricsTarget target = fabrics.blank_target();
  fabrics.set_up(target, in.regions);
  const weftTargetInfo info = fabrics.set_up(target, in.regions);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_STATUS_OK);
  connect(initiator);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 3) == WEFT_STATUS_OK);
  REQUIRE(result_of(initiator).status == WEFT_STATUS_OK);
}
