#include <weft/fabrics.h>

#include <atomic>
#include <thread>
#include <vector>

#include "domain.hpp"

using weft::test::last_error;
using weft::test::TestDomain;

TEST_CASE("handles: one that is stale, or destroyed twice, or never was one, is refused", "[M-01]") {
  TestDomain domain;
  domain.make_discrete("flow");
  const weftFlowReader reader = domain.reader("flow");
  REQUIRE(weftReleaseFlowReader(domain.instance(), reader) == WEFT_STATUS_OK);
  REQUIRE(weftReleaseFlowReader(domain.instance(), reader) == WEFT_ERR_INVALID_ARG);
  // Its place is taken again, and it is stale all the same.
  const weftFlowReader next = domain.reader("flow");
  REQUIRE(next != reader);
  std::uint64_t latest = 0;
  REQUIRE(weftFlowReaderGetLatestIndex(reader, &latest) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowReaderGetLatestIndex(nullptr, &latest) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowReaderGetLatestIndex(reinterpret_cast<weftFlowReader>(&latest), &latest) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowReaderGetLatestIndex(reinterpret_cast<weftFlowReader>(~std::uintptr_t{0}), &latest) ==
          WEFT_ERR_INVALID_ARG);
  REQUIRE(weftDestroyInstance(nullptr) == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("handles: one of another kind is refused", "[M-01]") {
  TestDomain domain;
  domain.make_discrete("flow");
  const weftFlowReader reader = domain.reader("flow");
  weftFabricsInstance fabrics = nullptr;
  REQUIRE(weftFabricsCreateInstance(reinterpret_cast<weftInstance>(reader), &fabrics) == WEFT_ERR_INVALID_ARG);
  REQUIRE(last_error().find("is no instance") != std::string::npos);
  REQUIRE(weftFabricsDestroyInstance(reinterpret_cast<weftFabricsInstance>(domain.instance())) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsRegionsFree(reinterpret_cast<weftRegions>(reader)) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftReleaseFlowWriter(domain.instance(), reinterpret_cast<weftFlowWriter>(reader)) == WEFT_ERR_INVALID_ARG);
  std::uint64_t latest = 0;
  REQUIRE(weftFlowReaderGetLatestIndex(reader, &latest) == WEFT_ERR_OUT_OF_RANGE_TOO_EARLY);
}

TEST_CASE("handles: a parent takes its children with it, and no other's", "[M-11]") {
  TestDomain domain;
  domain.make_discrete("flow");
  weftInstance parent = weftCreateInstance(domain.path().c_str(), nullptr);
  REQUIRE(parent != nullptr);
  weftFlowReader reader = nullptr;
  weftFlowWriter writer = nullptr;
  weftFabricsInstance fabrics = nullptr;
  weftRegions regions = nullptr;
  REQUIRE(weftCreateFlowReader(parent, "flow", nullptr, &reader) == WEFT_STATUS_OK);
  REQUIRE(weftCreateFlowWriter(parent, "flow", nullptr, &writer) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsCreateInstance(parent, &fabrics) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsRegionsForFlowReader(reader, &regions) == WEFT_STATUS_OK);
  REQUIRE(weftReleaseFlowReader(domain.instance(), reader) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftDestroyInstance(parent) == WEFT_STATUS_OK);
  std::uint64_t latest = 0;
  weftFlowInfo info{};
  info.structSize = sizeof info;
  REQUIRE(weftFlowReaderGetLatestIndex(reader, &latest) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFlowWriterGetInfo(writer, &info) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftFabricsDestroyInstance(fabrics) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftDestroyInstance(parent) == WEFT_ERR_INVALID_ARG);
  // The writer's lock went with it; regions are the caller's until they are freed.
  REQUIRE(domain.writer("flow") != nullptr);
  REQUIRE(weftFabricsRegionsFree(regions) == WEFT_STATUS_OK);
}

TEST_CASE("handles: sixteen threads make, use and destroy, and each object is destroyed once", "[M-42]") {
  TestDomain domain;
  domain.make_discrete("flow");
  constexpr int kThreads = 16, kRounds = 200;
  std::vector<std::atomic<weftFlowReader>> shared(8);
  std::atomic<int> made = 0, destroyed = 0, odd = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t != kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round != kRounds; ++round) {
        weftFlowReader reader = nullptr;
        if (weftCreateFlowReader(domain.instance(), "flow", nullptr, &reader) != WEFT_STATUS_OK) ++odd;
        ++made;
        // Whoever comes next may use it too, and destroys it, if nobody else has.
        const weftFlowReader other = shared[static_cast<std::size_t>(t + round) % shared.size()].exchange(reader);
        std::uint64_t latest = 0;
        const weftStatus used = weftFlowReaderGetLatestIndex(other, &latest);
        if (used != WEFT_ERR_OUT_OF_RANGE_TOO_EARLY && used != WEFT_ERR_INVALID_ARG) ++odd;
        for (const weftFlowReader gone : {other, other}) {
          const weftStatus status = weftReleaseFlowReader(domain.instance(), gone);
          if (status == WEFT_STATUS_OK)
            ++destroyed;
          else if (status != WEFT_ERR_INVALID_ARG)
            ++odd;
        }
      }
    });
  for (auto& thread : threads) thread.join();
  for (auto& left : shared)
    if (weftReleaseFlowReader(domain.instance(), left) == WEFT_STATUS_OK) ++destroyed;
  REQUIRE(odd == 0);
  REQUIRE(made == kThreads * kRounds);
  REQUIRE(destroyed == made);
}

TEST_CASE("handles: instances come and go a thousand times, and the environment stays as it is", "[M-10]") {
  TestDomain domain;
  std::vector<std::string> before;
  for (char** entry = environ; *entry != nullptr; ++entry) before.emplace_back(*entry);
  for (int round = 0; round != 1000; ++round) {
    weftFabricsInstance fabrics = nullptr;
    REQUIRE(weftFabricsCreateInstance(domain.instance(), &fabrics) == WEFT_STATUS_OK);
    REQUIRE(weftFabricsDestroyInstance(fabrics) == WEFT_STATUS_OK);
  }
  weftFabricsInstance fabrics = nullptr;
  weftFabricsInterfaceList* list = nullptr;
  REQUIRE(weftFabricsCreateInstance(domain.instance(), &fabrics) == WEFT_STATUS_OK);
  if (weftFabricsGetInterfaces(fabrics, nullptr, &list) == WEFT_STATUS_OK)
    REQUIRE(weftFabricsFreeInterfaceList(list) == WEFT_STATUS_OK);
  std::vector<std::string> after;
  for (char** entry = environ; *entry != nullptr; ++entry) after.emplace_back(*entry);
  REQUIRE(before == after);
}
