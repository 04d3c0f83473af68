#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include <weft/flow.h>

namespace weft::test {

/// An empty folder in shared memory with an instance on it; both go with this object.
class TestDomain {
 public:
  TestDomain() {
    char name[] = "/dev/shm/weft-test-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
    instance_ = weftCreateInstance(path_.c_str(), nullptr);
    REQUIRE(instance_ != nullptr);
  }
  TestDomain(const TestDomain&) = delete;
  TestDomain& operator=(const TestDomain&) = delete;
  ~TestDomain() {
    weftDestroyInstance(instance_);
    std::filesystem::remove_all(path_);
  }

  weftInstance instance() const { return instance_; }
  const std::string& path() const { return path_; }
  std::string file(const std::string& flow) const { return path_ + "/" + flow + ".weft-flow"; }

  void make_discrete(const char* name, std::uint32_t grains = 4, std::uint64_t bytes = 1000, std::uint32_t slices = 1) {
    weftFlowConfig config{};
    config.structSize = sizeof config;
    config.layout = WEFT_FLOW_DISCRETE;
    config.grainCount = grains;
    config.slicesPerGrain = slices;
    config.grainSize = bytes;
    REQUIRE(weftCreateFlow(instance_, name, &config) == WEFT_STATUS_OK);
  }
  void make_continuous(const char* name, std::uint64_t length, std::uint32_t channels = 2, std::uint32_t sample = 4) {
    weftFlowConfig config{};
    config.structSize = sizeof config;
    config.layout = WEFT_FLOW_CONTINUOUS;
    config.sampleSize = sample;
    config.channels = channels;
    config.bufferLength = length;
    REQUIRE(weftCreateFlow(instance_, name, &config) == WEFT_STATUS_OK);
  }
  weftFlowReader reader(const char* name) const {
    weftFlowReader reader = nullptr;
    REQUIRE(weftCreateFlowReader(instance_, name, nullptr, &reader) == WEFT_STATUS_OK);
    return reader;
  }
  weftFlowWriter writer(const char* name) const {
    weftFlowWriter writer = nullptr;
    REQUIRE(weftCreateFlowWriter(instance_, name, nullptr, &writer) == WEFT_STATUS_OK);
    return writer;
  }

 private:
  std::string path_;
  weftInstance instance_ = nullptr;
};

/// This thread's last failure, as C sees it.
inline std::string last_error() {
  std::size_t size = 0;
  REQUIRE(weftLastError(nullptr, &size) == WEFT_STATUS_OK);
  std::string text(size, '?');
  REQUIRE(weftLastError(text.data(), &size) == WEFT_STATUS_OK);
  text.resize(size - 1);
  return text;
}

}  // namespace weft::test
