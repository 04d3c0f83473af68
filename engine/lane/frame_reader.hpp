#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <weft/base/result.hpp>
#include <weft/lane/byte_pipe.hpp>
#include <weft/lane/event_sink.hpp>
#include <weft/lane/exposure_table.hpp>
#include <weft/lane/frame_header.hpp>
#include <weft/lane/message_pool.hpp>
#include <weft/lane/staging_pool.hpp>

namespace weft::lane {

/// What all readers of one lane share.
struct FrameReaderShared {
  ExposureTable exposures;
  MessagePool messages;
  StagingPool staging;
  std::uint64_t max_message = 0;
  std::uint64_t max_assembling = 0;  ///< long messages being read at a time; further channels wait before theirs
  std::uint64_t assembling = 0;
  std::uint64_t discarded_bytes = 0;  ///< written to keys that are not exposed (any more)
};

/// Turns one pipe's bytes into messages, bytes in exposed memory and immediates. Payloads of some size are read
/// straight to where they belong; headers and small frames come through a staging block, many in one read.
/// Trusts nothing: a header that ours would not write, or a write outside of its exposure, is Malformed and final.
/// Lives on its lane's loop.
class FrameReader {
 public:
  enum class State : std::uint8_t {
    kIdle,    ///< the pipe has nothing more now
    kMore,    ///< stopped by the budget or because the sink is full
    kPaused,  ///< waits until leases of messages are dropped
  };
  struct Limits {
    std::uint64_t first_message = 0;  ///< bytes
    bool stays = false;               ///< for all that follow as well
  };

  FrameReader(Channel channel, Limits limits, FrameReaderShared& shared)
      : channel_(channel),
        shared_(shared),
        account_(shared.messages.open_account()),
        max_message_(limits.first_message),
        stays_(limits.stays) {}
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  ~FrameReader();

  /// Reads until one of the states is reached; subtracts what it read from `budget`. An error is final.
  Result<State> advance(BytePipe& pipe, EventSink& sink, std::size_t& budget);

 private:
  enum class Phase : std::uint8_t { kHeader, kMessage, kLanding, kDiscard, kDeliver };
  static constexpr std::size_t kDirectBytes = 4096;       // shorter remainders go through staging
  static constexpr std::uint64_t kBulkBytes = 32 * 1024;  // after such a frame another is likely
  static constexpr std::uint64_t kFirstMessageBytes = 64 * 1024;

  std::size_t staged() const noexcept { return staged_end_ - staged_begin_; }
  Result<void> begin_frame();
  Result<bool> make_space();
  std::span<std::byte> space() noexcept;
  void take_staged() noexcept;
  void body_taken(std::size_t bytes) noexcept;
  void end_body() noexcept;
  void deliver(EventSink& sink);
  Result<std::size_t> fill(BytePipe& pipe);
  void drop_staging() noexcept;

  Channel channel_;
  FrameReaderShared& shared_;
  MessagePool::Account account_;
  std::uint64_t max_message_;
  bool stays_;
  bool assembles_ = false;  // is among shared_.assembling
  Phase phase_ = Phase::kHeader;
  FrameHeader header_{};
  std::uint64_t taken_ = 0;       // bytes of the body so far
  std::byte* landing_ = nullptr;  // where the body goes, in kLanding
  std::optional<MessagePool::Index> message_;
  bool spoiled_ = false;  // some bytes of the present write were discarded: its immediate would lie
  bool bulk_ = false;     // read just a header next, so that the payload behind it needs no copy
  StagingPool::Block staging_;
  std::size_t staged_begin_ = 0;
  std::size_t staged_end_ = 0;
};

}  // namespace weft::lane
