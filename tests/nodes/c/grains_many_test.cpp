#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "rings.hpp"

using namespace weft::test;

namespace {

constexpr std::size_t kBytes = 64, kRegions = 16;

/// What lies in the region of that index.
char byte_of(std::uint64_t index) { return static_cast<char>(index % kRegions + 1); }

struct Source : Ring {
  Source() : Ring(kRegions, kBytes) {
    for (std::size_t i = 0; i != memory.size(); ++i) memory[i] = byte_of(i / kBytes);
  }
};

bool is_whole(const weftFabricsGrain& grain) {
  const std::string bytes(static_cast<const char*>(grain.data), grain.size);
  return grain.complete && bytes == std::string(kBytes, byte_of(grain.index));
}

/// A target whose grains are read as they come, by a callback; it ends before its memory.
struct Reader {
  explicit Reader(Fabrics& all) : fabrics(all), target(all.blank_target()) {
    REQUIRE(weftFabricsTargetSetGrainCallback(target, on_grain, this) == WEFT_STATUS_OK);
    info = fabrics.set_up(target, ring.regions);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { weftFabricsDestroyTarget(fabrics.handle, target); }
  static void on_grain(void* user, const weftFabricsGrain* grain) {
    auto& self = *static_cast<Reader*>(user);
    const std::lock_guard lock(self.mutex);
    self.indices.push_back(is_whole(*grain) ? grain->index : ~std::uint64_t{0});
  }
  /// Everything it is ever called for, which ends with that index.
  std::vector<std::uint64_t> seen_until(std::uint64_t last) {
    const auto there = [&] {
      const std::lock_guard lock(mutex);
      return !indices.empty() && indices.back() == last;
    };
    soon(there);
    weftFabricsDestroyTarget(fabrics.handle, target);
    const std::lock_guard lock(mutex);
    return indices;
  }

  Fabrics& fabrics;
  Ring ring = Ring(8, kBytes);
  weftFabricsTarget target;
  weftTargetInfo info = nullptr;
  std::mutex mutex;
  std::vector<std::uint64_t> indices;
};

std::vector<std::uint64_t> up_to(std::uint64_t end) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t index = 0; index != end; ++index) all.push_back(index);
  return all;
}

/// Results by target, each told once.
using Results = std::array<std::map<std::uint64_t, weftFabricsResult>, 3>;

void take(weftFabricsInitiator initiator, std::size_t count, Results& results) {
  for (; count != 0; --count) {
    const weftFabricsResult result = result_of(initiator);
    REQUIRE(result.target < results.size());
    CAPTURE(result.target, result.index);
    REQUIRE(results[result.target].emplace(result.index, result).second);
  }
}

void transfer(weftFabricsInitiator initiator, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t index = from; index != to; ++index)
    REQUIRE(weftFabricsInitiatorTransferGrain(initiator, index) == WEFT_STATUS_OK);
}

std::size_t arrived(const std::map<std::uint64_t, weftFabricsResult>& results) {
  std::size_t count = 0;
  for (const auto& [index, result] : results) {
    CHECK((result.status == WEFT_STATUS_OK || result.status == WEFT_ERR_CANCELLED));
    count += result.status == WEFT_STATUS_OK ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("grains: a target that reads nothing is removed with a hundred under way: each of them ends", "[M-22]") {
  Fabrics fabrics;
  Source source;
  Reader first(fabrics), third(fabrics);
  Ring ring(8, kBytes);
  const weftFabricsTarget second = fabrics.blank_target();
  const weftTargetInfo info = fabrics.set_up(second, ring.regions);
  const weftFabricsInitiator initiator = fabrics.initiator(source.regions);
  for (const weftTargetInfo one : {first.info, info, third.info})
    REQUIRE(weftFabricsInitiatorAddTarget(initiator, one) == WEFT_STATUS_OK);
  connect(initiator);

  transfer(initiator, 0, 100);
  REQUIRE(weftFabricsInitiatorRemoveTarget(initiator, info) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorRemoveTarget(initiator, info) == WEFT_ERR_NOT_FOUND);
  transfer(initiator, 100, 150);
  Results results;
  take(initiator, 150 + 100 + 150, results);
  CHECK(results[1].size() == 100);
  CHECK(arrived(results[1]) == 8);  // its slots
  CHECK(arrived(results[0]) == 150);
  CHECK(arrived(results[2]) == 150);
  CHECK(weftFabricsInitiatorMakeProgressNonBlocking(initiator) == WEFT_STATUS_OK);

  // What it reads now frees its slots, which are nobody's to write.
  for (std::uint64_t index = 0; index != 8; ++index) {
    std::uint64_t seen = 0;
    weftFabricsGrain grain{};
    grain.structSize = sizeof grain;
    REQUIRE(weftFabricsTargetReadGrain(second, 20000, &seen) == WEFT_STATUS_OK);
    CHECK(seen == index);
    CHECK(results[1].at(index).status == WEFT_STATUS_OK);
    REQUIRE(weftFabricsTargetGetGrain(second, seen, &grain) == WEFT_STATUS_OK);
    CHECK(is_whole(grain));
  }
  std::uint64_t none = 0;
  CHECK(weftFabricsTargetReadGrainNonBlocking(second, &none) == WEFT_ERR_NOT_READY);
  const std::vector<char> mark(ring.memory.size(), 0x5a);
  ring.memory = mark;
  transfer(initiator, 150, 200);
  take(initiator, 100, results);
  CHECK(arrived(results[0]) == 200);
  CHECK(arrived(results[2]) == 200);
  CHECK(first.seen_until(199) == up_to(200));
  CHECK(third.seen_until(199) == up_to(200));
  CHECK(weftFabricsTargetReadGrainNonBlocking(second, &none) == WEFT_ERR_NOT_READY);
  CHECK(weftFabricsDestroyTarget(fabrics.handle, second) == WEFT_STATUS_OK);
  CHECK(ring.memory == mark);
}

TEST_CASE("grains: a target that reads is removed with a hundred under way, and may be added again", "[M-22][M-41]") {
  Fabrics fabrics;
  Source source;
  Reader first(fabrics), second(fabrics), third(fabrics);
  const weftFabricsInitiator initiator = fabrics.initiator(source.regions);
  for (const Reader* one : {&first, &second, &third})
    REQUIRE(weftFabricsInitiatorAddTarget(initiator, one->info) == WEFT_STATUS_OK);
  connect(initiator);
  transfer(initiator, 0, 100);
  REQUIRE(weftFabricsInitiatorRemoveTarget(initiator, second.info) == WEFT_STATUS_OK);
  transfer(initiator, 100, 150);
  Results results;
  take(initiator, 150 + 100 + 150, results);
  CHECK(results[1].size() == 100);
  CHECK(arrived(results[1]) > 0);
  CHECK(arrived(results[0]) == 150);
  CHECK(arrived(results[2]) == 150);

  REQUIRE(weftFabricsInitiatorAddTarget(initiator, second.info) == WEFT_STATUS_OK);
  connect(initiator);
  REQUIRE(weftFabricsInitiatorTransferGrainToTarget(initiator, second.info, 1000) == WEFT_STATUS_OK);
  const weftFabricsResult again = result_of(initiator);
  CHECK(again.status == WEFT_STATUS_OK);
  CHECK(again.target == 3);
  CHECK(first.seen_until(149) == up_to(150));
  CHECK(third.seen_until(149) == up_to(150));
  const std::vector<std::uint64_t> seen = second.seen_until(1000);
  for (const auto& [index, result] : results[1]) {
    CAPTURE(index);
    const auto times = std::count(seen.begin(), seen.end(), index);
    if (result.status == WEFT_STATUS_OK) CHECK(times == 1);
    if (result.status != WEFT_STATUS_OK && !result.mayHaveArrived) CHECK(times == 0);
    CHECK(times <= 1);
  }
  CHECK(seen.back() == 1000);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

namespace {

constexpr std::size_t kPairs = 8, kGrains = 50;

/// Eight targets, each written by two of eight initiators; each of them is made, used and destroyed by a thread of its
/// own.
class Crowd {
 public:
  void run() {
    for (std::size_t k = 0; k != kPairs; ++k) {
      rings_.push_back(std::make_unique<Ring>(kRegions, kBytes));
      shared_.push_back(infos_[k].get_future().share());
    }
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k != kPairs; ++k) {
      threads.emplace_back([this, k] { receive(k); });
      threads.emplace_back([this, k] { send(k); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& fault : faults_) UNSCOPED_INFO(fault);
    CHECK(faults_.empty());
    CHECK(received_ == 2 * kPairs * kGrains);
    for (const auto& shared : shared_) CHECK(weftFabricsFreeTargetInfo(shared.get()) == WEFT_STATUS_OK);
  }

 private:
  bool ok(const char* what, std::size_t k, weftStatus status) {
    if (status == WEFT_STATUS_OK) return true;
    fault(std::string(what) + " of " + std::to_string(k) + ": " + last_failure());
    return false;
  }
  void fault(std::string what) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(std::move(what));
  }
  /// As last_error, for threads that may not assert.
  static std::string last_failure() {
    std::array<char, 512> text{};
    std::size_t size = text.size();
    weftLastError(text.data(), &size);
    return text.data();
  }

  void receive(std::size_t k) {
    weftFabricsTarget target = nullptr;
    weftTargetInfo info = nullptr;
    const weftTargetConfig config = target_config(rings_[k]->regions, R"({"initiators": 2})");
    if (ok("the target", k, weftFabricsCreateTarget(fabrics_.handle, &target)))
      ok("the set-up", k, weftFabricsTargetSetup(target, &config, &info));
    infos_[k].set_value(info);
    std::map<std::uint64_t, std::uint64_t> next;  // of an initiator
    for (std::size_t got = 0, waits = 0; info != nullptr && got != 2 * kGrains && waits != 60;) {
      std::uint64_t index = 0;
      const weftStatus status = weftFabricsTargetReadGrain(target, 1000, &index);
      waits += status == WEFT_ERR_NOT_READY ? 1 : 0;
      if (status == WEFT_ERR_NOT_READY) continue;
      weftFabricsGrain grain{};
      grain.structSize = sizeof grain;
      if (!ok("a read", k, status) || !ok("a grain", k, weftFabricsTargetGetGrain(target, index, &grain))) break;
      if (!is_whole(grain) || index % 1000 != next[index / 1000]++) fault("grain " + std::to_string(index));
      ++got;
      ++received_;
    }
    ok("the target's end", k, weftFabricsDestroyTarget(fabrics_.handle, target));
  }

  void send(std::size_t k) {
    weftFabricsInitiator initiator = nullptr;
    const weftInitiatorConfig config = initiator_config(source_.regions);
    if (!ok("the initiator", k, weftFabricsCreateInitiator(fabrics_.handle, &initiator))) return;
    if (ok("its set-up", k, weftFabricsInitiatorSetup(initiator, &config)) &&
        ok("its target", k, weftFabricsInitiatorAddTarget(initiator, shared_[k].get())) &&
        ok("its other target", k, weftFabricsInitiatorAddTarget(initiator, shared_[(k + 1) % kPairs].get())))
      stream(k, initiator);
    ok("the initiator's end", k, weftFabricsDestroyInitiator(fabrics_.handle, initiator));
  }
  void stream(std::size_t k, weftFabricsInitiator initiator) {
    weftStatus connected = WEFT_ERR_NOT_READY;
    for (int waits = 0; connected == WEFT_ERR_NOT_READY && waits != 200; ++waits)
      connected = weftFabricsInitiatorMakeProgressBlocking(initiator, 300);
    if (!ok("its connections", k, connected)) return;
    for (std::size_t n = 0; n != kGrains; ++n)
      if (!ok("a transfer", k, weftFabricsInitiatorTransferGrain(initiator, 1000 * k + n))) return;
    for (std::size_t left = 2 * kGrains, waits = 0; left != 0 && waits != 200;) {
      weftFabricsResult result{};
      result.structSize = sizeof result;
      const weftStatus status = weftFabricsInitiatorNextResult(initiator, &result);
      if (status == WEFT_ERR_NOT_READY) {
        waits += weftFabricsInitiatorMakeProgressBlocking(initiator, 300) == WEFT_ERR_NOT_READY ? 1 : 0;
        continue;
      }
      if (!ok("a result", k, status)) return;
      if (result.status != WEFT_STATUS_OK)
        fault("grain " + std::to_string(result.index) + ": " + weftStatusName(result.status));
      --left;
    }
  }

  Fabrics fabrics_;
  Source source_;
  std::vector<std::unique_ptr<Ring>> rings_;
  std::array<std::promise<weftTargetInfo>, kPairs> infos_;
  std::vector<std::shared_future<weftTargetInfo>> shared_;
  std::atomic<std::size_t> received_ = 0;
  std::mutex mutex_;
  std::vector<std::string> faults_;
};

}  // namespace

TEST_CASE("grains: eight targets and eight initiators on sixteen threads, from one instance", "[M-42]") {
  Crowd().run();
}

TEST_CASE("grains: a callback that was set is the one that is called, also when a set-up runs meanwhile", "[M-32]") {
  Fabrics fabrics;
  Source source;
  for (int round = 0; round != 5; ++round) {
    Ring ring(2, kBytes);
    const weftFabricsTarget target = fabrics.blank_target();
    std::array<std::atomic<int>, 64> calls{};
    std::atomic<bool> running = false;
    std::size_t last = 0;
    weftStatus refused = WEFT_STATUS_OK;
    const auto count = [](void* user, const weftFabricsGrain*) { ++*static_cast<std::atomic<int>*>(user); };
    const auto set = [&](std::size_t k) { return weftFabricsTargetSetGrainCallback(target, count, &calls[k % 64]); };
    REQUIRE(set(0) == WEFT_STATUS_OK);
    std::thread setter([&] {
      running = true;
      while ((refused = set(last + 1)) == WEFT_STATUS_OK) ++last;
    });
    while (!running) std::this_thread::yield();
    const weftTargetInfo info = fabrics.set_up(target, ring.regions);
    setter.join();
    CHECK(refused == WEFT_ERR_INVALID_STATE);
    const weftFabricsInitiator initiator = fabrics.initiator(source.regions);
    REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_STATUS_OK);
    connect(initiator);
    REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_STATUS_OK);
    REQUIRE(result_of(initiator).status == WEFT_STATUS_OK);
    // A result says that the bytes lie there; the target's own thread calls after that, and not once it is destroyed.
    CHECK(weft::test::soon([&] { return std::ranges::any_of(calls, [](const auto& count) { return count != 0; }); }));
    REQUIRE(weftFabricsDestroyTarget(fabrics.handle, target) == WEFT_STATUS_OK);  // no call is under way then
    for (std::size_t k = 0; k != calls.size(); ++k) CHECK(calls[k] == (k == last % 64 ? 1 : 0));
  }
}
