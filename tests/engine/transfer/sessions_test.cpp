#include <catch2/catch_test_macros.hpp>

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
  bool stays(SessionKey key) const {
    const auto info = core_.session(key);
    return info && info->established && !info->closing;
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
  CHECK(sessions.stays(first));
  CHECK(sessions.stays(second));
  CHECK(sessions.stays(third));
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
  CHECK(sessions.stays(first));
  CHECK_FALSE(sessions.stays(other));
  CHECK(sessions.stays(again));
  CHECK(sessions.asked() == again);
}

TEST_CASE("sessions: what we dialled is asked, whoever else comes with its key", "[F32]") {
  Sessions sessions;
  const auto before = sessions.come(1);
  const auto ours = sessions.come(2, /*dialled=*/true);
  const auto after = sessions.come(3);
  CHECK(sessions.stays(before));
  CHECK(sessions.stays(after));
  CHECK(sessions.asked() == ours);
  const auto restarted = sessions.come(4, /*dialled=*/true);
  CHECK_FALSE(sessions.stays(ours));
  CHECK(sessions.asked() == restarted);
  sessions.go(restarted);
  CHECK(sessions.asked() == after);
}

}  // namespace
}  // namespace weft::transfer
