#include <weft/fabrics.h>

#include <cstring>
#include <initializer_list>

#include "rings.hpp"

using namespace weft::test;

namespace {

/// The flow "from" and an initiator over it, connected to a target over the flow "to". Lives less long than its
/// fabrics.
struct FromFlowToFlow {
  /// `make(name)` makes a flow.
  template <class Make>
  FromFlowToFlow(Fabrics& fabrics, const Make& make, const char* options = nullptr) {
    for (const char* name : {"from", "to"}) make(name);
    source = fabrics.domain.writer("from");
    sink = fabrics.domain.writer("to");
    REQUIRE(weftFabricsRegionsForFlowReader(fabrics.domain.reader("from"), &out_) == WEFT_STATUS_OK);
    REQUIRE(weftFabricsRegionsForFlowWriter(sink, &in_) == WEFT_STATUS_OK);
    target = fabrics.blank_target();
    initiator = fabrics.initiator(out_, options);
    REQUIRE(weftFabricsInitiatorAddTarget(initiator, fabrics.set_up(target, in_, options)) == WEFT_STATUS_OK);
    connect(initiator);
  }
  FromFlowToFlow(const FromFlowToFlow&) = delete;
  FromFlowToFlow& operator=(const FromFlowToFlow&) = delete;
  ~FromFlowToFlow() {
    weftFabricsRegionsFree(in_);
    weftFabricsRegionsFree(out_);
  }

  weftFlowWriter source = nullptr, sink = nullptr;
  weftFabricsTarget target = nullptr;
  weftFabricsInitiator initiator = nullptr;

 private:
  weftRegions out_ = nullptr, in_ = nullptr;
};

}  // namespace

TEST_CASE("grains: slices, the header alone, and what lies beyond a grain", "[M-23][O-59][M-20]") {
  Fabrics fabrics;
  const FromFlowToFlow ends(fabrics, [&](const char* name) { fabrics.domain.make_discrete(name, 2, 400, 4); });
  const weftFabricsTarget target = ends.target;
  const weftFabricsInitiator initiator = ends.initiator;
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);

  weftGrainInfo grain{};
  grain.structSize = sizeof grain;
  std::uint8_t* payload = nullptr;
  REQUIRE(weftFlowWriterOpenGrain(ends.source, 2, &grain, &payload) == WEFT_STATUS_OK);
  std::memset(payload, 5, 400);
  grain.validSlices = 4;
  REQUIRE(weftFlowWriterCommitGrain(ends.source, &grain) == WEFT_STATUS_OK);
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
  REQUIRE(weftFlowWriterOpenGrain(ends.sink, 2, &grain, &payload) == WEFT_STATUS_OK);
  REQUIRE(grain.validSlices == 4);
  REQUIRE(payload[399] == 5);
  REQUIRE(weftFlowWriterCommitGrain(ends.sink, &grain) == WEFT_STATUS_OK);
  const std::uint8_t* read = nullptr;
  REQUIRE(weftFlowReaderGetGrain(fabrics.domain.reader("to"), 2, 0, &grain, &read) == WEFT_STATUS_OK);
  REQUIRE(read[0] == 5);

  REQUIRE(weftFlowWriterOpenGrain(ends.source, 3, &grain, &payload) == WEFT_STATUS_OK);
  REQUIRE(weftFlowWriterCommitGrain(ends.source, &grain) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorTransferGrainSlices(initiator, 3, 0, 0) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetReadGrain(target, 20000, &index) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsTargetGetGrain(target, 3, &seen) == WEFT_STATUS_OK);
  REQUIRE(seen.invalid);
  REQUIRE(weftFlowWriterOpenGrain(ends.sink, 3, &grain, &payload) == WEFT_STATUS_OK);
  REQUIRE((grain.flags & WEFT_GRAIN_FLAG_INVALID) != 0);
}

TEST_CASE("grains: one that its flow's writer writes over before it goes arrives invalid, and its result says so",
          "[M-23][O-W11]") {
  Fabrics fabrics;
  const FromFlowToFlow ends(fabrics, [&](const char* name) { fabrics.domain.make_discrete(name, 2, 400, 2); });
  const weftFabricsTarget target = ends.target;
  const weftFabricsInitiator initiator = ends.initiator;
  weftGrainInfo grain{};
  grain.structSize = sizeof grain;
  std::uint8_t* payload = nullptr;
  const auto open = [&](std::uint64_t index) {
    REQUIRE(weftFlowWriterOpenGrain(ends.source, index, &grain, &payload) == WEFT_STATUS_OK);
    std::memset(payload, static_cast<int>(index), 400);
  };
  const auto commit = [&] {
    grain.validSlices = 2;
    REQUIRE(weftFlowWriterCommitGrain(ends.source, &grain) == WEFT_STATUS_OK);
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
  REQUIRE(weftFlowWriterOpenGrain(ends.sink, 2, &grain, &payload) == WEFT_STATUS_OK);
  CHECK(grain.flags == WEFT_GRAIN_FLAG_INVALID);
  CHECK(grain.validSlices == 0);
  REQUIRE(weftFlowWriterCommitGrain(ends.sink, &grain) == WEFT_STATUS_OK);
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
}

TEST_CASE("grains: samples go from flow to flow, over the wrap, in batches that are not full", "[M-18][M-24][O-60]") {
  Fabrics fabrics;
  const FromFlowToFlow ends(
      fabrics, [&](const char* name) { fabrics.domain.make_continuous(name, 1000); }, R"({"syncBatch": 480})");
  const weftFabricsTarget target = ends.target;
  const weftFabricsInitiator initiator = ends.initiator;
  const weftFlowReader reader = fabrics.domain.reader("to");
  std::uint64_t index = 0;
  REQUIRE(weftFabricsTargetReadGrain(target, 0, &index) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_ERR_INVALID_STATE);
  REQUIRE(weftFabricsInitiatorTransferSamples(initiator, 480, 481) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsInitiatorTransferSamples(initiator, 480, 0) == WEFT_ERR_INVALID_ARG);

  std::uint64_t at = 0;
  for (const std::size_t count : {480u, 480u, 240u, 1u, 480u}) {
    at += count;
    weftMutableWrappedMultiBufferSlice slices{};
    REQUIRE(weftFlowWriterOpenSamples(ends.source, at, count, &slices) == WEFT_STATUS_OK);
    for (const auto& part : slices.fragments)
      for (std::size_t channel = 0; channel != 2 && part.size != 0; ++channel)
        std::memset(static_cast<char*>(part.pointer) + channel * slices.stride, static_cast<int>(at % 251 + channel),
                    part.size);
    REQUIRE(weftFlowWriterCommitSamples(ends.source) == WEFT_STATUS_OK);
    REQUIRE(weftFabricsInitiatorTransferSamples(initiator, at, count) == WEFT_STATUS_OK);
    REQUIRE(result_of(initiator).index == at);
    std::uint64_t head = 0;
    std::size_t got = 0;
    REQUIRE(weftFabricsTargetReadSamples(target, 20000, &head, &got) == WEFT_STATUS_OK);
    REQUIRE(head == at);
    REQUIRE(got == count);
    REQUIRE(weftFlowWriterOpenSamples(ends.sink, head, got, &slices) == WEFT_STATUS_OK);
    REQUIRE(weftFlowWriterCommitSamples(ends.sink) == WEFT_STATUS_OK);
    weftWrappedMultiBufferSlice seen{};
    REQUIRE(weftFlowReaderGetSamples(reader, head, got, 0, &seen) == WEFT_STATUS_OK);
    for (const auto& part : seen.fragments)
      for (std::size_t channel = 0; channel != 2 && part.size != 0; ++channel)
        for (const std::size_t i : {std::size_t{0}, part.size - 1})
          REQUIRE(static_cast<const unsigned char*>(part.pointer)[channel * seen.stride + i] == at % 251 + channel);
  }
  std::size_t none = 0;
  REQUIRE(weftFabricsTargetReadSamplesNonBlocking(target, &index, &none) == WEFT_ERR_NOT_READY);
}
