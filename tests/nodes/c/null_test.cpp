#include <weft/fabrics.h>

#include "domain.hpp"

using weft::test::TestDomain;

TEST_CASE("null: every pointer of every function is asked for, and nothing is written") {
  TestDomain domain;
  domain.make_discrete("flow");
  domain.make_continuous("audio", 100);
  const weftInstance instance = domain.instance();
  const weftFlowReader reader = domain.reader("flow");
  const weftFlowWriter writer = domain.writer("flow");
  const weftFlowReader audio_reader = domain.reader("audio");
  const weftFlowWriter audio_writer = domain.writer("audio");
  const weftStatus no = WEFT_ERR_INVALID_ARG;
  weftFlowConfig config{};
  config.structSize = sizeof config;
  weftGrainInfo info{};
  info.structSize = sizeof info;
  weftFlowInfo flow{};
  flow.structSize = sizeof flow;
  const std::uint8_t* read = nullptr;
  std::uint8_t* payload = nullptr;
  std::uint64_t index = 0;
  weftWrappedMultiBufferSlice in{};
  weftMutableWrappedMultiBufferSlice out{};
  weftFlowReader made_reader = nullptr;
  weftFlowWriter made_writer = nullptr;

  CHECK(weftCreateFlow(nullptr, "x", &config) == no);
  CHECK(weftCreateFlow(instance, nullptr, &config) == no);
  CHECK(weftCreateFlow(instance, "x", nullptr) == no);
  CHECK(weftDestroyFlow(nullptr, "flow") == no);
  CHECK(weftDestroyFlow(instance, nullptr) == no);
  CHECK(weftCreateFlowReader(nullptr, "flow", nullptr, &made_reader) == no);
  CHECK(weftCreateFlowReader(instance, nullptr, nullptr, &made_reader) == no);
  CHECK(weftCreateFlowReader(instance, "flow", nullptr, nullptr) == no);
  CHECK(weftCreateFlowWriter(nullptr, "flow", nullptr, &made_writer) == no);
  CHECK(weftCreateFlowWriter(instance, nullptr, nullptr, &made_writer) == no);
  CHECK(weftCreateFlowWriter(instance, "flow", nullptr, nullptr) == no);
  CHECK(weftReleaseFlowReader(nullptr, reader) == no);
  CHECK(weftReleaseFlowReader(instance, nullptr) == no);
  CHECK(weftReleaseFlowWriter(nullptr, writer) == no);
  CHECK(weftReleaseFlowWriter(instance, nullptr) == no);
  CHECK(weftFlowReaderGetConfig(nullptr, &config) == no);
  CHECK(weftFlowReaderGetConfig(reader, nullptr) == no);
  CHECK(weftFlowWriterGetConfig(nullptr, &config) == no);
  CHECK(weftFlowWriterGetConfig(writer, nullptr) == no);
  CHECK(weftFlowReaderGetInfo(nullptr, &flow) == no);
  CHECK(weftFlowReaderGetInfo(reader, nullptr) == no);
  CHECK(weftFlowWriterGetInfo(nullptr, &flow) == no);
  CHECK(weftFlowWriterGetInfo(writer, nullptr) == no);
  CHECK(weftFlowReaderGetLatestIndex(nullptr, &index) == no);
  CHECK(weftFlowReaderGetLatestIndex(reader, nullptr) == no);
  CHECK(weftFlowReaderGetGrain(nullptr, 0, 0, &info, &read) == no);
  CHECK(weftFlowReaderGetGrain(reader, 0, 0, nullptr, &read) == no);
  CHECK(weftFlowReaderGetGrain(reader, 0, 0, &info, nullptr) == no);
  CHECK(weftFlowReaderGetGrainSlices(nullptr, 0, 1, 0, &info, &read) == no);
  CHECK(weftFlowReaderGetGrainSlices(reader, 0, 1, 0, nullptr, &read) == no);
  CHECK(weftFlowReaderGetGrainSlices(reader, 0, 1, 0, &info, nullptr) == no);
  CHECK(weftFlowReaderGetGrainNonBlocking(nullptr, 0, &info, &read) == no);
  CHECK(weftFlowReaderGetGrainNonBlocking(reader, 0, nullptr, &read) == no);
  CHECK(weftFlowReaderGetGrainNonBlocking(reader, 0, &info, nullptr) == no);
  CHECK(weftFlowReaderCheckGrain(nullptr, &info) == no);
  CHECK(weftFlowReaderCheckGrain(reader, nullptr) == no);
  CHECK(weftFlowWriterOpenGrain(nullptr, 0, &info, &payload) == no);
  CHECK(weftFlowWriterOpenGrain(writer, 0, nullptr, &payload) == no);
  CHECK(weftFlowWriterOpenGrain(writer, 0, &info, nullptr) == no);
  weftGrainInfo unset{};
  CHECK(weftFlowWriterOpenGrain(writer, 0, &unset, &payload) == no);
  CHECK(weftFlowWriterCommitGrain(nullptr, &info) == no);
  CHECK(weftFlowWriterCommitGrain(writer, nullptr) == no);
  CHECK(weftFlowWriterCancelGrain(nullptr) == no);
  CHECK(weftFlowReaderGetSamples(nullptr, 1, 1, 0, &in) == no);
  CHECK(weftFlowReaderGetSamples(audio_reader, 1, 1, 0, nullptr) == no);
  CHECK(weftFlowReaderCheckSamples(nullptr, 1, 1) == no);
  CHECK(weftFlowWriterOpenSamples(nullptr, 1, 1, &out) == no);
  CHECK(weftFlowWriterOpenSamples(audio_writer, 1, 1, nullptr) == no);
  CHECK(weftFlowWriterCommitSamples(nullptr) == no);
  CHECK(weftFlowWriterCancelSamples(nullptr) == no);
  // Nothing was left open by any of them.
  CHECK(weftFlowWriterCancelGrain(writer) == WEFT_ERR_INVALID_STATE);
  CHECK(weftFlowWriterCancelSamples(audio_writer) == WEFT_ERR_INVALID_STATE);

  weftRegions regions = nullptr;
  weftFabricsInstance fabrics = nullptr;
  weftFabricsProvider provider = WEFT_FABRICS_PROVIDER_ANY;
  std::size_t size = 0;
  CHECK(weftFabricsCreateInstance(nullptr, &fabrics) == no);
  CHECK(weftFabricsCreateInstance(instance, nullptr) == no);
  CHECK(weftFabricsDestroyInstance(nullptr) == no);
  CHECK(weftFabricsRegionsForFlowReader(nullptr, &regions) == no);
  CHECK(weftFabricsRegionsForFlowReader(reader, nullptr) == no);
  CHECK(weftFabricsRegionsForFlowWriter(nullptr, &regions) == no);
  CHECK(weftFabricsRegionsForFlowWriter(writer, nullptr) == no);
  CHECK(weftFabricsRegionsFree(nullptr) == no);
  CHECK(weftFabricsProviderFromString(nullptr, &provider) == no);
  CHECK(weftFabricsProviderFromString("tcp", nullptr) == no);
  CHECK(weftFabricsProviderToString(provider, nullptr, nullptr) == no);
  CHECK(size == 0);
  CHECK(made_reader == nullptr);
  CHECK(made_writer == nullptr);
  CHECK(regions == nullptr);
  CHECK(fabrics == nullptr);
}
