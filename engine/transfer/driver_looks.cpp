#include <algorithm>
#include <array>
#include <utility>

#include <weft/transfer/driver.hpp>

/// How the driver looks at its lanes, and when it need not.
namespace weft::transfer {
namespace {

// A lane on which pieces come as fast as they are taken would keep a turn to itself, and small messages waiting.
constexpr std::uint64_t kBytesAtOnce = 1024 * 1024;
constexpr std::size_t kEventsAtOnce = 64;
constexpr Duration kHearAgain = std::chrono::milliseconds(100);

}  // namespace

/// Before sessions are taken for silent: a long message on a slow link is being heard, though it is not whole.
void Driver::listen_to_sessions(TimePoint now) {
  if (now < next_hearing_) return;
  next_hearing_ = now + kHearAgain;
  for (LiveSession& session : sessions_)
    for (const RailChannel& channel : session.rails)
      if (channel.number == 0 && lanes_[channel.lane]->heard(channel.channel)) core_->heard(session.key, now);
}

/// Its sender had all that it said on rails taken before: that is here, though nobody looked yet.
void Driver::look_before_bye(std::size_t stream, TimePoint now) {
  std::array<lane::Event, 64> events{};
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (i == stream || lanes_[i]->traits().max_message == 0) continue;
    const std::size_t count = lanes_[i]->glance(events);
    for (std::size_t e = 0; e < count; ++e) on_event(i, events[e], now);
  }
}

bool Driver::look(std::size_t i, bool all, bool everywhere, TimePoint now) {
  lane::Lane& lane = *lanes_[i];
  Watch& watch = watches_[i];
  const bool poll = std::exchange(watch.told, false) || everywhere || !sees_memory();
  if (!poll && watch.channels == 0 && listening_until_[i] == kNever) return false;
  // A rail that carries nothing is looked at now and then: polling libfabric's tcp costs several system calls.
  if (!all && lane.traits().max_message == 0 && lane.waitable() >= 0) return false;
  const std::uint64_t before = core_->bytes_in();
  for (std::size_t seen = 0;;) {
    const std::size_t count = poll ? lane.poll(events_) : lane.glance(events_);
    for (std::size_t e = 0; e < count; ++e) on_event(i, events_[e], now);
    seen += count;
    if (count < events_.size()) return seen != 0;
    watches_[i].told = watches_[i].told || poll;  // there may be more
    if (seen >= kEventsAtOnce || core_->bytes_in() - before >= kBytesAtOnce) return true;
  }
}

bool Driver::may_block() {
  if (since_all_ != 0) {
    look_everywhere();
    return false;
  }
  for (lane::Lane* lane : lanes_) {
    if (lane->may_block()) continue;
    look_everywhere();  // it may want one more poll, which a turn for memory alone would not be
    return false;
  }
  return true;
}

}  // namespace weft::transfer
