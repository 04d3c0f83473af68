#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/lane/event_sink.hpp>
#include <weft/lane/frame_header.hpp>
#include <weft/lane/lane.hpp>
#include <weft/lane/ring.hpp>

namespace weft::lane {

/// The posts of one framed channel and the bytes they become. Messages overtake writes that have not started; a
/// write is cut into frames of at most kFrameBytes, so that a message waits for a batch and no more.
/// Lives on its lane's loop. Allocates only while its rings grow to what the traffic needs.
/// Invariant: what was offered is offered again, first and unchanged, until it is consumed (TLS relies on it).
class SendQueue {
 public:
  static constexpr std::size_t kFrameBytes = 64 * 1024;
  static constexpr std::size_t kBatchBytes = 128 * 1024;  ///< of writes in one offer

  struct Limits {
    std::uint64_t window_bytes = 0;   ///< a write is taken while fewer bytes of writes are posted
    std::uint64_t message_bytes = 0;  ///< a message is taken while fewer bytes of messages are posted
  };
  explicit SendQueue(Limits limits) noexcept : limits_(limits) {}

  Posted push_message(std::span<const Gather> gather, Token token) noexcept;
  Posted push_write(std::span<const Gather> gather, std::span<const RemoteRange> remote,
                    std::optional<std::uint32_t> immediate, Token token) noexcept;

  /// Bytes of writes that may be posted now.
  std::uint64_t room() const noexcept {
    return writes_.posted_bytes < limits_.window_bytes ? limits_.window_bytes - writes_.posted_bytes : 0;
  }
  /// Whether there is anything to write to the pipe.
  bool has_unsent() const noexcept;
  /// The next ranges for the pipe; empty when there are none. Valid until `consumed`.
  std::span<const std::span<const std::byte>> offer() noexcept;
  std::size_t offered_bytes() const noexcept { return batch_bytes_ - consumed_; }
  /// The pipe took the first `bytes` of the offer.
  void consumed(std::size_t bytes) noexcept;

  /// Reports posts whose memory is no longer needed; false when the sink filled up before all were told.
  bool report(Channel channel, EventSink& sink);
  /// As `report`, for every post there is: nothing will be sent any more.
  bool report_all(Channel channel, EventSink& sink);

 private:
  static constexpr std::size_t kMaxPosts = 4096;
  static constexpr std::size_t kMaxRanges = 16384;
  static constexpr std::size_t kBatchFrames = 64;
  static constexpr std::size_t kBatchRanges = 160;

  struct Post {
    Token token;
    std::uint64_t bytes;
    std::uint32_t immediate;
    std::uint16_t gathers;  // not yet framed
    std::uint16_t remotes;  // not yet framed
    bool has_immediate;
  };
  // Posts in order: `done` are consumed by the pipe, `framed` of them (done included) are wholly in the batch. The
  // range rings hold what is not framed; their fronts shrink as a write is cut.
  struct Line {
    Ring<Post> posts{kMaxPosts};
    Ring<Gather> gathers{kMaxRanges};
    Ring<RemoteRange> remotes{kMaxRanges};
    std::size_t done = 0;
    std::size_t framed = 0;
    std::uint64_t posted_bytes = 0;
  };
  struct Frame {
    std::size_t end = 0;        // offset in the batch
    Line* completes = nullptr;  // the line whose next post ends with this frame
  };

  bool add_message() noexcept;
  bool add_write(std::size_t& write_bytes) noexcept;
  void add_frame(const FrameHeader& header, std::size_t header_range, Line* completes) noexcept;
  std::size_t take_gathers(Line& line, std::size_t wanted) noexcept;
  bool report_line(Line& line, std::size_t count, Channel channel, EventSink& sink);

  Limits limits_;
  Line messages_;
  Line writes_;

  std::array<std::array<std::byte, kFrameHeaderBytes>, kBatchFrames> headers_;
  std::array<Frame, kBatchFrames> frames_;
  std::array<std::span<const std::byte>, kBatchRanges> ranges_;
  std::size_t frame_count_ = 0;
  std::size_t frame_cursor_ = 0;
  std::size_t range_count_ = 0;
  std::size_t range_cursor_ = 0;
  std::size_t batch_bytes_ = 0;
  std::size_t consumed_ = 0;
};

}  // namespace weft::lane
