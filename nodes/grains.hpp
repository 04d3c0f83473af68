#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>
#include <weft/nodes/future.hpp>
#include <weft/nodes/next.hpp>
#include <weft/nodes/options.hpp>
#include <weft/nodes/tensor.hpp>
#include <weft/wire/ticket.hpp>

/// Grains: a target exposes a ring of equal buffers, initiators write them, again and again. Each grain has a 64-bit
/// index of the application's; a slot is not written again before its reader has let it go.
namespace weft {

namespace detail {
class NodeRef;
class NodeState;
class TargetState;
class InitiatorState;
}  // namespace detail

/// What an initiator needs of a target: its node's ticket, the ring's shape, and the token that opens it. A capability:
/// whoever has it (and may reach the node) may write the ring, so it goes by a channel of its own and into no log. The
/// same after the target's process restarts, when its identity, address, ring name and shape are.
class TargetInfo {
 public:
  static constexpr std::size_t kTokenBytes = 16;
  /// Base64 of JSON, or that JSON itself. InvalidArgument, saying what is wrong: for what is no target info, of another
  /// version, or of a shape that cannot be (no grains, no bytes, products that wrap).
  static Result<TargetInfo> parse(std::string_view text);
  /// Base64 of the JSON: one word for shells, JSON, YAML and environment variables.
  std::string to_string() const;
  std::string to_json() const;

  Ticket ticket{};
  std::string ring{};  ///< its name at the node
  std::array<std::byte, kTokenBytes> token{};
  std::uint32_t grains = 0;       ///< slots of the ring
  std::uint64_t grain_bytes = 0;  ///< of each
  std::uint32_t slices = 1;       ///< equal parts that a grain may be sent in
  bool operator==(const TargetInfo&) const = default;
};

/// A grain, or what of one is there. Its slot is the caller's until it is released.
struct Grain {
  std::uint64_t index = 0;         ///< the initiator's
  std::uint32_t slot = 0;          ///< where in the ring
  std::uint32_t valid_slices = 0;  ///< the first so many are there
  bool invalid = false;            ///< announced without content
  bool complete = false;           ///< nothing more of it comes; a grain that is not need not be released
  std::span<std::byte> data{};     ///< of the slot: the bytes that are there
  NodeId from{};
};

struct TargetOptions {
  std::string name = "grains";  ///< of the ring; the node has no other of that name
  /// The ring: equal buffers of the application's, writable until the target is closed. 1 … 2^20 of them.
  std::vector<std::span<std::byte>> slots{};
  std::uint32_t slices = 1;      ///< divides the buffers' size
  std::uint32_t initiators = 1;  ///< at most so many; the slots are shared out among as many. With one, the grain of
                                 ///< index i lies in slot i modulo the number of slots
  Lane lane{};  ///< over which grains come; who cannot come over it is told Unsupported. Of the own node: in memory
  /// Instead of reading: called with each grain on the node's callback thread; it is released when the call returns.
  std::function<void(const Grain&)> on_grain{};
  KeepAlive keep_alive{};  ///< of the buffers' memory: dropped when the target is gone and nothing writes them any more
};

struct TargetStats {
  std::uint64_t grains = 0, bytes = 0;  ///< that arrived
  std::uint64_t waiting = 0;            ///< arrived and not read yet
  std::uint64_t held = 0;               ///< read and not released
  std::size_t initiators = 0;           ///< connected
};

/// The side that receives. Move-only; any thread may call any member; destruction is `close`.
class Target {
 public:
  Target(Target&&) noexcept;
  Target& operator=(Target&&) noexcept;
  ~Target();

  const TargetInfo& info() const;
  /// The next grain in the order of arrival, or none yet.
  std::optional<Grain> try_read();
  /// Waits for it. DeadlineExceeded, ShuttingDown.
  Result<Grain> read(Deadline deadline = {});
  /// To be awaited: `co_await target.next(2s)`. Automatic: 30 s, as for `read`.
  Next<Grain> next(Deadline deadline = {});
  /// Lets a slot be written again. InvalidArgument: that slot is not held.
  Result<void> release(std::uint32_t slot);
  /// Readable while a grain waits. Owned by the target.
  int event_fd() const;
  TargetStats stats() const;
  /// Initiators are told, their writes are fenced; afterwards nothing writes the slots any more. Within 4 s.
  void close();

 private:
  friend class detail::NodeRef;
  friend class detail::NodeState;
  explicit Target(std::shared_ptr<detail::TargetState> state);
  std::shared_ptr<detail::TargetState> state_;
};

/// What became of one grain at one target.
struct GrainResult {
  std::uint64_t index = 0;
  std::size_t target = 0;  ///< as `add_target` numbered it
  std::uint64_t send = 0;  ///< which call of `send` it was of, from 0, of those that were taken
  Result<void> result{};   ///< arrived; or why not, with may_have_arrived where that cannot be told
};

enum class TargetLink : std::uint8_t { kConnecting, kConnected, kFailed };

struct InitiatorOptions {
  std::size_t queue = 4096;  ///< grains not yet ended, per target; more is Overloaded
  /// Instead of taking results: called with each on the node's callback thread.
  std::function<void(const GrainResult&)> on_result{};
  /// Over which grains go; a target that comes over another ends as Unsupported. A ring of the own node is written in
  /// memory, whatever is asked for.
  Lane lane{};
  /// Asked with a grain's index when it has arrived, before that is told: whether what it was sent from is still what
  /// it was. No: its result is an IntegrityFailure, which may have arrived. On the node's loop: it must return at once,
  /// and throw nothing.
  std::function<bool(std::uint64_t)> is_intact{};
};

struct SendOptions {
  std::uint32_t first_slice = 0;      ///< of the slices [first, last)
  std::uint32_t last_slice = 0;       ///< first = last = 0 with `part`: header only, the invalid grain
  bool part = false;                  ///< the two above count; else the whole grain is sent
  std::optional<std::size_t> only{};  ///< to this target alone
  Deadline deadline{};                ///< for a slot of the ring to come free; automatic: 30 s
};

/// The side that writes, to any number of targets. Move-only; any thread may call any member.
class Initiator {
 public:
  Initiator(Initiator&&) noexcept;
  Initiator& operator=(Initiator&&) noexcept;
  ~Initiator();

  /// Begins to connect, and connects again whenever the link is lost, until the target is removed. The target's number
  /// is never reused. One of the own node is written in memory, under the same rules. Exists: that ring of that node is
  /// there already, by its token or by its name; InvalidArgument: its shape differs from the others', its ticket has
  /// expired.
  Result<std::size_t> add_target(const TargetInfo& info);
  /// Grains under way to it end (as arrived, or Cancelled); no more are sent. A ring goes by its token.
  /// NotFound.
  Result<void> remove_target(const TargetInfo& info);
  TargetLink link(std::size_t target) const;
  /// Whether it ever was: `kConnecting` is then to connect again.
  bool was_connected(std::size_t target) const;
  /// Why a target is not connected.
  std::optional<Error> why(std::size_t target) const;

  /// Sends a grain to every target: `parts` one after the other are its bytes (of the whole grain, or of the slices).
  /// They are read until the grain's results are all there. A target that is not connected gets a result
  /// PeerUnreachable at once, one with `queue` grains under way Overloaded. Where it goes to none, that is the call's
  /// error and nothing is sent: PeerUnreachable, no target is connected; Overloaded, none that is has room, or nobody
  /// takes results; NotFound, InvalidArgument, ShuttingDown. Gives to how many it goes; a result comes for each target
  /// that was meant, those it does not go to among them.
  Result<std::size_t> send(std::uint64_t index, std::span<const std::span<const std::byte>> parts,
                           SendOptions options = {});
  std::optional<GrainResult> next_result();
  Result<GrainResult> wait_result(Deadline deadline = {});
  /// To be awaited: `co_await initiator.next(2s)`. Automatic: 30 s, as for `wait_result`.
  Next<GrainResult> next(Deadline deadline = {});
  /// Grains whose results are not there yet, over all targets.
  std::size_t pending() const;
  /// Readable while a result waits, and once a link has come or gone, until `next_result` finds nothing. Owned by the
  /// initiator.
  int event_fd() const;
  void close();

 private:
  friend class detail::NodeRef;
  friend class detail::NodeState;
  explicit Initiator(std::shared_ptr<detail::InitiatorState> state);
  std::shared_ptr<detail::InitiatorState> state_;
};

}  // namespace weft
