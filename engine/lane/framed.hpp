#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/fd.hpp>
#include <weft/base/limits.hpp>
#include <weft/base/result.hpp>
#include <weft/lane/byte_pipe.hpp>
#include <weft/lane/frame_reader.hpp>
#include <weft/lane/framed_channel.hpp>
#include <weft/lane/lane.hpp>
#include <weft/lane/ring.hpp>

namespace weft::lane {

/// The traits of a framed lane called `name`, over pipes that are `sealed` or not.
Traits framed_traits(weft::Lane name, bool sealed);

struct FramedOptions {
  Traits traits;
  /// 64 random bits a peer cannot guess, for the keys of exposures.
  std::function<std::uint64_t()> draw_key;
  /// Bytes of received messages, being assembled or leased, over all channels. A peer's message that does not fit
  /// closes its channel (ResourceExhausted).
  std::uint64_t message_budget_bytes = 16 * kMaxMessageBytes;
  /// Of a channel's first message; 0: as any. Its peer is not known to be welcome before that was read.
  std::uint64_t first_message_bytes = 0;
  /// Bytes of message buffers kept for reuse.
  std::uint64_t idle_message_bytes = 2 * kMaxMessageBytes;
};

/// Messages and placed writes over any ordered byte pipe: engine/stream makes the pipes, this frames them
/// (frame_header.hpp has the bytes). Our own code places the bytes, so a revoked exposure is fenced at once: late
/// bytes are discarded and counted. A write outside of a live exposure closes its channel. One loop owns it.
/// A channel whose consumer keeps the leases of its messages is not read until some are dropped.
class FramedLane final : public Lane {
 public:
  /// ResourceExhausted when there is no descriptor for the epoll instance.
  static Result<std::unique_ptr<FramedLane>> open(FramedOptions options);
  ~FramedLane() override;
  FramedLane(const FramedLane&) = delete;
  FramedLane& operator=(const FramedLane&) = delete;

  /// Makes a channel of a connected pipe; Up follows from poll. InvalidArgument when the lane promises to be sealed
  /// and the pipe is not; ResourceExhausted after 65 536 channels at a time.
  /// A stranger's messages stay as short as the first one.
  Result<Channel> adopt(std::unique_ptr<BytePipe> pipe, bool stranger = false);
  /// Bytes that peers wrote to keys which are not exposed (any more).
  std::uint64_t discarded_bytes() const noexcept { return shared_.discarded_bytes; }
  std::size_t channels() const noexcept { return live_.size(); }

  const Traits& traits() const override { return options_.traits; }
  /// Unsupported: the pipes are made elsewhere. So are `dial` and `admit`.
  Result<std::string> listen() override;
  void stop_listening() override {}
  Result<Channel> dial(std::string_view address, std::span<const std::byte> pass) override;
  Result<void> admit(Channel channel) override;
  void close(Channel channel) override;
  Result<ExposurePtr> expose(Region region, Channel channel) override;
  Result<std::unique_ptr<Attachment>> attach(Region region) override;
  std::uint64_t room(Channel channel) const override;
  Posted send(Channel channel, std::span<const Gather> gather, Token token) override;
  Posted write(Channel channel, std::span<const Gather> gather, std::span<const RemoteRange> remote,
               std::optional<std::uint32_t> immediate, Token token) override;
  void flush() override;
  bool heard(Channel channel) override;
  std::size_t poll(std::span<Event> events) override;
  /// What was posted here, and what is decrypted; sockets are not read.
  std::size_t glance(std::span<Event> events) override;
  int waitable() const override { return epoll_.get(); }
  bool may_block() override;

 private:
  // Below this many channels trying each is cheaper than asking epoll which are ready.
  static constexpr std::size_t kTriedDirectly = 2;
  static constexpr std::size_t kPollBytes = 1024 * 1024;
  static constexpr unsigned kSlotBits = 16;

  struct Slot {
    std::unique_ptr<FramedChannel> channel;
    std::uint32_t uses = 0;  // a slot that was used up for good is not in free_slots_
  };

  class KeptExposure;
  FramedLane(FramedOptions options, Fd epoll);
  FramedChannel* find(Channel channel) const noexcept;
  Result<Channel> draw_channel();
  void enqueue(FramedChannel& channel) noexcept;
  void enqueue_released() noexcept;
  void enqueue_ready();
  std::size_t service_queue(std::span<Event> events);
  void reconcile(FramedChannel& channel) noexcept;
  void erase(FramedChannel& channel);

  FramedOptions options_;
  Fd epoll_;
  FrameReaderShared shared_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<FramedChannel*> live_;
  Ring<FramedChannel*> queue_{std::size_t{1} << kSlotBits};  // what has something to do, in turn
  std::size_t paused_ = 0;
  std::uint64_t releases_seen_ = 0;
  std::vector<std::unique_ptr<KeptExposure>> kept_exposures_;
  std::size_t exposures_made_ = 0;
  std::array<epoll_event, 64> ready_{};
};

}  // namespace weft::lane
