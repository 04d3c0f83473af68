#include <weft/flow.h>

#include <cstring>
#include <memory>
#include <sstream>
#include <string>

#include <tests/process/program.hpp>

#include "domain.hpp"

using weft::test::Program;
using weft::test::TestDomain;

namespace {

weftGrainInfo blank() {
  weftGrainInfo info{};
  info.structSize = sizeof info;
  return info;
}

Program peer(const TestDomain& domain, const std::string& verb, std::uint64_t first = 0, std::uint64_t count = 0) {
  return Program(WEFT_FLOW_PEER, {domain.path(), verb, "flow", std::to_string(first), std::to_string(count)});
}

}  // namespace

TEST_CASE("flow processes: two readers follow a writer of another process, and no grain is torn") {
  TestDomain domain;
  domain.make_discrete("flow", 4, 60000, 4);
  Program writer = peer(domain, "write", 0, 400);
  writer.expect("writer");
  Program first = peer(domain, "read", 0, 400);
  Program second = peer(domain, "read", 0, 400);
  first.expect("reading");
  second.expect("reading");
  writer.go();
  writer.expect("written");
  // Each saw every index, as it was or as too late: the last four are there in any case.
  for (Program* reader : {&first, &second}) {
    unsigned whole = 0, late = 0;
    std::istringstream said(reader->expect("read "));
    std::string word;
    REQUIRE((said >> word >> whole >> word >> late));
    REQUIRE(whole + late == 400);
    REQUIRE(whole >= 1);
    REQUIRE(reader->wait() == 0);
  }
  REQUIRE(writer.wait() == 0);
}

TEST_CASE("flow processes: a writer killed with a grain open leaves the others readable, and the next one goes on") {
  TestDomain domain;
  domain.make_discrete("flow", 4, 1000);
  {
    Program writer = peer(domain, "write", 0, 4);
    writer.go();
    writer.expect("writer");
    writer.expect("written");
    REQUIRE(writer.wait() == 0);
  }
  Program dying = peer(domain, "die", 5);
  dying.expect("writer");
  dying.expect("open");
  const weftFlowReader reader = domain.reader("flow");
  weftFlowInfo flow{};
  flow.structSize = sizeof flow;
  weftFlowWriter writer = nullptr;
  REQUIRE(weftCreateFlowWriter(domain.instance(), "flow", nullptr, &writer) == WEFT_ERR_CONFLICT);
  REQUIRE(weftFlowReaderGetInfo(reader, &flow) == WEFT_STATUS_OK);
  REQUIRE(flow.writerActive);
  dying.kill();
  REQUIRE(weftFlowReaderGetInfo(reader, &flow) == WEFT_STATUS_OK);
  REQUIRE_FALSE(flow.writerActive);

  weftGrainInfo info = blank();
  const std::uint8_t* payload = nullptr;
  for (const std::uint64_t index : {0u, 2u, 3u})
    REQUIRE(weftFlowReaderGetGrain(reader, index, 0, &info, &payload) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderGetGrain(reader, 1, 0, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  REQUIRE(weftFlowReaderGetGrain(reader, 5, 0, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);

  writer = domain.writer("flow");
  REQUIRE(weftFlowReaderGetGrain(reader, 5, 0, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
  std::uint8_t* into = nullptr;
  REQUIRE(weftFlowWriterOpenGrain(writer, 5, &info, &into) == WEFT_STATUS_OK);
  REQUIRE(info.validSlices == 0);
  std::memset(into, 9, 1000);
  info.validSlices = 1;
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderGetGrain(reader, 5, 0, &info, &payload) == WEFT_STATUS_OK);
  REQUIRE(payload[0] == 9);
}

TEST_CASE("flow processes: samples of another process arrive in every channel, over the wrap", "[O-60]") {
  TestDomain domain;
  domain.make_continuous("flow", 1000, 3);
  const weftFlowReader reader = domain.reader("flow");
  Program writer = peer(domain, "samples", 4800, 480);
  weftWrappedMultiBufferSlice in{};
  REQUIRE(weftFlowReaderGetSamples(reader, 4800, 900, 60000, &in) == WEFT_STATUS_OK);
  REQUIRE(in.count == 3);
  std::uint64_t sample = 4800 - 900;
  for (const weftBufferSlice& part : in.fragments)
    for (std::size_t at = 0; at != part.size / 4; ++at, ++sample)
      for (std::size_t channel = 0; channel != 3; ++channel) {
        std::uint32_t value = 0;
        std::memcpy(&value, static_cast<const char*>(part.pointer) + channel * in.stride + at * 4, 4);
        REQUIRE(value == sample * 16 + channel);
      }
  REQUIRE(sample == 4800);
  REQUIRE(weftFlowReaderCheckSamples(reader, 4800, 900) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderCheckSamples(reader, 3800, 10) == WEFT_ERR_OUT_OF_RANGE_TOO_LATE);
  writer.expect("writer");
  writer.expect("written");
  REQUIRE(writer.wait() == 0);
}

TEST_CASE("flow processes: a program of C11 alone says what is wrong", "[O-53]") {
  TestDomain domain;
  Program reader = peer(domain, "read");
  const std::string said = reader.expect("failed reader: weftCreateFlowReader: ");
  REQUIRE(said.find("WEFT_ERR_FLOW_NOT_FOUND") != std::string::npos);
  REQUIRE(reader.wait() == 1);
}
