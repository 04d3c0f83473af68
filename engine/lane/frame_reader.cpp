#include <weft/lane/frame_reader.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/base/checked.hpp>

namespace weft::lane {

FrameReader::~FrameReader() {
  if (message_) shared_.messages.release(*message_);
  if (assembles_) --shared_.assembling;
  shared_.messages.close_account(account_);
  shared_.staging.give_back(std::move(staging_));
}

Result<FrameReader::State> FrameReader::advance(BytePipe& pipe, EventSink& sink, std::size_t& budget) {
  // The exposure may have been revoked since the last call; during this one nobody else runs.
  if (phase_ == Phase::kLanding && shared_.exposures.find(header_.key, channel_) == nullptr) {
    phase_ = Phase::kDiscard;
    spoiled_ = true;
  }
  bool read = false;
  for (;;) {
    if (phase_ == Phase::kDeliver) {
      if (sink.full()) return State::kMore;
      deliver(sink);
      continue;
    }
    if (phase_ == Phase::kHeader && staged() >= kFrameHeaderBytes) {
      WEFT_TRY(begin_frame());
      continue;
    }
    if (phase_ == Phase::kMessage && space().empty()) {
      WEFT_LET(const bool made, make_space());
      if (!made) return State::kPaused;
    }
    if (phase_ != Phase::kHeader && staged() > 0) {
      take_staged();
      continue;
    }
    if (budget == 0) return State::kMore;
    if (read && pipe.is_drained()) return State::kIdle;
    WEFT_LET(const std::size_t bytes, fill(pipe));
    if (bytes == 0) return State::kIdle;
    read = true;
    budget -= std::min(budget, bytes);
  }
}

Result<void> FrameReader::begin_frame() {
  const std::span<const std::byte, kFrameHeaderBytes> bytes{staging_->data() + staged_begin_, kFrameHeaderBytes};
  WEFT_LET(header_, decode_frame_header(bytes, max_message_));
  staged_begin_ += kFrameHeaderBytes;
  taken_ = 0;
  bulk_ = header_.kind == FrameKind::kWrite && header_.length >= kBulkBytes;
  if (header_.kind == FrameKind::kMessage) {
    phase_ = Phase::kMessage;
  } else if (const auto* entry = shared_.exposures.find(header_.key, channel_); entry == nullptr) {
    phase_ = Phase::kDiscard;
    spoiled_ = true;
  } else if (!within<std::uint64_t>(header_.offset, header_.length, entry->region.size)) {
    return fail(ErrorClass::kMalformed, "frame", "a write outside of its exposure");
  } else {
    phase_ = Phase::kLanding;
    landing_ = entry->region.data + header_.offset;
  }
  if (header_.length == 0) end_body();
  return {};
}

/// Room for more of the message; false when it must wait for leases of this channel.
Result<bool> FrameReader::make_space() {
  if (header_.length > kFirstMessageBytes && !assembles_) {
    if (shared_.assembling == shared_.max_assembling) return false;
    ++shared_.assembling;
    assembles_ = true;
  }
  const std::uint64_t wanted =
      std::min(header_.length, message_ ? 2 * shared_.messages.memory(*message_).size() : kFirstMessageBytes);
  auto memory = message_ ? shared_.messages.grow(*message_, taken_, wanted) : shared_.messages.take(account_, wanted);
  if (memory) {
    message_ = *memory;
    return true;
  }
  if (memory.error() == MessagePool::Refusal::kAccount) return false;
  return fail(Error{ErrorClass::kResourceExhausted, "receive", "no memory is left for a peer's message"}.with_hint(
      "too many peers send long messages at once; raise the message budget or lower the number of sessions"));
}

std::span<std::byte> FrameReader::space() noexcept {
  const std::uint64_t left = header_.length - taken_;
  if (phase_ == Phase::kLanding) return {landing_ + taken_, left};
  if (phase_ != Phase::kMessage || !message_) return {};
  const auto memory = shared_.messages.memory(*message_);
  return memory.subspan(taken_, std::min<std::uint64_t>(left, memory.size() - taken_));
}

void FrameReader::take_staged() noexcept {
  const std::size_t bytes =
      std::min<std::uint64_t>(staged(), phase_ == Phase::kDiscard ? header_.length - taken_ : space().size());
  if (phase_ != Phase::kDiscard) std::memcpy(space().data(), staging_->data() + staged_begin_, bytes);
  staged_begin_ += bytes;
  body_taken(bytes);
}

void FrameReader::body_taken(std::size_t bytes) noexcept {
  if (phase_ == Phase::kDiscard) shared_.discarded_bytes += bytes;
  taken_ += bytes;
  if (taken_ == header_.length) end_body();
}

void FrameReader::end_body() noexcept {
  if (header_.kind == FrameKind::kMessage) {
    phase_ = Phase::kDeliver;
    return;
  }
  phase_ = header_.immediate && !spoiled_ ? Phase::kDeliver : Phase::kHeader;
  if (!header_.more) spoiled_ = false;
}

void FrameReader::deliver(EventSink& sink) {
  phase_ = Phase::kHeader;
  if (header_.kind == FrameKind::kWrite) {
    sink.push(Arrived{channel_, *header_.immediate});
  } else if (!message_) {
    sink.push(MessageArrived{channel_, MessageLease{}});
  } else {
    const auto bytes = shared_.messages.memory(*message_).first(header_.length);
    sink.push(MessageArrived{channel_, MessageLease{bytes, &shared_.messages, *message_}});
    message_.reset();
  }
  if (header_.kind != FrameKind::kMessage) return;
  if (std::exchange(assembles_, false)) --shared_.assembling;  // who waits looks again when the lease is dropped
  if (!stays_) max_message_ = shared_.max_message;
}

Result<std::size_t> FrameReader::fill(BytePipe& pipe) {
  if (const auto direct = space(); phase_ != Phase::kHeader && direct.size() >= kDirectBytes) {
    drop_staging();
    WEFT_LET(const std::size_t bytes, pipe.read(direct));
    if (bytes > 0) body_taken(bytes);
    return bytes;
  }
  if (!staging_) staging_ = shared_.staging.take();
  if (staged_begin_ > 0) {
    std::memmove(staging_->data(), staging_->data() + staged_begin_, staged());  // a part of a header at most
    staged_end_ = staged();
    staged_begin_ = 0;
  }
  const bool header_only = phase_ == Phase::kHeader && bulk_;
  const std::size_t wanted = (header_only ? kFrameHeaderBytes : StagingPool::kBlockBytes) - staged_end_;
  auto bytes = pipe.read({staging_->data() + staged_end_, wanted});
  if (bytes) staged_end_ += *bytes;
  if (staged() == 0) drop_staging();
  return bytes;
}

void FrameReader::drop_staging() noexcept {
  shared_.staging.give_back(std::move(staging_));
  staged_begin_ = staged_end_ = 0;
}

}  // namespace weft::lane
