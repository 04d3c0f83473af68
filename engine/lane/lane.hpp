#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <weft/base/lane_name.hpp>
#include <weft/base/result.hpp>

namespace weft::lane {

enum class Motion : std::uint8_t {
  kWrite,  ///< the sender places pieces in an exposed landing
  kMap,    ///< same host: the reader maps a sealed descriptor
};

/// What a lane promises. The core asks these, never which lane it is. Constant for the life of the lane.
struct Traits {
  Lane name = Lane::kAuto;
  Motion motion = Motion::kWrite;
  std::uint32_t max_message = 0;       ///< bytes of one `send`
  std::uint32_t gather = 1;            ///< local ranges of one write
  std::uint32_t scatter = 1;           ///< remote ranges of one write
  std::uint64_t piece_bytes = 0;       ///< the piece size it likes best; a power of two
  std::uint64_t window_bytes = 0;      ///< bytes of writes it wants posted at a time
  bool ordered = true;                 ///< an immediate arrives after all that was written before it on that channel
  bool attributed = false;             ///< `Arrived` names its channel
  bool arrival_takes_receive = false;  ///< an immediate consumes a receive of the peer's ring (verbs)
  bool key_per_landing = true;         ///< exposing is free, so every landing gets a key of its own
  bool revoke_fences = false;          ///< after an exposure is revoked no byte of it lands any more
  bool sealed = false;                 ///< encrypted and authenticated
  bool gathers_attached = false;       ///< writes only from memory that `attach` was told of: see Gather::descriptor
  bool reaches_device = false;         ///< may read and write GPU memory directly
};

/// One connection of one lane. Never reused in a lane's life, so a late event can hit nothing.
struct Channel {
  std::uint32_t value = 0;
  auto operator<=>(const Channel&) const = default;
};

/// The poster's name for a post; comes back in Finished. Opaque to the lane.
using Token = std::uint64_t;

/// A range of local memory. `descriptor` is what `attach` gave for memory that the range lies in, where the lane says
/// gathers_attached.
struct Gather {
  const std::byte* data = nullptr;
  std::size_t size = 0;
  void* descriptor = nullptr;
};

/// A range of the peer's exposed memory: offset counts from the start of the exposure.
struct RemoteRange {
  std::uint64_t key = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Local memory the lane may be told of. Borrowed: its owner outlives the Exposure or Attachment made from it.
struct Region {
  std::byte* data = nullptr;
  std::size_t size = 0;
};

/// While it lives the peer of one channel may write the region under `key()`. Revoking is no fence unless
/// Traits::revoke_fences (libfabric tcp: 60 of 64 MiB landed after a registration was closed).
class Exposure {
 public:
  virtual ~Exposure() = default;
  virtual std::uint64_t key() const = 0;
  /// What a RemoteRange's offset must be counted from: 0 where offsets are relative, else the virtual address.
  virtual std::uint64_t base() const { return 0; }
  /// Ends it. A lane that makes many keeps the object for the next one.
  virtual void release() noexcept { delete this; }
};
struct ReleaseExposure {
  void operator()(Exposure* exposure) const noexcept { exposure->release(); }
};
using ExposurePtr = std::unique_ptr<Exposure, ReleaseExposure>;

/// While it lives `descriptor()` may be used in Gather for ranges of the region: it outlives every post that does,
/// until its Finished. It does not outlive the lane.
class Attachment {
 public:
  virtual ~Attachment() = default;
  virtual void* descriptor() const = 0;
};

/// Owns the memory of a received message until dropped (then it returns to the lane's receive ring). Must be
/// dropped on the loop, before its lane.
class MessageLease {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void release(std::uint32_t index) noexcept = 0;
  };
  MessageLease() = default;
  MessageLease(std::span<const std::byte> bytes, Owner* owner, std::uint32_t index)
      : bytes_(bytes), owner_(owner), index_(index) {}
  MessageLease(MessageLease&& other) noexcept
      : bytes_(other.bytes_), owner_(std::exchange(other.owner_, nullptr)), index_(other.index_) {}
  MessageLease& operator=(MessageLease&& other) noexcept {
    if (this != &other) {
      drop();
      bytes_ = other.bytes_;
      owner_ = std::exchange(other.owner_, nullptr);
      index_ = other.index_;
    }
    return *this;
  }
  ~MessageLease() { drop(); }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  void drop() noexcept {
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->release(index_);
  }
  std::span<const std::byte> bytes_;
  Owner* owner_ = nullptr;
  std::uint32_t index_ = 0;
};

/// What a dialler shows before it is admitted: at most 55 bytes, what verbs' connect data holds.
struct PassBytes {
  std::array<std::byte, 55> bytes{};
  std::uint8_t size = 0;
  std::span<const std::byte> view() const noexcept { return {bytes.data(), size}; }
};

/// Somebody dialled us and showed a pass: `admit` or `close` it. Nothing else was accepted from them yet.
struct Knock {
  Channel channel;
  PassBytes pass;
};
/// The channel carries posts from now on.
struct Up {
  Channel channel;
};
/// A whole message, in the order of its channel.
struct MessageArrived {
  Channel channel;
  MessageLease message;
};
/// An immediate arrived; on ordered lanes after the bytes of its write. A hint that counts, never a proof.
struct Arrived {
  std::optional<Channel> channel;  ///< absent where completions are anonymous
  std::uint32_t immediate = 0;
};
/// The memory of a post is no longer needed. Not delivery. Exactly one for every post that was Taken, also after Down
/// was reported or `close` was called, and before that channel's Down.
struct Finished {
  Channel channel;
  Token token = 0;
  bool failed = false;
};
/// Once, and the last event of its channel: no byte of it lands after this.
struct Down {
  Channel channel;
  Error why;
};
using Event = std::variant<std::monostate, Knock, Up, MessageArrived, Arrived, Finished, Down>;

enum class Posted : std::uint8_t {
  kTaken,  ///< Finished will follow
  kFull,   ///< nothing happened; try again after a Finished or a poll
  kDown,   ///< the channel is closed or closing; nothing happened
};

/// A way for bytes to travel. One loop owns it: calls are serialised by that loop, never block, and allocate only in
/// listen, dial, admit, expose, attach and map. Sessions are not dialled through it (docs/protocol.md).
class Lane {
 public:
  virtual ~Lane() = default;

  virtual const Traits& traits() const = 0;

  /// Opens the listener if it is not open and returns its address as text for the peer's `dial`.
  virtual Result<std::string> listen() = 0;
  /// Closes the listener; admitted channels live on, unanswered knocks are closed.
  virtual void stop_listening() = 0;
  /// Begins to connect; Up or Down follows.
  virtual Result<Channel> dial(std::string_view address, std::span<const std::byte> pass) = 0;
  /// Accepts a knock; Up or Down follows.
  virtual Result<void> admit(Channel channel) = 0;
  /// The fence: Down follows from a later poll, Finished for every post before it, and no byte lands after it.
  /// For a channel that is unknown or already down nothing happens.
  virtual void close(Channel channel) = 0;

  /// Lets the channel's peer write `region`. The Exposure may outlive the channel, not the lane.
  virtual Result<ExposurePtr> expose(Region region, Channel channel) = 0;
  /// Makes `region` usable as a Gather. Lanes that need no registration return a null descriptor. ResourceExhausted
  /// where the limit of locked memory is reached.
  virtual Result<std::unique_ptr<Attachment>> attach(Region region) = 0;

  /// Bytes of writes that may be posted now within the window; 0 while full or not up. Messages have room of their own.
  virtual std::uint64_t room(Channel channel) const = 0;
  /// Posts one message of Σ gather ≤ max_message bytes.
  virtual Posted send(Channel channel, std::span<const Gather> gather, Token token) = 0;
  /// Posts one write; Σ gather == Σ remote lengths; with `immediate` the peer gets Arrived after the bytes.
  virtual Posted write(Channel channel, std::span<const Gather> gather, std::span<const RemoteRange> remote,
                       std::optional<std::uint32_t> immediate, Token token) = 0;

  /// Hands what was posted on, where that need not wait for the next poll.
  virtual void flush() {}
  /// Whether anything came on the channel since this was asked last, parts of messages too; true while this side itself
  /// does not read. False where the lane cannot tell.
  virtual bool heard(Channel) { return false; }

  /// Makes progress and fills `events` from the front; returns how many. 0 means nothing happened just now.
  virtual std::size_t poll(std::span<Event> events) = 0;
  /// Like poll, but looks only where that takes no system call, where the lane can tell such places apart; the rest is
  /// poll itself. Enough while nothing is readable at `unseen`.
  virtual std::size_t glance(std::span<Event> events) { return poll(events); }
  /// Whether what comes over its channels is seen by `glance`: completions in memory (verbs). Constant.
  virtual bool arrives_in_memory() const { return false; }
  /// A descriptor that becomes readable when there is something that `glance` does not see.
  virtual int unseen() const { return waitable(); }
  /// A descriptor that becomes readable when poll has something to do, or -1 when the lane must be polled.
  virtual int waitable() const = 0;
  /// Whether the loop may block on waitable() now without missing what already happened; arms it where needed.
  virtual bool may_block() = 0;
};

}  // namespace weft::lane
