#include <weft/fabrics.h>

#include <poll.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "rings.hpp"

using namespace weft::test;

namespace {

std::string text_of(weftTargetInfo info) {
  std::size_t size = 0;
  REQUIRE(weftFabricsTargetInfoToString(info, nullptr, &size) == WEFT_STATUS_OK);
  std::string text(size, '?');
  std::size_t less = size - 1;
  REQUIRE(weftFabricsTargetInfoToString(info, text.data(), &less) == WEFT_ERR_STRLEN);
  REQUIRE(less == size);
  REQUIRE(weftFabricsTargetInfoToString(info, text.data(), &size) == WEFT_STATUS_OK);
  text.pop_back();
  return text;
}

}  // namespace

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

TEST_CASE("grains: slices, the header alone, and what lies beyond a grain", "[M-23][O-59][M-20]") {
  Fabrics fabrics;
  fabrics.domain.make_discrete("from", 2, 400, 4);
  fabrics.domain.make_discrete("to", 2, 400, 4);
  const weftFlowWriter source = fabrics.domain.writer("from"), sink = fabrics.domain.writer("to");
  weftRegions out = nullptr, in = nullptr;
  REQUIRE(weftFabricsRegionsForFlowReader(fabrics.domain.reader("from"), &out) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsForFlowWriter(sink, &in) == WEFT_STATUS_OK);
  const weftFabricsTarget target = fabrics.blank_target();
  const weftTargetInfo info = fabrics.set_up(target, in);
  const weftFabricsInitiator initiator = fabrics.initiator(out);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_STATUS_OK);
  connect(initiator);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);

  weftGrainInfo grain{};
  grain.structSize = sizeof grain;
  std::uint8_t* payload = nullptr;
  REQUIRE(weftFlowWriterOpenGrain(source, 2, &grain, &payload) == WEFT_STATUS_OK);
  std::memset(payload, 5, 400);
  grain.validSlices = 4;
  REQUIRE(weftFlowWriterCommitGrain(source, &grain) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  REQUIRE(weftFabricsInitiatorTransferGrainSlices(initiator, 2, 3, 2) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsInitiatorTransferGrainSlices(initiator, 2, 0, 5) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsInitiatorTransferGrainSlices(initiator, 2, 2, 2) == WEFT_ERR_INVALID_ARG);

  std::uint64_t index = 0;
  weftFabricsGrain seen{};
  seen.structSize = sizeof seen;
  REQUIRE(weftFabricsInitiatorTransferGrainSlices(initiator, 2, 0, 2) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetGetGrain(target, 2, &seen) == WEFT_STATUS_OK);
  REQUIRE(seen.validSlices == 2);
  REQUIRE_FALSE(seen.complete);
  REQUIRE(seen.size == 8192 + 200);
  REQUIRE(weftFabricsInitiatorTransferGrainSlices(initiator, 2, 2, 4) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetGetGrain(target, 2, &seen) == WEFT_STATUS_OK);
  REQUIRE(seen.validSlices == 4);
  REQUIRE(seen.complete);
  // The application shows it to the readers on this host.
  REQUIRE(weftFlowWriterOpenGrain(sink, 2, &grain, &payload) == WEFT_STATUS_OK);
  REQUIRE(grain.validSlices == 4);
  REQUIRE(payload[399] == 5);
  REQUIRE(weftFlowWriterCommitGrain(sink, &grain) == WEFT_STATUS_OK);
  const std::uint8_t* read = nullptr;
  REQUIRE(weftFlowReaderGetGrain(fabrics.domain.reader("to"), 2, 0, &grain, &read) == WEFT_STATUS_OK);
  REQUIRE(read[0] == 5);

  REQUIRE(weftFlowWriterOpenGrain(source, 3, &grain, &payload) == WEFT_STATUS_OK);
  REQUIRE(weftFlowWriterCommitGrain(source, &grain) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorTransferGrainSlices(initiator, 3, 0, 0) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetGetGrain(target, 3, &seen) == WEFT_STATUS_OK);
  REQUIRE(seen.invalid);
  REQUIRE(weftFlowWriterOpenGrain(sink, 3, &grain, &payload) == WEFT_STATUS_OK);
  REQUIRE((grain.flags & WEFT_GRAIN_FLAG_INVALID) != 0);
  REQUIRE(weftFabricsRegionsFree(in) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsFree(out) == WEFT_STATUS_OK);
}

TEST_CASE("grains: one that its flow's writer writes over before it goes arrives invalid, and its result says so",
          "[M-23][O-W11]") {
  Fabrics fabrics;
  fabrics.domain.make_discrete("from", 2, 400, 2);
  fabrics.domain.make_discrete("to", 2, 400, 2);
  const weftFlowWriter source = fabrics.domain.writer("from"), sink = fabrics.domain.writer("to");
  weftRegions out = nullptr, in = nullptr;
  REQUIRE(weftFabricsRegionsForFlowReader(fabrics.domain.reader("from"), &out) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsForFlowWriter(sink, &in) == WEFT_STATUS_OK);
  const weftFabricsTarget target = fabrics.blank_target();
  const weftFabricsInitiator initiator = fabrics.initiator(out);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, fabrics.set_up(target, in)) == WEFT_STATUS_OK);
  connect(initiator);
  weftGrainInfo grain{};
  grain.structSize = sizeof grain;
  std::uint8_t* payload = nullptr;
  const auto open = [&](std::uint64_t index) {
    REQUIRE(weftFlowWriterOpenGrain(source, index, &grain, &payload) == WEFT_STATUS_OK);
    std::memset(payload, static_cast<int>(index), 400);
  };
  const auto commit = [&] {
    grain.validSlices = 2;
    REQUIRE(weftFlowWriterCommitGrain(source, &grain) == WEFT_STATUS_OK);
  };
  open(0);
  commit();
  std::uint64_t index = 9;
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);  // its slot is held
  REQUIRE(result_of(initiator).status == WEFT_STATUS_OK);
  open(2);
  commit();
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 2) == WEFT_STATUS_OK);
  open(4);
  // What is being written over is not sent any more.
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 2) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  commit();
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 2) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);

  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(index == 2);
  weftFabricsGrain seen{};
  seen.structSize = sizeof seen;
  for (int look = 0; look != 2; ++look) {
    REQUIRE(weftFabricsTargetGetGrain(target, 2, &seen) == WEFT_STATUS_OK);
    CHECK((seen.invalid && seen.complete));
    CHECK((seen.validSlices == 0 && seen.size == 0));
  }
  REQUIRE(weftFlowWriterOpenGrain(sink, 2, &grain, &payload) == WEFT_STATUS_OK);
  CHECK(grain.flags == WEFT_GRAIN_FLAG_INVALID);
  CHECK(grain.validSlices == 0);
  REQUIRE(weftFlowWriterCommitGrain(sink, &grain) == WEFT_STATUS_OK);
  weftFabricsResult result = result_of(initiator);
  CHECK(result.index == 2);
  CHECK(result.status == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  CHECK(result.mayHaveArrived);

  // The next one is whole, and may be written over once it has arrived, whenever its result is taken.
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 4) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetGetGrain(target, 4, &seen) == WEFT_STATUS_OK);
  CHECK_FALSE(seen.invalid);
  REQUIRE(seen.size == 8192 + 400);
  CHECK(static_cast<const std::uint8_t*>(seen.data)[8192 + 399] == 4);
  connect(initiator);
  open(6);
  commit();
  result = result_of(initiator);
  CHECK(result.index == 4);
  CHECK(result.status == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsFree(in) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsFree(out) == WEFT_STATUS_OK);
}

TEST_CASE("grains: samples go from flow to flow, over the wrap, in batches that are not full", "[M-18][M-24][O-60]") {
  Fabrics fabrics;
  fabrics.domain.make_continuous("from", 1000);
  fabrics.domain.make_continuous("to", 1000);
  const weftFlowWriter source = fabrics.domain.writer("from"), sink = fabrics.domain.writer("to");
  const weftFlowReader reader = fabrics.domain.reader("to");
  weftRegions out = nullptr, in = nullptr;
  REQUIRE(weftFabricsRegionsForFlowReader(fabrics.domain.reader("from"), &out) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsForFlowWriter(sink, &in) == WEFT_STATUS_OK);
  const weftFabricsTarget target = fabrics.blank_target();
  const weftTargetInfo info = fabrics.set_up(target, in, R"({"syncBatch": 480})");
  const weftFabricsInitiator initiator = fabrics.initiator(out, R"({"syncBatch": 480})");
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_STATUS_OK);
  connect(initiator);
  std::uint64_t index = 0;
  REQUIRE(weftFabricsTargetReadGrain(target, 0, &index) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorTransferSamples(initiator, 480, 481) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsInitiatorTransferSamples(initiator, 480, 0) == WEFT_ERR_INVALID_ARG);

  std::uint64_t at = 0;
  for (const std::size_t count : {480u, 480u, 240u, 1u, 480u}) {
    at += count;
    weftMutableWrappedMultiBufferSlice slices{};
    REQUIRE(weftFlowWriterOpenSamples(source, at, count, &slices) == WEFT_STATUS_OK);
    for (const auto& part : slices.fragments)
      for (std::size_t channel = 0; channel != 2 && part.size != 0; ++channel)
        std::memset(static_cast<char*>(part.pointer) + channel * slices.stride, static_cast<int>(at % 251 + channel),
                    part.size);
    REQUIRE(weftFlowWriterCommitSamples(source) == WEFT_STATUS_OK);
    REQUIRE(weftFabricsInitiatorTransferSamples(initiator, at, count) == WEFT_STATUS_OK);
    REQUIRE(result_of(initiator).index == at);
    std::uint64_t head = 0;
    std::size_t got = 0;
    REQUIRE(weftFabricsTargetReadSamples(target, 20000, &head, &got) == WEFT_STATUS_OK);
    REQUIRE(head == at);
    REQUIRE(got == count);
    REQUIRE(weftFlowWriterOpenSamples(sink, head, got, &slices) == WEFT_STATUS_OK);
    REQUIRE(weftFlowWriterCommitSamples(sink) == WEFT_STATUS_OK);
    weftWrappedMultiBufferSlice seen{};
    REQUIRE(weftFlowReaderGetSamples(reader, head, got, 0, &seen) == WEFT_STATUS_OK);
    for (const auto& part : seen.fragments)
      for (std::size_t channel = 0; channel != 2 && part.size != 0; ++channel)
        for (const std::size_t i : {std::size_t{0}, part.size - 1})
          REQUIRE(static_cast<const unsigned char*>(part.pointer)[channel * seen.stride + i] == at % 251 + channel);
  }
  std::size_t none = 0;
  REQUIRE(weftFabricsTargetReadSamplesNonBlocking(target, &index, &none) == WEFT_ERR_NOT_READY);
  REQUIRE(weftFabricsRegionsFree(in) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsFree(out) == WEFT_STATUS_OK);
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
  for (int tries = 0; calls != 5 && tries != 3000; ++tries) ::poll(nullptr, 0, 10);
  REQUIRE(calls == 5);
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

TEST_CASE("target info: it goes to text and back, and nonsense is refused", "[M-28][M-29][M-30][X-5][M-21]") {
  Fabrics fabrics;
  Ring in(2), out(2);
  const weftTargetInfo info = fabrics.set_up(fabrics.blank_target(), in.regions);
  const std::string text = text_of(info);
  REQUIRE(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == text.npos);
  weftTargetInfo again = nullptr;
  REQUIRE(weftFabricsTargetInfoFromString(text.c_str(), &again) == WEFT_STATUS_OK);
  REQUIRE(text_of(again) == text);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, again) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_ERR_EXISTS);
  REQUIRE(weftFabricsFreeTargetInfo(again) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsFreeTargetInfo(again) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, again) == WEFT_ERR_INVALID_ARG);
  for (const char* wrong : {"", "A", "!!!!", "AAAA====", "{}", "{\"regions\": []}", "AAAA"})
    REQUIRE(weftFabricsTargetInfoFromString(wrong, &again) == WEFT_ERR_INVALID_ARG);
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
