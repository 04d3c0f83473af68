#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include <weft/lane/lane.hpp>

namespace weft::conformance {

using lane::Channel;
using lane::Token;

/// Everything one lane reported so far. Fails the test at once for an event after its channel's Down, a second Up or
/// Down, and a Finished for a token that is not posted.
class Log {
 public:
  struct Message {
    Channel channel;
    std::vector<std::byte> bytes;
  };
  struct Arrival {
    std::optional<Channel> channel;
    std::uint32_t immediate;
  };

  void take(lane::Event& event);
  /// A post was Taken: exactly one Finished with its token is owed.
  void expect_finished(Channel channel, Token token);

  bool is_up(Channel channel) const { return ups_.contains(channel); }
  bool is_down(Channel channel) const { return downs_.contains(channel); }
  /// Posts that were Taken and not Finished yet.
  std::size_t posted(Channel channel) const;
  std::size_t finished(Channel channel) const;
  std::size_t arrived(Channel channel) const;  ///< where arrivals are attributed

  std::vector<lane::Knock> knocks;
  std::vector<Message> messages;
  std::vector<Arrival> arrivals;
  std::size_t failed = 0;  ///< Finished with failed set
  /// Called at the moment an Arrived is seen.
  std::function<void(const Arrival&)> on_arrived;

 private:
  void check_alive(Channel channel) const;

  std::map<Channel, bool> ups_;
  std::map<Channel, bool> downs_;
  std::map<Channel, std::map<Token, bool>> posted_;
  std::map<Channel, std::size_t> finished_;
};

class LanePair;

/// Drives the two lanes of a pair in turn and logs what they report. Nothing is waited for by time alone: `until`
/// turns until its condition holds and fails the test when that takes ten seconds.
class Watch {
 public:
  explicit Watch(LanePair& pair) : pair_(pair) {}

  Log a;
  Log b;

  /// One poll of each lane; how many events there were.
  std::size_t turn();
  void until(std::string_view what, const std::function<bool()>& condition);
  /// Turns until nothing was reported and nothing is left to do for a while.
  void settle();
  enum class Looks : std::uint8_t {
    kAlways,
    kAwake,    ///< polls only when the lane says that it may not block, or its descriptor is readable
    kGlances,  ///< polls only when what a glance does not see is told by its descriptor; else glances
  };
  /// From now on.
  void look(Looks looks) { looks_ = looks; }

  /// Posts on A, turning while the channel is full. False when it is down.
  bool send(Channel channel, std::span<const lane::Gather> gather, Token token);
  bool write(Channel channel, std::span<const lane::Gather> gather, std::span<const lane::RemoteRange> remote,
             std::optional<std::uint32_t> immediate, Token token);

 private:
  std::size_t poll_one(lane::Lane& lane, Log& log, bool glances = false);
  std::size_t turn_awake();
  std::size_t turn_glancing();
  bool post(const std::function<lane::Posted()>& attempt, Channel channel, Token token);

  LanePair& pair_;
  Looks looks_ = Looks::kAlways;
};

}  // namespace weft::conformance
