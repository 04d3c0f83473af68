#include <weft/flow.h>

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include <tests/soon.hpp>

#include "domain.hpp"

using weft::test::TestDomain;

namespace {

weftGrainInfo blank() {
  weftGrainInfo info{};
  info.structSize = sizeof info;
  return info;
}

void write(weftFlowWriter writer, std::uint64_t index, std::uint8_t fill, std::uint32_t flags = 0) {
  weftGrainInfo info = blank();
  std::uint8_t* payload = nullptr;
  REQUIRE(weftFlowWriterOpenGrain(writer, index, &info, &payload) == WEFT_STATUS_OK);
  std::memset(payload, fill, info.grainSize);
  info.validSlices = info.totalSlices;
  info.flags = flags;
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_STATUS_OK);
}

weftStatus get(weftFlowReader reader, std::uint64_t index, weftGrainInfo* info, const std::uint8_t** payload) {
  return weftFlowReaderGetGrainNonBlocking(reader, index, info, payload);
}

}  // namespace

TEST_CASE("flow: a grain that was committed is read, one not yet is too early, one overwritten too late", "[O-59]") {
  TestDomain domain;
  domain.make_discrete("video", 4);
  const weftFlowWriter writer = domain.writer("video");
  const weftFlowReader reader = domain.reader("video");
  weftGrainInfo info = blank();
  const std::uint8_t* payload = nullptr;
  std::uint64_t latest = 0;
  REQUIRE(weftFlowReaderGetLatestIndex(reader, &latest) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
  REQUIRE(get(reader, 0, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
  for (std::uint64_t index = 0; index != 5; ++index) write(writer, index, static_cast<std::uint8_t>(index + 1));
  REQUIRE(weftFlowReaderGetLatestIndex(reader, &latest) == WEFT_STATUS_OK);
  REQUIRE(latest == 4);
  REQUIRE(get(reader, 0, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  REQUIRE(get(reader, 5, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
  for (std::uint64_t index = 1; index != 5; ++index) {
    REQUIRE(get(reader, index, &info, &payload) == WEFT_STATUS_OK);
    REQUIRE(info.index == index);
    REQUIRE(info.validSlices == 1);
    REQUIRE(info.grainSize == 1000);
    REQUIRE(payload[999] == index + 1);
    REQUIRE(weftFlowReaderCheckGrain(reader, &info) == WEFT_STATUS_OK);
  }
}

TEST_CASE("flow: a grain that is overwritten while it is used says so afterwards") {
  TestDomain domain;
  domain.make_discrete("video", 2);
  const weftFlowWriter writer = domain.writer("video");
  const weftFlowReader reader = domain.reader("video");
  write(writer, 0, 7);
  weftGrainInfo info = blank();
  const std::uint8_t* payload = nullptr;
  REQUIRE(get(reader, 0, &info, &payload) == WEFT_STATUS_OK);
  weftGrainInfo next = blank();
  std::uint8_t* into = nullptr;
  REQUIRE(weftFlowWriterOpenGrain(writer, 2, &next, &into) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderCheckGrain(reader, &info) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  REQUIRE(get(reader, 0, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  REQUIRE(get(reader, 2, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
  REQUIRE(weftFlowWriterCancelGrain(writer) == WEFT_STATUS_OK);
  REQUIRE(get(reader, 2, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
}

TEST_CASE("flow: slices are shown as they are committed, and only grow", "[O-59]") {
  TestDomain domain;
  domain.make_discrete("video", 2, 1024, 4);
  const weftFlowWriter writer = domain.writer("video");
  const weftFlowReader reader = domain.reader("video");
  weftGrainInfo info = blank();
  std::uint8_t* payload = nullptr;
  REQUIRE(weftFlowWriterOpenGrain(writer, 0, &info, &payload) == WEFT_STATUS_OK);
  info.validSlices = 2;
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_STATUS_OK);
  weftGrainInfo seen = blank();
  const std::uint8_t* read = nullptr;
  REQUIRE(get(reader, 0, &seen, &read) == WEFT_STATUS_OK);
  REQUIRE(seen.validSlices == 2);
  REQUIRE(weftFlowReaderGetGrainSlices(reader, 0, 2, 0, &seen, &read) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderGetGrainSlices(reader, 0, 3, 0, &seen, &read) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
  REQUIRE(weftFlowReaderGetGrainSlices(reader, 0, 5, 0, &seen, &read) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowReaderGetGrain(reader, 0, 10, &seen, &read) == WEFT_ERR_TIMEOUT);
  // Opened again: what readers have stays, and may not shrink.
  REQUIRE(weftFlowWriterOpenGrain(writer, 0, &info, &payload) == WEFT_STATUS_OK);
  REQUIRE(info.validSlices == 2);
  REQUIRE(weftFlowReaderCheckGrain(reader, &seen) == WEFT_STATUS_OK);
  info.validSlices = 1;
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_ERR_INVALID_ARG);
  info.validSlices = 5;
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_ERR_INVALID_ARG);
  info.validSlices = 4;
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderGetGrain(reader, 0, 0, &seen, &read) == WEFT_STATUS_OK);
  REQUIRE(seen.validSlices == 4);
}

TEST_CASE("flow: an invalid grain is complete with no slices") {
  TestDomain domain;
  domain.make_discrete("video", 2, 64, 4);
  const weftFlowWriter writer = domain.writer("video");
  const weftFlowReader reader = domain.reader("video");
  weftGrainInfo info = blank();
  std::uint8_t* payload = nullptr;
  REQUIRE(weftFlowWriterOpenGrain(writer, 3, &info, &payload) == WEFT_STATUS_OK);
  info.flags = WEFT_GRAIN_FLAG_INVALID;
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_STATUS_OK);
  const std::uint8_t* read = nullptr;
  REQUIRE(weftFlowReaderGetGrain(reader, 3, 0, &info, &read) == WEFT_STATUS_OK);
  REQUIRE(info.flags == WEFT_GRAIN_FLAG_INVALID);
  REQUIRE(info.validSlices == 0);
}

TEST_CASE("flow: a writer opens one grain at a time, and a flow has one writer") {
  TestDomain domain;
  domain.make_discrete("video");
  const weftFlowWriter writer = domain.writer("video");
  weftFlowWriter second = nullptr;
  REQUIRE(weftCreateFlowWriter(domain.instance(), "video", nullptr, &second) == WEFT_ERR_CONFLICT);
  weftGrainInfo info = blank();
  std::uint8_t* payload = nullptr;
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFlowWriterCancelGrain(writer) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFlowWriterOpenGrain(writer, UINT64_MAX, &info, &payload) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowWriterOpenGrain(writer, 0, &info, &payload) == WEFT_STATUS_OK);
  REQUIRE(weftFlowWriterOpenGrain(writer, 1, &info, &payload) == WEFT_ERR_INVALID_STATE);
  // Released with a grain open: the grain is gone, the flow has room for another writer.
  REQUIRE(weftReleaseFlowWriter(domain.instance(), writer) == WEFT_STATUS_OK);
  second = domain.writer("video");
  REQUIRE(weftFlowWriterOpenGrain(second, 0, &info, &payload) == WEFT_STATUS_OK);
  REQUIRE(info.validSlices == 0);
}

TEST_CASE("flow: samples wrap around the ring as the layout says", "[O-59][O-60]") {
  TestDomain domain;
  domain.make_continuous("audio", 9);
  const weftFlowWriter writer = domain.writer("audio");
  weftMutableWrappedMultiBufferSlice out{};
  REQUIRE(weftFlowWriterOpenSamples(writer, 11, 5, &out) == WEFT_STATUS_OK);
  REQUIRE(out.count == 2);
  REQUIRE(out.stride == 9 * 4);
  REQUIRE(out.fragments[0].size == 3 * 4);  // 6, 7, 8
  REQUIRE(out.fragments[1].size == 2 * 4);  // 0, 1
  REQUIRE(static_cast<char*>(out.fragments[0].pointer) ==
          static_cast<char*>(out.fragments[1].pointer) + std::ptrdiff_t{6 * 4});
  REQUIRE(weftFlowWriterOpenSamples(writer, 12, 1, &out) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFlowWriterCommitSamples(writer) == WEFT_STATUS_OK);
  REQUIRE(weftFlowWriterOpenSamples(writer, 12, 0, &out) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowWriterOpenSamples(writer, 22, 10, &out) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowWriterOpenSamples(writer, 11, 5, &out) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowWriterCommitSamples(writer) == WEFT_ERR_INVALID_STATE);
}

TEST_CASE("flow: samples are too early, there, and too late", "[O-60]") {
  TestDomain domain;
  domain.make_continuous("audio", 8, 1);
  const weftFlowWriter writer = domain.writer("audio");
  const weftFlowReader reader = domain.reader("audio");
  weftMutableWrappedMultiBufferSlice out{};
  weftWrappedMultiBufferSlice in{};
  REQUIRE(weftFlowReaderGetSamples(reader, 4, 4, 0, &in) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
  REQUIRE(weftFlowReaderGetSamples(reader, 4, 4, 10, &in) == WEFT_ERR_TIMEOUT);
  REQUIRE(weftFlowReaderGetSamples(reader, 4, 5, 0, &in) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowWriterOpenSamples(writer, 8, 8, &out) == WEFT_STATUS_OK);
  std::memset(out.fragments[0].pointer, 5, out.fragments[0].size);
  REQUIRE(weftFlowReaderGetSamples(reader, 4, 4, 0, &in) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
  REQUIRE(weftFlowWriterCommitSamples(writer) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderGetSamples(reader, 4, 4, 0, &in) == WEFT_STATUS_OK);
  REQUIRE(static_cast<const char*>(in.fragments[0].pointer)[15] == 5);
  REQUIRE(weftFlowReaderCheckSamples(reader, 4, 4) == WEFT_STATUS_OK);
  REQUIRE(weftFlowWriterOpenSamples(writer, 9, 1, &out) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderCheckSamples(reader, 4, 4) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  REQUIRE(weftFlowReaderGetSamples(reader, 8, 7, 0, &in) == WEFT_STATUS_OK);
  // A range that was given up stays lost: its samples may be written in part.
  REQUIRE(weftFlowWriterCancelSamples(writer) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderGetSamples(reader, 4, 4, 0, &in) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
}

TEST_CASE("flow: each layout refuses the other's functions") {
  TestDomain domain;
  domain.make_discrete("video");
  domain.make_continuous("audio", 16);
  weftGrainInfo info = blank();
  std::uint8_t* payload = nullptr;
  const std::uint8_t* read = nullptr;
  weftMutableWrappedMultiBufferSlice out{};
  weftWrappedMultiBufferSlice in{};
  REQUIRE(weftFlowWriterOpenGrain(domain.writer("audio"), 0, &info, &payload) == WEFT_ERR_INVALID_STATE);
  REQUIRE(get(domain.reader("audio"), 0, &info, &read) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFlowReaderCheckGrain(domain.reader("audio"), &info) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFlowWriterOpenSamples(domain.writer("video"), 4, 4, &out) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFlowReaderGetSamples(domain.reader("video"), 4, 4, 0, &in) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFlowReaderCheckSamples(domain.reader("video"), 4, 4) == WEFT_ERR_INVALID_STATE);
}

TEST_CASE("flow: a waiting reader is woken by the commit, and by its release") {
  TestDomain domain;
  domain.make_discrete("video");
  const weftFlowWriter writer = domain.writer("video");
  const weftFlowReader reader = domain.reader("video");
  weftStatus status = WEFT_ERR_UNKNOWN;
  std::thread waits([&] {
    weftGrainInfo info = blank();
    const std::uint8_t* payload = nullptr;
    status = weftFlowReaderGetGrain(reader, 0, 60000, &info, &payload);
  });
  write(writer, 0, 1);
  waits.join();
  REQUIRE(status == WEFT_STATUS_OK);
  waits = std::thread([&] {
    weftGrainInfo info = blank();
    const std::uint8_t* payload = nullptr;
    status = weftFlowReaderGetGrain(reader, 1, 60000, &info, &payload);
  });
  REQUIRE(weftReleaseFlowReader(domain.instance(), reader) == WEFT_STATUS_OK);
  waits.join();
  // It had begun to wait, or came after the release.
  REQUIRE((status == WEFT_ERR_SHUTTING_DOWN || status == WEFT_ERR_INVALID_ARG));
}

TEST_CASE("flow: a signal ends a wait, and the next one goes on") {
  TestDomain domain;
  domain.make_discrete("video");
  const weftFlowReader reader = domain.reader("video");
  struct sigaction quiet{};
  quiet.sa_handler = [](int) {};
  struct sigaction before{};
  REQUIRE(::sigaction(SIGUSR1, &quiet, &before) == 0);
  std::atomic<bool> done = false;
  weftStatus status = WEFT_ERR_UNKNOWN;
  std::thread waits([&] {
    weftGrainInfo info = blank();
    const std::uint8_t* payload = nullptr;
    status = weftFlowReaderGetGrain(reader, 0, 60000, &info, &payload);
    done = true;
  });
  // Again and again: one that comes before the wait has begun ends nothing.
  const bool ended = weft::test::soon([&] {
    ::pthread_kill(waits.native_handle(), SIGUSR1);
    return done.load();
  });
  waits.join();
  REQUIRE(ended);
  REQUIRE(::sigaction(SIGUSR1, &before, nullptr) == 0);
  REQUIRE(status == WEFT_ERR_INTERRUPTED);
  write(domain.writer("video"), 0, 1);
  weftGrainInfo info = blank();
  const std::uint8_t* payload = nullptr;
  REQUIRE(weftFlowReaderGetGrain(reader, 0, 60000, &info, &payload) == WEFT_STATUS_OK);
}
