#pragma once

#include <dirent.h>

#include <string>

#include <tests/nodes/key_file.hpp>
#include <tests/nodes/nodes.hpp>
#include <tests/process/child.hpp>

/// What the tests of dying and stopped processes share.
namespace weft::test {

inline constexpr std::size_t kBytes = 64 << 20;  ///< of a large transfer: 256 pieces
/// For who is told of a peer's end by its connections alone, or waits for no peer: silence takes longer than any test.
inline constexpr Liveness kPatient{.silent_after = std::chrono::minutes(10)};

/// Where a process dies or stops: at the count-th time of a step.
struct At {
  const char* step;
  int count = 1;
  bool may_succeed = false;  ///< by then the other side may know enough
};

/// Where a child listens, as --listen takes it.
inline std::string address_of(const Child& child) {
  std::string address = need(Ticket::parse(child.ticket())).addresses.front();
  address.erase(0, std::string("tcp://").size());
  return address;
}

inline bool is_loss(ErrorClass kind) { return kind == ErrorClass::kPeerLost || kind == ErrorClass::kPeerUnreachable; }

/// The default lane, or only placed writes inside the session's stream; there nothing opens a rail.
struct LaneCase {
  bool sealed = false;
  NodeOptions options(NodeOptions more = {}) const {
    if (sealed) more.lanes = {Lane::kTls};
    return more;
  }
  std::vector<std::string> arguments() const {
    return sealed ? std::vector<std::string>{"--lane", "tls"} : std::vector<std::string>{};
  }
  bool has(const At& at) const { return !sealed || std::string_view(at.step) != "rail"; }
};

inline void arm(Child& child, const At& at, const char* what) {
  child.ask(std::string("arm ") + at.step + " " + std::to_string(at.count) + " " + what);
}

/// Waits for the victim's last word, then for the survivor's call.
template <class T>
Result<T> ended(Future<T>& call, Child& child, const char* step) {
  child.expect(std::string("at ") + step);
  auto got = call.wait_for(kSoon);
  REQUIRE(got.has_value());
  return std::move(*got);
}

/// Until the node keeps nothing of its peers.
inline void wait_for_loss(const TensorNode& node) {
  if (!soon([&] { return node.stats().sessions == 0 && node.stats().transfers == 0; })) FAIL("its session stays");
}

/// What this process and a node of it hold (N8). Taken once the node has carried a large transfer, so that what it
/// keeps warm is in it.
class Held {
 public:
  explicit Held(TensorNode& node)
      : node_(node), fds_(count_in("/proc/self/fd")), threads_(count_in("/proc/self/task")) {
    warm_ = node.stats().landing_bytes;
  }
  /// After a fault everything comes back.
  void check() const {
    CHECK(soon([&] { return node_.stats().transfers == 0; }));
    CHECK(soon([&] { return node_.stats().sessions == 0; }));
    CHECK(soon([&] { return node_.stats().landing_bytes <= warm_; }));
    // A connection that reached a rail's listener and never spoke is libfabric's, which has no deadline for it: a peer
    // that dies at that very moment may leave one behind until the next rail is dialled.
    CHECK(soon([&] { return count_in("/proc/self/fd") <= fds_ + 1; }));
    CHECK(soon([&] { return count_in("/proc/self/task") <= threads_; }));
  }

 private:
  static std::size_t count_in(const char* folder) {
    std::size_t count = 0;
    DIR* dir = ::opendir(folder);
    REQUIRE(dir != nullptr);
    while (::readdir(dir) != nullptr) ++count;
    ::closedir(dir);
    return count;
  }
  TensorNode& node_;
  std::size_t fds_, threads_;
  std::uint64_t warm_ = 0;
};

/// Serves, pulls and receives large tensors; after a fault it must go as before it.
inline void works(TensorNode& node, const LaneCase& lane) {
  Child other(lane.arguments());
  other.ask("serve s " + std::to_string(kBytes) + " 5");
  CHECK(is_noise(need(node.get(other.ticket(), "s").wait()).bytes(), 5));
  need(node.put("mine", blob(300'000, 6)));
  other.ask("get " + node.ticket().to_string() + " mine 300000 6");
  auto waiting = node.receive("works");
  other.ask("push " + node.ticket().to_string() + " works 300000 7");
  CHECK(same_bytes(need(waiting.wait()), noise(300'000, 7)));
}

}  // namespace weft::test
