#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include <weft/flow.h>
#include <weft/nodes/c/flow_layout.hpp>

#include "domain.hpp"

using weft::test::last_error;
using weft::test::TestDomain;

namespace {

weftFlowConfig video() {
  weftFlowConfig config{};
  config.structSize = sizeof config;
  config.grainCount = 4;
  config.grainSize = 100;
  return config;
}

weftFlowConfig audio() {
  weftFlowConfig config{};
  config.structSize = sizeof config;
  config.layout = WEFT_FLOW_CONTINUOUS;
  config.sampleSize = 4;
  config.channels = 2;
  config.bufferLength = 100;
  return config;
}

weftStatus open_reader(const TestDomain& domain, const char* name) {
  weftFlowReader reader = nullptr;
  return weftCreateFlowReader(domain.instance(), name, nullptr, &reader);
}

}  // namespace

TEST_CASE("flow files: a configuration that cannot be is refused, and says why") {
  TestDomain domain;
  struct Case {
    const char* word;
    std::function<void(weftFlowConfig&)> spoil;
    weftFlowConfig base = video();
  };
  const std::vector<Case> cases{
      {"grainCount", [](auto& c) { c.grainCount = 0; }},
      {"grainCount", [](auto& c) { c.grainCount = (1 << 20) + 1; }},
      {"grainSize", [](auto& c) { c.grainSize = 0; }},
      {"grainSize", [](auto& c) { c.grainSize = UINT64_MAX; }},
      {"terabyte", [](auto& c) { c.grainCount = 1 << 20, c.grainSize = 1 << 30; }},
      {"slices", [](auto& c) { c.slicesPerGrain = 3; }},
      {"layout", [](auto& c) { c.layout = static_cast<weftFlowLayout>(999); }},
      {"structSize", [](auto& c) { c.structSize = 0; }},
      {"sampleSize", [](auto& c) { c.sampleSize = 0; }, audio()},
      {"sampleSize", [](auto& c) { c.sampleSize = 65; }, audio()},
      {"channels", [](auto& c) { c.channels = 0; }, audio()},
      {"channels", [](auto& c) { c.channels = 4097; }, audio()},
      {"bufferLength", [](auto& c) { c.bufferLength = 1; }, audio()},
      {"bufferLength", [](auto& c) { c.bufferLength = UINT64_MAX; }, audio()},
      {"terabyte", [](auto& c) { c.bufferLength = 1ull << 39; }, audio()},
  };
  for (const Case& wrong : cases) {
    weftFlowConfig config = wrong.base;
    wrong.spoil(config);
    CAPTURE(wrong.word);
    REQUIRE(weftCreateFlow(domain.instance(), "flow", &config) == WEFT_ERR_INVALID_ARG);
    REQUIRE(last_error().find(wrong.word) != std::string::npos);
  }
  REQUIRE(std::filesystem::is_empty(domain.path()));
}

TEST_CASE("flow files: names stay in their domain") {
  TestDomain domain;
  const weftFlowConfig config = video();
  for (const std::string& name : {std::string(), std::string("../x"), std::string("a/b"), std::string(".hidden"),
                                  std::string("a b"), std::string("\xff"), std::string(201, 'a')}) {
    CAPTURE(name);
    REQUIRE(weftCreateFlow(domain.instance(), name.c_str(), &config) == WEFT_ERR_INVALID_ARG);
    REQUIRE(open_reader(domain, name.c_str()) == WEFT_ERR_INVALID_ARG);
    REQUIRE(weftDestroyFlow(domain.instance(), name.c_str()) == WEFT_ERR_INVALID_ARG);
  }
  REQUIRE(weftCreateFlow(domain.instance(), std::string(200, 'a').c_str(), &config) == WEFT_STATUS_OK);
  REQUIRE(weftCreateFlow(domain.instance(), std::string(200, 'a').c_str(), &config) == WEFT_ERR_EXISTS);
}

TEST_CASE("flow files: what is not there is not found, and options there are none") {
  TestDomain domain;
  REQUIRE(open_reader(domain, "flow") == WEFT_ERR_FLOW_NOT_FOUND);
  REQUIRE(weftDestroyFlow(domain.instance(), "flow") == WEFT_ERR_FLOW_NOT_FOUND);
  domain.make_discrete("flow");
  weftFlowReader reader = nullptr;
  REQUIRE(weftCreateFlowReader(domain.instance(), "flow", "{}", &reader) == WEFT_STATUS_OK);
  REQUIRE(weftCreateFlowReader(domain.instance(), "flow", R"({"fast": 1})", &reader) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftCreateFlowReader(domain.instance(), "flow", "[]", &reader) == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("flow files: a file cut anywhere, or longer, or altered in its shape, is invalid") {
  TestDomain domain;
  domain.make_discrete("flow", 2, 100);
  std::vector<char> bytes(std::filesystem::file_size(domain.file("flow")));
  std::ifstream(domain.file("flow"), std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const auto with = [&](const std::vector<char>& content) {
    std::ofstream(domain.file("other"), std::ios::binary | std::ios::trunc)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return open_reader(domain, "other");
  };
  REQUIRE(with(bytes) == WEFT_STATUS_OK);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{7}, sizeof(weft::c::FlowShape) - 1,
                                 sizeof(weft::c::FlowShape), std::size_t{4096}, bytes.size() - 1}) {
    CAPTURE(size);
    REQUIRE(with(std::vector<char>(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))) ==
            WEFT_ERR_FLOW_INVALID);
  }
  std::vector<char> longer = bytes;
  longer.push_back(0);
  REQUIRE(with(longer) == WEFT_ERR_FLOW_INVALID);
  // Every bit of the shape but the rate's, which means nothing to us.
  const std::size_t rate = offsetof(weft::c::FlowShape, rate_numerator);
  const std::size_t unused = offsetof(weft::c::FlowShape, sample_bytes);
  for (std::size_t bit = 0; bit != sizeof(weft::c::FlowShape) * 8; ++bit) {
    if (bit / 8 >= rate && bit / 8 < rate + 8) continue;
    if (bit / 8 >= unused && bit / 8 < rate) continue;  // of the other layout
    std::vector<char> flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    // A grain of another size may take as many pages: it is as good as the first one then.
    if (const weftStatus status = with(flipped); status != WEFT_STATUS_OK) REQUIRE(status == WEFT_ERR_FLOW_INVALID);
  }
  // Text, a folder, a link.
  REQUIRE(with(std::vector<char>(bytes.size(), 'x')) == WEFT_ERR_FLOW_INVALID);
  std::filesystem::remove(domain.file("other"));
  std::filesystem::create_directory(domain.file("other"));
  REQUIRE(open_reader(domain, "other") == WEFT_ERR_FLOW_INVALID);
  std::filesystem::remove(domain.file("other"));
  std::filesystem::create_symlink(domain.file("flow"), domain.file("other"));
  REQUIRE(open_reader(domain, "other") == WEFT_ERR_FLOW_INVALID);
  std::filesystem::remove(domain.file("other"));
  REQUIRE(::mkfifo(domain.file("other").c_str(), 0600) == 0);
  REQUIRE(open_reader(domain, "other") == WEFT_ERR_FLOW_INVALID);
}

TEST_CASE("flow files: one that is cut while it is mapped is told, not touched") {
  TestDomain domain;
  domain.make_discrete("flow", 2, 100);
  const weftFlowReader reader = domain.reader("flow");
  const weftFlowWriter writer = domain.writer("flow");
  REQUIRE(::truncate(domain.file("flow").c_str(), 0) == 0);
  weftGrainInfo info{};
  info.structSize = sizeof info;
  weftFlowInfo flow{};
  flow.structSize = sizeof flow;
  const std::uint8_t* read = nullptr;
  std::uint8_t* payload = nullptr;
  std::uint64_t latest = 0;
  REQUIRE(weftFlowReaderGetGrainNonBlocking(reader, 0, &info, &read) == WEFT_ERR_FLOW_INVALID);
  REQUIRE(weftFlowReaderGetGrain(reader, 0, 60000, &info, &read) == WEFT_ERR_FLOW_INVALID);
  REQUIRE(weftFlowReaderCheckGrain(reader, &info) == WEFT_ERR_FLOW_INVALID);
  REQUIRE(weftFlowReaderGetInfo(reader, &flow) == WEFT_ERR_FLOW_INVALID);
  REQUIRE(weftFlowReaderGetLatestIndex(reader, &latest) == WEFT_ERR_FLOW_INVALID);
  REQUIRE(weftFlowWriterOpenGrain(writer, 0, &info, &payload) == WEFT_ERR_FLOW_INVALID);
  REQUIRE(weftFlowWriterCommitGrain(writer, &info) == WEFT_ERR_FLOW_INVALID);
}

TEST_CASE("flow files: who waits for a flow that is destroyed is told") {
  TestDomain domain;
  domain.make_discrete("flow");
  const weftFlowReader reader = domain.reader("flow");
  REQUIRE(weftDestroyFlow(domain.instance(), "flow") == WEFT_STATUS_OK);
  weftGrainInfo info{};
  info.structSize = sizeof info;
  const std::uint8_t* payload = nullptr;
  REQUIRE(weftFlowReaderGetGrain(reader, 0, 60000, &info, &payload) == WEFT_ERR_FLOW_INVALID);
  domain.make_discrete("flow");
  REQUIRE(weftFlowReaderGetGrainNonBlocking(domain.reader("flow"), 0, &info, &payload) ==
          WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
}

TEST_CASE("flow files: a ring that the file system has no room for is NO_MEMORY, and leaves nothing behind") {
  TestDomain domain;
  weftFlowConfig config = video();
  // A limit of this process stands in for a full tmpfs; its signal would end us.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 8192, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const weftStatus limited = weftCreateFlow(domain.instance(), "flow", &config);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, handler);
  REQUIRE(limited == WEFT_ERR_NO_MEMORY);
  REQUIRE(last_error().find("hint: ") != std::string::npos);
  // More than any machine's shared memory.
  config.grainCount = 1024;
  config.grainSize = 1 << 29;
  REQUIRE(weftCreateFlow(domain.instance(), "flow", &config) == WEFT_ERR_NO_MEMORY);
  REQUIRE(std::filesystem::is_empty(domain.path()));
}

TEST_CASE("flow files: a ring of thousands begins with every slot empty") {
  TestDomain domain;
  weftFlowConfig config = video();
  config.grainCount = 4098;
  config.grainSize = 1;
  REQUIRE(weftCreateFlow(domain.instance(), "flow", &config) == WEFT_STATUS_OK);
  const weftFlowReader reader = domain.reader("flow");
  weftGrainInfo info{};
  info.structSize = sizeof info;
  const std::uint8_t* payload = nullptr;
  for (const std::uint64_t index : {0u, 4095u, 4096u, 4097u, 4098u})
    REQUIRE(weftFlowReaderGetGrainNonBlocking(reader, index, &info, &payload) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
}

TEST_CASE("flow files: a flow's configuration, head and writer are told") {
  TestDomain domain;
  weftFlowConfig config = audio();
  config.rateNumerator = 48000;
  config.rateDenominator = 1;
  config.grainCount = 77;  // of the other layout
  REQUIRE(weftCreateFlow(domain.instance(), "flow", &config) == WEFT_STATUS_OK);
  const weftFlowReader reader = domain.reader("flow");
  weftFlowInfo info{};
  info.structSize = sizeof info;
  REQUIRE(weftFlowReaderGetInfo(reader, &info) == WEFT_STATUS_OK);
  weftFlowConfig told{};
  told.structSize = sizeof told;
  REQUIRE(weftFlowReaderGetConfig(reader, &told) == WEFT_STATUS_OK);
  REQUIRE(told.layout == WEFT_FLOW_CONTINUOUS);
  REQUIRE(told.rateNumerator == 48000);
  REQUIRE(told.bufferLength == 100);
  REQUIRE(told.grainCount == 0);
  REQUIRE(info.empty);
  REQUIRE_FALSE(info.writerActive);
  const weftFlowWriter writer = domain.writer("flow");
  weftMutableWrappedMultiBufferSlice out{};
  REQUIRE(weftFlowWriterOpenSamples(writer, 50, 50, &out) == WEFT_STATUS_OK);
  REQUIRE(weftFlowWriterCommitSamples(writer) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderGetInfo(reader, &info) == WEFT_STATUS_OK);
  REQUIRE(info.writerActive);
  REQUIRE(info.headIndex == 50);
  REQUIRE(weftReleaseFlowWriter(domain.instance(), writer) == WEFT_STATUS_OK);
  REQUIRE(weftFlowReaderGetInfo(reader, &info) == WEFT_STATUS_OK);
  REQUIRE_FALSE(info.writerActive);
  // A caller that was compiled with fewer fields gets those.
  weftFlowInfo old{};
  std::memset(static_cast<void*>(&old), 0x55, sizeof old);
  old.structSize = offsetof(weftFlowInfo, empty);
  REQUIRE(weftFlowReaderGetInfo(reader, &old) == WEFT_STATUS_OK);
  REQUIRE(old.headIndex == 50);
  unsigned char untouched = 0;
  std::memcpy(&untouched, reinterpret_cast<const char*>(&old) + offsetof(weftFlowInfo, empty), 1);
  REQUIRE(untouched == 0x55);
}
