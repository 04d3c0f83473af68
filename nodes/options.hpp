#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/lane_name.hpp>
#include <weft/base/limits.hpp>
#include <weft/base/log.hpp>
#include <weft/tensor/device.hpp>
#include <weft/tensor/pages.hpp>
#include <weft/tensor/slice.hpp>
#include <weft/tensor/tensor_view.hpp>
#include <weft/transfer/access.hpp>

namespace weft {

/// When a call ends. Empty is automatic: 30 s without progress, and in any case 30 s plus the announced size at 1
/// MiB/s. A duration counts from the call; a time point is literal.
class Deadline {
 public:
  Deadline() = default;
  template <class R, class P>
  Deadline(std::chrono::duration<R, P> left) : left_(bounded(left)) {}  // NOLINT
  Deadline(TimePoint at) : at_(at) {}                                   // NOLINT
  std::optional<TimePoint> resolve(TimePoint now) const {
    if (at_) return at_;
    if (left_) return now + *left_;
    return std::nullopt;
  }

 private:
  std::optional<Duration> left_;
  std::optional<TimePoint> at_;
};

/// How far a transfer is: bytes, bytes a second since its start, and what is left at that rate (0: not known).
struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  double bytes_per_second = 0;
  Duration eta{};
};
/// Runs where callbacks run. The last report of a call that succeeds is of the whole; it is queued before the result
/// and may run a moment after `wait()` has returned, so what the function uses must outlive the node or be its own.
/// What it throws is logged and goes no further.
using ProgressFn = std::function<void(const Progress&)>;

enum class Verify : std::uint8_t {
  kPieces,  ///< every leaf compared (default)
  kLane,    ///< trust the lane's own checks
};
/// Travels with the request.
struct TraceContext {
  std::string traceparent{};  ///< W3C's, at most 255 bytes
};

/// Which generation of a tensor will do.
struct GenerationRule {
  enum class Kind : std::uint8_t { kAny, kExactly, kNewerThan, kAtLeast };
  Kind kind = Kind::kAny;
  Generation generation{};
  static GenerationRule any() { return {}; }
  static GenerationRule exactly(Generation g) { return {.kind = Kind::kExactly, .generation = g}; }
  static GenerationRule newer_than(Generation g) { return {.kind = Kind::kNewerThan, .generation = g}; }
  static GenerationRule at_least(Generation g) { return {.kind = Kind::kAtLeast, .generation = g}; }
};

struct GetOptions {
  Slice slice{};
  Pages pages{};  ///< instead of `slice`
  /// The caller's own memory, dense or strided; else a pooled landing. After an error its content is undefined.
  MutableTensorView into{};
  Device device{};  ///< where to land; only host memory yet, else Unsupported
  GenerationRule generation{};
  Verify verify{};
  Deadline deadline{};
  Lane lane{};
  ProgressFn on_progress{};
  TraceContext trace{};
};
struct GetItem {
  std::string name{};
  Slice slice{};
  MutableTensorView into{};
};
struct BatchOptions {
  Pages pages{};  ///< of every item
  GenerationRule generation{};
  Verify verify{};
  Deadline deadline{};
  Lane lane{};
  ProgressFn on_progress{};
  TraceContext trace{};
};
struct PushOptions {
  Verify verify{};
  Deadline deadline{};
  Lane lane{};
  ProgressFn on_progress{};
  TraceContext trace{};
};
struct ListOptions {
  Deadline deadline{};
};
struct ReceiveOptions {
  Deadline deadline{};  ///< empty: waits as long as the node lives
};
struct LendOptions {};
struct ServeOptions {
  std::string prefix{};  ///< put before every name
};

struct Limits {
  std::uint64_t memory_bytes = 0;          ///< what landings may hold in all; 0: half of RAM
  std::uint64_t warm_bytes = 0;            ///< of them, kept warm; 0: a quarter of RAM, at most 8 GiB
  std::uint64_t inbox_bytes = 1ull << 30;  ///< pushes received and not taken yet
};
struct Liveness {
  Duration heartbeat = std::chrono::milliseconds(500);
  Duration silent_after = std::chrono::seconds(3);
};
struct Pool {
  std::size_t connections = 64;             ///< sessions at a time; the least recently used idle one makes room
  Duration idle = std::chrono::minutes(5);  ///< after which an idle session is closed
  Duration dial_timeout = std::chrono::seconds(5);
};
enum class Callbacks : std::uint8_t {
  kThread,  ///< on the node's callback thread
  kManual,  ///< queued for run_callbacks(); event_fd() is readable when some wait
};

struct NodeOptions {
  /// "127.0.0.1:0", ":7700", "[::1]:7700", "host:port", "unix:///PATH" (a socket of mode 0600, which goes with the
  /// node). None: loopback, an ephemeral port. An address that can be reached from elsewhere needs an access rule other
  /// than local.
  std::vector<std::string> listen{};
  Access access{};
  std::filesystem::path identity{};  ///< a key file, made when it is not there; empty: a fresh identity
  Limits limits{};
  Liveness liveness{};
  Pool pool{};
  std::vector<Lane> lanes{};  ///< allowed ones; none: every lane this host has
  /// Networks ("10.0.0.0/8", "fd00::/8") in which bulk may travel in clear; loopback always may.
  std::vector<std::string> trust{};
  /// How long the loop looks before it sleeps: at most 1 s. It costs a processor, but none once the node is stopped.
  Duration spin = std::chrono::microseconds(20);
  /// While the loop turns or spins, and rails arrive in memory (verbs): how often the kernel is asked for what does
  /// not, a message of a session that nothing foretold above all. Longer saves system calls, and delays that as much.
  Duration ask_kernel = std::chrono::microseconds(50);
  Callbacks callbacks{};
  LogSink log{};
  /// Called at each step of each transfer, on the loop: "dial", "handshake", "accept", "session", "rail", "message",
  /// "grant", "receipt", "landing", "offer", "written", "finished", "last-written", "receipted", "arrival", "outcome".
  /// For tests: processes are stopped and killed in it.
  std::function<void(std::string_view phase)> on_phase{};

  /// What the environment says, where an application wants it: WEFT_LISTEN, _ALLOW (local, any, node ids), _TRUST,
  /// _LANES (lists with commas), _IDENTITY, _INBOX_BYTES, _MEMORY_BYTES ("2GiB"), _CONNECTIONS, _IDLE, _HEARTBEAT
  /// ("500ms"), _SPIN_US, _ASK_KERNEL_US. InvalidArgument names the variable.
  static Result<NodeOptions> from_environment();
};

}  // namespace weft
