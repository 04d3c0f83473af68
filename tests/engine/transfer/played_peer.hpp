#pragma once

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/transfer/core.hpp>
#include <weft/wire/codec.hpp>

namespace weft::transfer::test {

/// A core with one session, whose peer and lanes are played by the test: no driver, no network. Rails carry messages.
class PlayedPeer {
 public:
  /// What the core said; of what it borrows only numbers are looked at.
  struct Said {
    wire::Message message{};
    std::vector<std::byte> bytes{};
  };

  PlayedPeer()
      : core_({.self = {.bytes = {std::byte{1}}},
               .incarnation = {.bytes = {std::byte{1}}},
               .access = Access::any(),
               .random = [] { return std::uint64_t{4}; },
               .wall_clock = {}},
              catalog_) {
    session_ = core_.session_up(
        {.peer = peer(),
         .stream = {.name = Lane::kTls, .max_message = 1 << 20, .gather = 4, .scatter = 4, .piece_bytes = kLeafBytes},
         .rail_lanes = lanes_},
        now_);
    hear(wire::Hello{.incarnation = {.bytes = {std::byte{2}}},
                     .version_min = wire::kVersion,
                     .version_max = wire::kVersion,
                     .max_open_transfers = 1024,
                     .max_message_bytes = 1 << 20,
                     .piece_bytes = kLeafBytes,
                     .lanes = lanes_});
    said_on(0);
  }

  Core& core() { return core_; }
  static NodeId peer() { return {.bytes = {std::byte{2}}}; }
  RailRef rail(std::uint16_t number) const { return {.session = session_, .number = number}; }
  TimePoint now() const { return now_; }
  void pass(Duration time) {
    now_ += time;
    core_.on_timer(now_);
  }

  void hear(const wire::Message& message, std::span<const std::byte> payload = {}) {
    core_.on_message(session_, encoded(message, payload), now_);
  }
  void hear_on(std::uint16_t number, const wire::Message& message, std::span<const std::byte> payload = {}) {
    core_.on_rail_message(rail(number), encoded(message, payload), now_);
  }
  /// Everything the core has to send or write on a rail (0: the stream) now; each post finishes at once.
  std::vector<Said> said_on(std::uint16_t number) {
    std::vector<Said> said;
    while (const Post* post = core_.peek(rail(number), 1 << 20, now_)) {
      if (post->is_message) said.push_back(decoded(*post));
      const lane::Token token = post->token;
      core_.posted(now_);
      core_.on_finished(token, false, now_);
    }
    return said;
  }
  template <class Kind>
  std::vector<Kind> said_on(std::uint16_t number) {
    std::vector<Kind> found;
    for (const Said& one : said_on(number))
      if (const auto* kind = std::get_if<Kind>(&one.message)) found.push_back(*kind);
    return found;
  }
  /// The first action of that kind; others before it are answered by nobody.
  template <class Kind>
  std::optional<Kind> action() {
    while ((action_ = core_.next_action()))
      if (auto* kind = std::get_if<Kind>(&*action_)) return std::move(*kind);
    return std::nullopt;
  }
  /// The peer, who dialled the session, dials a rail of even number.
  void open_rail(std::uint16_t number) {
    hear(wire::RailRequest{.number = number, .lane = Lane::kVerbs});
    REQUIRE(action<ListenRail>());
    be_dialled(number);
  }
  /// The core invites the peer to a rail, and the peer dials it. None: it has not.
  std::optional<std::uint16_t> dial_invited() {
    const auto invited = action<ListenRail>();
    if (!invited) return std::nullopt;
    be_dialled(invited->rail.number);
    return invited->rail.number;
  }
  void lose_rail(std::uint16_t number) {
    core_.on_rail_down(rail(number), Error(ErrorClass::kPeerLost, "rail", "pulled out"), now_);
  }

 private:
  void be_dialled(std::uint16_t number) {
    core_.on_rail_listening(rail(number), std::string("fake"), now_);
    const auto answers = said_on<wire::RailRequest>(0);
    REQUIRE_FALSE(answers.empty());
    REQUIRE(core_.admit_rail(session_, number, answers.back().nonce, now_));
    core_.on_rail_up(rail(number),
                     {.name = Lane::kVerbs, .max_message = 8192, .gather = 4, .scatter = 4, .piece_bytes = kLeafBytes},
                     now_);
  }
  std::span<const std::byte> encoded(const wire::Message& message, std::span<const std::byte> payload) {
    const auto head = unwrap(encoder_.encode(message, payload.size()));
    frame_.assign(head.begin(), head.end());
    frame_.insert(frame_.end(), payload.begin(), payload.end());
    return frame_;
  }
  Said decoded(const Post& post) {
    Said said{.bytes = {post.gather[0].data, post.gather[0].data + post.gather[0].size}};
    said.message = unwrap(decoder_.decode(said.bytes)).message;
    return said;
  }

  std::array<wire::LaneOffer, 1> offer_{wire::LaneOffer{.lane = Lane::kVerbs, .provider = "fake", .wire_version = 1}};
  std::vector<wire::LaneOffer> lanes_{offer_.begin(), offer_.end()};
  TimePoint now_{std::chrono::hours(1)};
  Catalog catalog_;
  Core core_;
  SessionKey session_{};
  std::optional<Action> action_{};
  wire::Encoder encoder_;
  std::vector<std::byte> frame_{};
  wire::Decoder decoder_;
};

}  // namespace weft::transfer::test
