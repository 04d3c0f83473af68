#include "every_function.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <regex>
#include <set>
#include <thread>

using namespace weft::test;

namespace {

/// The bytes of everything that functions may write.
std::string state_of(const Arguments& a) { return {reinterpret_cast<const char*>(&a), sizeof a}; }

/// What is wrong with `answer`, or nothing: it has to be INVALID_ARG, and nothing may have been written.
std::string fault_of(const char* name, const char* what, std::size_t place, weftStatus answer, bool written) {
  if (answer == WEFT_ERR_INVALID_ARG && !written) return {};
  return std::string(name) + ", parameter " + std::to_string(place) + " " + what + ": " + weftStatusName(answer) +
         (written ? ", and something was written" : "");
}

/// Calls every function with each of its handles replaced by those that `others` gives for it.
template <class Others>
std::vector<std::string> faults_with_handles(Arguments& a, const char* what, const Others& others) {
  std::vector<std::string> faults;
  std::size_t calls = 0;
  for_each_function(a, [&]<class... P>(const char* name, weftStatus (*function)(P...), const std::vector<std::size_t>&,
                                       std::type_identity_t<P>... arguments) {
    const std::string before = state_of(a);
    const auto spoilt = [&]<class T>(std::size_t, T) {
      if constexpr (kIsHandle<T>)
        return others(std::type_identity<std::remove_cv_t<T>>{});
      else
        return std::vector<T>{};
    };
    call_spoilt(function, std::tuple<P...>(arguments...), spoilt, [&](std::size_t place, weftStatus answer) {
      ++calls;
      if (auto fault = fault_of(name, what, place, answer, state_of(a) != before); !fault.empty())
        faults.push_back(std::move(fault));
    });
  });
  if (calls < 60) faults.push_back("only " + std::to_string(calls) + " calls");
  return faults;
}

/// Handles that were live once.
Handles gone_handles() { return LiveHandles().handles(); }

auto the_one_of(const Handles& handles) {
  return [&handles]<class H>(std::type_identity<H>) { return std::vector<H>{std::get<H>(handles)}; };
}

}  // namespace

TEST_CASE("every function: the headers have no others") {
  std::set<std::string> declared;
  for (const char* header : {"weft.h", "flow.h", "fabrics.h"}) {
    std::ifstream file(std::filesystem::path(WEFT_C_HEADERS) / header);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const std::regex function("WEFT_EXPORT [^;(]*?(weft[A-Za-z]+)\\(");
    for (auto at = std::sregex_iterator(text.begin(), text.end(), function); at != std::sregex_iterator(); ++at)
      declared.insert((*at)[1]);
  }
  // These give no status: NULL for either text of the second is sound, and so is NULL for the third.
  std::set<std::string> visited{"weftStatusName", "weftCreateInstance", "weftGetVersion", "weftLastStatus"};
  weftGetVersion(nullptr);
  const LiveHandles live;
  Arguments arguments(live.handles());
  for_each_function(arguments, [&](const char* name, const auto&...) { visited.insert(name); });
  std::vector<std::string> missing;
  std::ranges::set_symmetric_difference(declared, visited, std::back_inserter(missing));
  for (const std::string& name : missing) UNSCOPED_INFO(name);
  CHECK(missing.empty());
  CHECK(declared.size() > 60);
}

TEST_CASE("null: every pointer of every function is asked for, and nothing is written", "[M-14][M-19][M-30][O-53]") {
  const LiveHandles live;
  Arguments a(live.handles());
  std::size_t asked = 0;
  for_each_function(a, [&]<class... P>(const char* name, weftStatus (*function)(P...),
                                       const std::vector<std::size_t>& optional, std::type_identity_t<P>... arguments) {
    const std::string before = state_of(a);
    const auto null = [&]<class T>(std::size_t place, T) {
      std::vector<T> values;
      if constexpr (std::is_pointer_v<T>)
        if (std::ranges::find(optional, place) == optional.end()) values.push_back(nullptr);
      return values;
    };
    call_spoilt(function, std::tuple<P...>(arguments...), null, [&](std::size_t place, weftStatus answer) {
      ++asked;
      CHECK(fault_of(name, "NULL", place, answer, state_of(a) != before) == "");
    });
  });
  CHECK(asked > 100);
  // Nothing was left open, or made, by any of them.
  CHECK(weftFlowWriterCancelGrain(std::get<weftFlowWriter>(a.handles)) == WEFT_ERR_INVALID_STATE);
  CHECK(a.made == Handles{});
}

TEST_CASE("null: structs whose size is not told are refused before anything is done") {
  const LiveHandles live;
  Arguments a(live.handles());
  a.grain_info.structSize = a.flow_config.structSize = a.result.structSize = a.query.structSize = 0;
  const auto [instance, fabrics, reader, writer, regions, target, initiator, info] = a.handles;
  CHECK(weftCreateFlow(instance, "other", &a.flow_config) == WEFT_ERR_INVALID_ARG);
  CHECK(weftFlowWriterOpenGrain(writer, 0, &a.grain_info, &a.payload) == WEFT_ERR_INVALID_ARG);
  CHECK(weftFlowWriterCancelGrain(writer) == WEFT_ERR_INVALID_STATE);
  CHECK(weftFabricsInitiatorNextResult(initiator, &a.result) == WEFT_ERR_INVALID_ARG);
  CHECK(weftFabricsGetInterfaces(fabrics, &a.query, &a.list) == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("handles: whatever the function, one that is gone is refused", "[M-01][M-11]") {
  const Handles gone = gone_handles();
  const LiveHandles live;
  Arguments a(live.handles());
  CHECK(faults_with_handles(a, "gone", the_one_of(gone)) == std::vector<std::string>{});
}

TEST_CASE("handles: whatever the function, one of another kind is refused", "[M-01]") {
  const LiveHandles live;
  Arguments a(live.handles());
  const auto of_other_kinds = [&]<class H>(std::type_identity<H>) {
    std::vector<H> others;
    std::apply(
        [&]<class... Other>(Other... handle) {
          ((std::is_same_v<Other, H> ? void() : others.push_back(reinterpret_cast<H>(handle))), ...);
        },
        a.handles);
    return others;
  };
  CHECK(faults_with_handles(a, "of another kind", of_other_kinds) == std::vector<std::string>{});
}

TEST_CASE("handles: sixteen threads use ones that are gone, while their places are taken again", "[M-01][M-42]") {
  const Handles gone = gone_handles();
  const LiveHandles live;
  constexpr int kThreads = 16, kRounds = 40;
  std::atomic<int> running = kThreads;
  std::mutex mutex;
  std::vector<std::string> faults;
  std::vector<std::jthread> threads;
  for (int t = 0; t != kThreads; ++t)
    threads.emplace_back([&] {
      Arguments a(live.handles());
      for (int round = 0; round != kRounds; ++round) {
        const auto wrong = faults_with_handles(a, "gone", the_one_of(gone));
        const std::lock_guard lock(mutex);
        faults.insert(faults.end(), wrong.begin(), wrong.end());
      }
      --running;
    });
  int taken = 0;
  for (; running != 0 || taken == 0; ++taken) LiveHandles again;
  for (std::jthread& thread : threads) thread.join();
  CHECK(faults == std::vector<std::string>{});
}

TEST_CASE("handles: sixteen threads use a target and an initiator while they are destroyed", "[M-01][M-42]") {
  constexpr int kThreads = 16, kRounds = 20;
  std::mutex mutex;
  std::set<std::string> faults;
  for (int round = 0; round != kRounds; ++round) {
    Fabrics fabrics;
    Ring ring(4);
    const weftFabricsTarget target = fabrics.blank_target();
    const weftTargetInfo info = fabrics.set_up(target, ring.regions);
    const weftFabricsInitiator initiator = fabrics.initiator(ring.regions);
    std::atomic<int> warm = 0, ended = 0;
    const auto use = [&] {
      Arguments a({fabrics.domain.instance(), fabrics.handle, nullptr, nullptr, ring.regions, target, initiator, info});
      bool gone = false;
      for (int laps = 0; !gone; ++laps) {
        if (laps == 2) ++warm;
        for_each_function(a, [&]<class... P>(const std::string& name, weftStatus (*function)(P...),
                                             const std::vector<std::size_t>&, std::type_identity_t<P>... arguments) {
          if (!name.starts_with("weftFabricsTarget") && !name.starts_with("weftFabricsInitiator")) return;
          const weftStatus answer = function(arguments...);
          if (answer == WEFT_ERR_INTERNAL || answer == WEFT_ERR_UNKNOWN) {
            const std::lock_guard lock(mutex);
            faults.insert(name + ": " + last_error());
          }
          if (name == "weftFabricsTargetSetup" && answer == WEFT_STATUS_OK)
            weftFabricsFreeTargetInfo(std::get<weftTargetInfo>(a.made));
        });
        gone = weftFabricsTargetTryNewGrain(target, &a.index) == WEFT_ERR_INVALID_ARG &&
               weftFabricsInitiatorNextResult(initiator, &a.result) == WEFT_ERR_INVALID_ARG;
      }
      ++ended;
    };
    std::vector<std::jthread> threads;
    for (int t = 0; t != kThreads; ++t) threads.emplace_back(use);
    while (warm != kThreads) std::this_thread::yield();
    CHECK(weftFabricsDestroyTarget(fabrics.handle, target) == WEFT_STATUS_OK);
    CHECK(weftFabricsDestroyInitiator(fabrics.handle, initiator) == WEFT_STATUS_OK);
    for (std::jthread& thread : threads) thread.join();
    CHECK(ended == kThreads);
  }
  CHECK(faults == std::set<std::string>{});
}
