#include "watch.hpp"

#include <poll.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "lane_suite.hpp"

namespace weft::conformance {
namespace {

constexpr std::chrono::seconds kWatchdog{60};

}  // namespace

void Log::check_alive(Channel channel) const {
  if (is_down(channel)) FAIL("an event of channel " << channel.value << " after its Down");
}

void Log::expect_finished(Channel channel, Token token) {
  if (!posted_[channel].emplace(token, true).second) FAIL("the test posted token " << token << " twice");
}

std::size_t Log::posted(Channel channel) const {
  const auto found = posted_.find(channel);
  return found == posted_.end() ? 0 : found->second.size();
}

std::size_t Log::finished(Channel channel) const {
  const auto found = finished_.find(channel);
  return found == finished_.end() ? 0 : found->second;
}

std::size_t Log::arrived(Channel channel) const {
  std::size_t count = 0;
  for (const Arrival& arrival : arrivals) count += arrival.channel == channel ? 1 : 0;
  return count;
}

void Log::take(lane::Event& event) {
  if (auto* knock = std::get_if<lane::Knock>(&event)) {
    knocks.push_back(*knock);
  } else if (auto* up = std::get_if<lane::Up>(&event)) {
    check_alive(up->channel);
    if (!ups_.emplace(up->channel, true).second) FAIL("a second Up of channel " << up->channel.value);
  } else if (auto* message = std::get_if<lane::MessageArrived>(&event)) {
    check_alive(message->channel);
    const auto bytes = message->message.bytes();
    messages.push_back({message->channel, {bytes.begin(), bytes.end()}});
  } else if (auto* arrival = std::get_if<lane::Arrived>(&event)) {
    if (arrival->channel) check_alive(*arrival->channel);
    arrivals.push_back({arrival->channel, arrival->immediate});
    if (on_arrived) on_arrived(arrivals.back());
  } else if (auto* finished = std::get_if<lane::Finished>(&event)) {
    check_alive(finished->channel);
    if (posted_[finished->channel].erase(finished->token) != 1)
      FAIL("Finished for token " << finished->token << ", which is not posted");
    ++finished_[finished->channel];
    failed += finished->failed ? 1 : 0;
  } else if (auto* down = std::get_if<lane::Down>(&event)) {
    check_alive(down->channel);
    downs_.emplace(down->channel, true);
    if (posted(down->channel) != 0) FAIL("Down before every post of its channel was Finished");
  }
  event = std::monostate{};
}

std::size_t Watch::poll_one(lane::Lane& lane, Log& log, bool glances) {
  std::array<lane::Event, 13> events;  // few and odd, so that poll is often cut short
  const std::size_t count = glances ? lane.glance(events) : lane.poll(events);
  REQUIRE(count <= events.size());
  for (std::size_t i = 0; i < count; ++i) log.take(events[i]);
  return count;
}

std::size_t Watch::turn() {
  pair_.step();
  if (looks_ == Looks::kAwake) return turn_awake();
  if (looks_ == Looks::kGlances) return turn_glancing();
  const std::size_t from_a = poll_one(pair_.a(), a);
  return from_a + poll_one(pair_.b(), b);
}

/// Polls only a lane that may not block or whose descriptor is readable, as its loop would.
std::size_t Watch::turn_awake() {
  std::array<pollfd, 2> descriptors{pollfd{pair_.a().waitable(), POLLIN, 0}, pollfd{pair_.b().waitable(), POLLIN, 0}};
  const bool a_sleeps = pair_.a().may_block();
  const bool b_sleeps = pair_.b().may_block();
  const auto watchdog_ms = static_cast<int>(std::chrono::milliseconds{kWatchdog}.count());
  const int ready = ::poll(descriptors.data(), descriptors.size(), a_sleeps && b_sleeps ? watchdog_ms : 0);
  if (a_sleeps && b_sleeps && ready == 0) FAIL("both lanes sleep over work to do");
  std::size_t events = 0;
  if (!a_sleeps || descriptors[0].revents != 0) events += poll_one(pair_.a(), a);
  if (!b_sleeps || descriptors[1].revents != 0) events += poll_one(pair_.b(), b);
  return events;
}

std::size_t Watch::turn_glancing() {
  std::array<pollfd, 2> unseen{pollfd{pair_.a().unseen(), POLLIN, 0}, pollfd{pair_.b().unseen(), POLLIN, 0}};
  ::poll(unseen.data(), unseen.size(), 0);
  const std::size_t events = poll_one(pair_.a(), a, unseen[0].revents == 0);
  return events + poll_one(pair_.b(), b, unseen[1].revents == 0);
}

void Watch::until(std::string_view what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kWatchdog;
  while (!condition()) {
    turn();
    if (std::chrono::steady_clock::now() > deadline) FAIL("waited in vain: " << std::string{what});
  }
}

void Watch::settle() {
  for (int quiet = 0; quiet < 200; ++quiet) {
    if (turn() > 0) quiet = 0;
  }
}

bool Watch::post(const std::function<lane::Posted()>& attempt, Channel channel, Token token) {
  bool taken = false;
  until("a post that was full to be taken", [&] {
    const auto posted = attempt();
    taken = posted == lane::Posted::kTaken;
    return posted != lane::Posted::kFull;
  });
  if (taken) a.expect_finished(channel, token);
  return taken;
}

bool Watch::send(Channel channel, std::span<const lane::Gather> gather, Token token) {
  return post([&] { return pair_.a().send(channel, gather, token); }, channel, token);
}

bool Watch::write(Channel channel, std::span<const lane::Gather> gather, std::span<const lane::RemoteRange> remote,
                  std::optional<std::uint32_t> immediate, Token token) {
  return post([&] { return pair_.a().write(channel, gather, remote, immediate, token); }, channel, token);
}

}  // namespace weft::conformance
