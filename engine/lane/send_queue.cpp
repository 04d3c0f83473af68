#include <weft/lane/send_queue.hpp>

#include <algorithm>
#include <cassert>

namespace weft::lane {
namespace {

std::uint64_t total_bytes(std::span<const Gather> gather) noexcept {
  std::uint64_t bytes = 0;
  for (const Gather& range : gather) bytes += range.size;
  return bytes;
}

}  // namespace

Posted SendQueue::push_message(std::span<const Gather> gather, Token token) noexcept {
  if (messages_.posted_bytes >= limits_.message_bytes) return Posted::kFull;
  if (!messages_.posts.reserve(1) || !messages_.gathers.reserve(gather.size())) return Posted::kFull;
  const std::uint64_t bytes = total_bytes(gather);
  for (const Gather& range : gather) messages_.gathers.push_back(range);
  messages_.posts.push_back({token, bytes, 0, static_cast<std::uint16_t>(gather.size()), 0, false});
  messages_.posted_bytes += bytes;
  return Posted::kTaken;
}

Posted SendQueue::push_write(std::span<const Gather> gather, std::span<const RemoteRange> remote,
                             std::optional<std::uint32_t> immediate, Token token) noexcept {
  if (room() == 0) return Posted::kFull;
  if (!writes_.posts.reserve(1) || !writes_.gathers.reserve(gather.size()) || !writes_.remotes.reserve(remote.size()))
    return Posted::kFull;
  const std::uint64_t bytes = total_bytes(gather);
  for (const Gather& range : gather) writes_.gathers.push_back(range);
  for (const RemoteRange& range : remote) writes_.remotes.push_back(range);
  writes_.posts.push_back({token, bytes, immediate.value_or(0), static_cast<std::uint16_t>(gather.size()),
                           static_cast<std::uint16_t>(remote.size()), immediate.has_value()});
  writes_.posted_bytes += bytes;
  return Posted::kTaken;
}

bool SendQueue::has_unsent() const noexcept {
  return frame_cursor_ < frame_count_ || messages_.framed < messages_.posts.size() ||
         writes_.framed < writes_.posts.size();
}

std::span<const std::span<const std::byte>> SendQueue::offer() noexcept {
  if (frame_cursor_ == frame_count_) {
    frame_count_ = frame_cursor_ = range_count_ = range_cursor_ = batch_bytes_ = consumed_ = 0;
    while (add_message()) {}
    std::size_t write_bytes = 0;
    while (write_bytes < kBatchBytes && add_write(write_bytes)) {}
  }
  return {ranges_.data() + range_cursor_, range_count_ - range_cursor_};
}

bool SendQueue::add_message() noexcept {
  if (messages_.framed == messages_.posts.size() || frame_count_ == kBatchFrames) return false;
  Post& post = messages_.posts[messages_.framed];
  if (range_count_ + 1 + post.gathers > kBatchRanges) return false;
  const std::size_t header_range = range_count_++;
  take_gathers(messages_, post.bytes);
  for (; post.gathers > 0; --post.gathers) messages_.gathers.pop_front();  // empty ranges at the end
  ++messages_.framed;
  add_frame({.kind = FrameKind::kMessage, .length = post.bytes}, header_range, &messages_);
  return true;
}

bool SendQueue::add_write(std::size_t& write_bytes) noexcept {
  if (writes_.framed == writes_.posts.size() || frame_count_ == kBatchFrames) return false;
  if (range_count_ + 2 > kBatchRanges) return false;
  Post& post = writes_.posts[writes_.framed];
  auto drop_empty = [&] {
    while (post.remotes > 1 && writes_.remotes.front().length == 0) {
      writes_.remotes.pop_front();
      --post.remotes;
    }
  };
  drop_empty();
  RemoteRange& target = writes_.remotes.front();
  const std::size_t header_range = range_count_++;
  const std::size_t bytes = take_gathers(writes_, std::min<std::uint64_t>(target.length, kFrameBytes));
  FrameHeader header{.kind = FrameKind::kWrite, .key = target.key, .offset = target.offset, .length = bytes};
  target.offset += bytes;
  target.length -= bytes;
  drop_empty();
  const bool last = post.remotes == 1 && writes_.remotes.front().length == 0;
  if (last) {
    writes_.remotes.pop_front();
    for (; post.gathers > 0; --post.gathers) writes_.gathers.pop_front();
    ++writes_.framed;
    if (post.has_immediate) header.immediate = post.immediate;
  }
  header.more = !last;
  add_frame(header, header_range, last ? &writes_ : nullptr);
  write_bytes += bytes;
  return true;
}

std::size_t SendQueue::take_gathers(Line& line, std::size_t wanted) noexcept {
  Post& post = line.posts[line.framed];
  std::size_t taken = 0;
  while (taken < wanted && post.gathers > 0 && range_count_ < kBatchRanges) {
    Gather& range = line.gathers.front();
    const std::size_t bytes = std::min(range.size, wanted - taken);
    if (bytes > 0) {
      ranges_[range_count_++] = {range.data, bytes};
      taken += bytes;
      range.data += bytes;
      range.size -= bytes;
    }
    if (range.size == 0) {
      line.gathers.pop_front();
      --post.gathers;
    }
  }
  return taken;
}

void SendQueue::add_frame(const FrameHeader& header, std::size_t header_range, Line* completes) noexcept {
  auto& bytes = headers_[frame_count_];
  encode_frame_header(header, bytes);
  ranges_[header_range] = bytes;
  batch_bytes_ += kFrameHeaderBytes + header.length;
  frames_[frame_count_++] = {batch_bytes_, completes};
}

void SendQueue::consumed(std::size_t bytes) noexcept {
  assert(bytes <= offered_bytes());
  consumed_ += bytes;
  while (bytes > 0) {
    auto& range = ranges_[range_cursor_];
    const std::size_t here = std::min(bytes, range.size());
    range = range.subspan(here);
    bytes -= here;
    if (range.empty()) ++range_cursor_;
  }
  for (; frame_cursor_ < frame_count_ && frames_[frame_cursor_].end <= consumed_; ++frame_cursor_) {
    Line* line = frames_[frame_cursor_].completes;
    if (line == nullptr) continue;
    line->posted_bytes -= line->posts[line->done].bytes;
    ++line->done;
  }
}

bool SendQueue::report_line(Line& line, std::size_t count, Channel channel, EventSink& sink) {
  for (; count > 0; --count) {
    if (sink.full()) return false;
    sink.push(Finished{channel, line.posts.front().token, line.done == 0});
    line.posts.pop_front();
    if (line.done > 0) --line.done;
    if (line.framed > 0) --line.framed;
  }
  return true;
}

bool SendQueue::report(Channel channel, EventSink& sink) {
  return report_line(messages_, messages_.done, channel, sink) && report_line(writes_, writes_.done, channel, sink);
}

bool SendQueue::report_all(Channel channel, EventSink& sink) {
  return report_line(messages_, messages_.posts.size(), channel, sink) &&
         report_line(writes_, writes_.posts.size(), channel, sink);
}

}  // namespace weft::lane
