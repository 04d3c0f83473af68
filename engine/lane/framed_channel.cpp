#include <weft/lane/framed_channel.hpp>

#include <sys/epoll.h>

#include <algorithm>

namespace weft::lane {

void FramedChannel::go_down(Error why) noexcept {
  if (down_) return;
  down_ = std::move(why);
  pipe_.reset();
}

void FramedChannel::flush_now() {
  std::size_t work = kTurnBytes;
  if (is_up()) flush(work);
}

FramedChannel::Next FramedChannel::service(EventSink& sink, std::size_t& work) {
  if (down_) return finish(sink);
  if (!up_) {
    if (sink.full()) return Next::kAgain;
    sink.push(Up{id_});
    up_ = true;
  }
  flush(work);
  const bool told = out_.report(id_, sink);

  const std::size_t allowed = std::min(kTurnBytes, std::max<std::size_t>(work, 1));
  std::size_t budget = allowed;
  const auto state = in_.advance(*pipe_, sink, budget);
  work -= std::min(work, allowed - budget);
  heard_ = heard_ || budget != allowed;
  if (!state) {
    go_down(state.error());
  } else if (write_error_ && *state != FrameReader::State::kMore) {
    go_down(std::move(*write_error_));
  }
  if (down_) return finish(sink);
  paused_ = *state == FrameReader::State::kPaused;
  const bool more = !told || *state == FrameReader::State::kMore || (out_.has_unsent() && !blocked_) ||
                    (!paused_ && pipe_->has_buffered());
  return more ? Next::kAgain : Next::kWait;
}

void FramedChannel::flush(std::size_t& work) {
  if (blocked_ || write_error_) return;
  std::size_t written = 0;
  while (written < kTurnBytes) {
    const auto ranges = out_.offer();
    if (ranges.empty() && !pipe_->wants_write()) break;
    const auto bytes = pipe_->write(ranges);
    if (!bytes) {
      write_error_ = bytes.error();
      break;
    }
    out_.consumed(*bytes);
    written += *bytes;
    if (out_.offered_bytes() > 0) blocked_ = true;
    if (blocked_ || ranges.empty()) break;
  }
  work -= std::min(work, written);
}

FramedChannel::Next FramedChannel::finish(EventSink& sink) {
  if (!out_.report_all(id_, sink) || sink.full()) return Next::kAgain;
  sink.push(Down{id_, std::move(*down_)});
  return Next::kGone;
}

std::uint32_t FramedChannel::interest() const noexcept {
  if (!pipe_) return 0;
  std::uint32_t events = paused_ ? 0U : static_cast<std::uint32_t>(EPOLLIN);
  if (blocked_ || pipe_->wants_write()) events |= EPOLLOUT;
  return events;
}

}  // namespace weft::lane
