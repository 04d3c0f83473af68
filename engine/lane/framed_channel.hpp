#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <weft/lane/byte_pipe.hpp>
#include <weft/lane/frame_reader.hpp>
#include <weft/lane/lane.hpp>
#include <weft/lane/send_queue.hpp>

namespace weft::lane {

/// One pipe and what flows over it, both ways. Lives on its lane's loop.
/// Life: adopted → Up reported → going down (the pipe is gone from here on) → Down reported.
class FramedChannel {
 public:
  enum class Next : std::uint8_t {
    kWait,   ///< until the descriptor is ready, a post comes or a lease is dropped
    kAgain,  ///< there is more to do right away
    kGone,   ///< Down was reported
  };

  FramedChannel(Channel id, std::unique_ptr<BytePipe> pipe, SendQueue::Limits limits, FrameReader::Limits reads,
                FrameReaderShared& shared)
      : id_(id), pipe_(std::move(pipe)), out_(limits), in_(id, reads, shared) {}

  Channel id() const noexcept { return id_; }
  /// May be posted to: Up was reported and nothing has ended it.
  bool is_up() const noexcept { return up_ && !down_; }
  bool is_down() const noexcept { return down_.has_value(); }
  SendQueue& out() noexcept { return out_; }
  const SendQueue& out() const noexcept { return out_; }

  /// Ends the channel: the pipe is closed at once, the events that are left follow from `service`.
  void go_down(Error why) noexcept;
  /// The descriptor may have become writable.
  void try_writing() noexcept { blocked_ = false; }
  /// Writes what was posted; what comes of it is reported by `service`.
  void flush_now();
  /// Writes, reads and reports, within bounds; subtracts the bytes moved from `work`.
  Next service(EventSink& sink, std::size_t& work);

  /// Waits for leases of its messages; its descriptor is not of interest for reading.
  bool is_paused() const noexcept { return paused_; }
  /// Whether bytes came since this was asked last, or it is this side that does not read.
  bool take_heard() noexcept { return std::exchange(heard_, false) || paused_; }
  /// The epoll events it waits for; 0 when the pipe is gone.
  std::uint32_t interest() const noexcept;
  int descriptor() const noexcept { return pipe_ ? pipe_->descriptor() : -1; }

  bool queued = false;           ///< stands in the lane's queue
  std::uint32_t registered = 0;  ///< the epoll events asked for at present

 private:
  static constexpr std::size_t kTurnBytes = 256 * 1024;  // one way, a call

  void flush(std::size_t& work);
  Next finish(EventSink& sink);

  Channel id_;
  std::unique_ptr<BytePipe> pipe_;
  SendQueue out_;
  FrameReader in_;
  bool up_ = false;
  bool blocked_ = false;
  bool paused_ = false;
  bool heard_ = false;
  std::optional<Error> write_error_;  // what the peer said before it is still to be read
  std::optional<Error> down_;
};

}  // namespace weft::lane
