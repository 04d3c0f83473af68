#include <catch2/catch_test_macros.hpp>

#include <initializer_list>
#include <optional>
#include <vector>

#include <weft/transfer/core.hpp>
#include <weft/wire/codec.hpp>

/// Which of a peer's sessions stays.
namespace weft::transfer {
namespace {

NodeId node(int number) { return {.bytes = {static_cast<std::byte>(number)}}; }

class Sessions {
 public:
  SessionKey come(int incarnation, bool dialled = false) {
    const SessionKey key = core_.session_up(
        {.peer = node(2),
         .dialled = dialled,
         .stream = {.name = Lane::kTls, .max_message = 1 << 20, .gather = 4, .scatter = 4, .piece_bytes = kLeafBytes}},
        now_);
    const auto frame =
        unwrap(encoder_.encode(wire::Hello{.incarnation = {.bytes = {static_cast<std::byte>(incarnation)}},
                                           .version_min = wire::kVersion,
                                           .version_max = wire::kVersion,
                                           .max_open_transfers = 16,
                                           .max_message_bytes = 1 << 20,
                                           .piece_bytes = kLeafBytes}));
    core_.on_message(key, frame, now_);
    now_ += std::chrono::seconds(1);
    return key;
  }
  void go(SessionKey key) { core_.session_down(key, Error(ErrorClass::kPeerLost, "session", "gone"), now_); }
  /// Of each whether it stays.
  std::vector<bool> stay(std::initializer_list<SessionKey> keys) const {
    std::vector<bool> all;
    for (const SessionKey key : keys) {
      const auto info = core_.session(key);
      all.push_back(info && info->established && !info->closing);
    }
    return all;
  }
  /// The one that is asked when this node wants something of the peer.
  std::optional<SessionKey> asked() const { return core_.session_with(node(2)); }

 private:
  TimePoint now_{std::chrono::hours(1)};
  Catalog catalog_;
  wire::Encoder encoder_;
  Core core_{{.self = node(1), .incarnation = {.bytes = {std::byte{1}}}, .access = Access::any()}, catalog_};
};

TEST_CASE("sessions: processes with one key have one each", "[F32]") {
  Sessions sessions;
  const auto first = sessions.come(1);
  const auto second = sessions.come(2);
  const auto third = sessions.come(3);
  CHECK(sessions.stay({first, second, third}) == std::vector{true, true, true});
  CHECK(sessions.asked() == third);
  sessions.go(third);
  CHECK(sessions.asked() == second);
  sessions.go(first);
  CHECK(sessions.asked() == second);
  sessions.go(second);
  CHECK_FALSE(sessions.asked());
}

TEST_CASE("sessions: a process that comes again has only the newer one", "[F32]") {
  Sessions sessions;
  const auto first = sessions.come(1);
  const auto other = sessions.come(2);
  const auto again = sessions.come(2);
  CHECK(sessions.stay({first, other, again}) == std::vector{true, false, true});
  CHECK(sessions.asked() == again);
}

TEST_CASE("sessions: what we dialled is asked, whoever else comes with its key", "[F32]") {
  Sessions sessions;
  const auto before = sessions.come(1);
  const auto ours = sessions.come(2, /*dialled=*/true);
  const auto after = sessions.come(3);
  CHECK(sessions.stay({before, ours, after}) == std::vector{true, true, true});
  CHECK(sessions.asked() == ours);
  const auto restarted = sessions.come(4, /*dialled=*/true);
  CHECK(sessions.stay({before, ours, after}) == std::vector{true, false, true});
  CHECK(sessions.asked() == restarted);
  sessions.go(restarted);
  CHECK(sessions.asked() == after);
}

}  // namespace
}  // namespace weft::transfer
