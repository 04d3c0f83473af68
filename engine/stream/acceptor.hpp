#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>
#include <weft/stream/handshake.hpp>
#include <weft/stream/listener.hpp>
#include <weft/stream/poller.hpp>
#include <weft/stream/socket_address.hpp>
#include <weft/stream/tls_context.hpp>
#include <weft/stream/tls_pipe.hpp>

namespace weft::stream {

/// What an acceptor holds for strangers. A connection is half-open from its accept to the end of its handshake.
struct AcceptorLimits {
  std::size_t half_open = 128;  ///< of all sources
  std::size_t half_open_per_source = 16;
  bool cap_local = false;  ///< whether a source on this host is held to it too: all of its users are one
  Duration handshake_time = kHandshakeTime;
  /// A half-open connection that is older may be dropped for a newer one: an honest handshake takes milliseconds.
  Duration patience = std::chrono::milliseconds{250};
  Duration shortage_pause = std::chrono::milliseconds{100};  ///< after the system was out of descriptors
  std::size_t steps_per_poll = 8;  ///< handshake steps; one costs up to a millisecond of the loop
  std::size_t accepts_per_poll = 32;
};

/// Turns strangers into authenticated pipes: listeners, half-open connections and their deadlines. One loop owns it;
/// nothing blocks; no thread. Invariant: at most `half_open` strangers are held, each at most `handshake_time`. At the
/// limit the oldest of the busiest source gives way once it is older than `patience`; else connections wait in the
/// kernel's queue. A source at its own limit loses its oldest likewise, or is refused at once (it learns Overloaded).
class Acceptor {
 public:
  /// One connection's end: a pipe (the peer's id is pipe->peer()), or why there is none.
  struct Incoming {
    SocketAddress address{};  ///< the peer's; our own listener's when accepting itself failed
    bool is_local = false;    ///< over loopback or a Unix socket
    Result<std::unique_ptr<TlsPipe>> pipe;
  };
  struct Counts {
    std::uint64_t accepted = 0, finished = 0, refused = 0, evicted = 0, timed_out = 0, failed = 0, shortages = 0;
  };

  /// ResourceExhausted: out of descriptors.
  static Result<Acceptor> open(TlsContext context, AcceptorLimits limits = {});

  /// Opens a listener and returns its address with the real port. Errors as Listener::open.
  Result<SocketAddress> listen(const SocketAddress& address);
  /// Closes the listeners and drops what is half-open. Idempotent.
  void stop();

  /// Makes progress; what ended. To be called when waitable() is readable and at next_timer(). Bounded work.
  std::vector<Incoming> poll(TimePoint now);
  int waitable() const noexcept { return poller_.descriptor(); }
  /// kNever when there is nothing to wait for but the descriptor.
  TimePoint next_timer() const;

  std::size_t half_open() const noexcept { return half_open_.size(); }
  const Counts& counts() const noexcept { return counts_; }

 private:
  struct HalfOpen {
    SocketAddress address{};
    std::string source{};
    TimePoint since{};
    Fd fd{};                               // silent so far
    std::optional<Handshake> handshake{};  // from its first bytes on: a silent one costs no more than a descriptor
    bool writing = false;
    int descriptor() const noexcept { return handshake ? handshake->descriptor() : fd.get(); }
  };
  using HalfOpens = std::map<std::uint64_t, HalfOpen>;  // ids grow, so the first is the oldest

  Acceptor(TlsContext context, AcceptorLimits limits, Poller poller);
  void accept_from(Listener& listener, TimePoint now, std::vector<Incoming>& out);
  void admit(Listener::Accepted accepted, TimePoint now, std::vector<Incoming>& out);
  bool make_room(const std::string* source, TimePoint now, std::vector<Incoming>& out);
  void step(HalfOpens::iterator it, TimePoint now, std::vector<Incoming>& out);
  Result<std::unique_ptr<TlsPipe>> advance(HalfOpen& half, std::uint64_t id, TimePoint now);
  void expire(TimePoint now, std::vector<Incoming>& out);
  void finish(HalfOpens::iterator it, Result<std::unique_ptr<TlsPipe>> result, std::vector<Incoming>& out);
  void pause(TimePoint until, bool for_room);
  void resume();
  void watch_listeners(Poller::Interest interest);

  TlsContext context_;
  AcceptorLimits limits_;
  Poller poller_;
  std::vector<std::unique_ptr<Listener>> listeners_{};  // their ids are their indices
  HalfOpens half_open_{};
  std::unordered_map<std::string, std::size_t> by_source_{};
  std::uint64_t next_id_ = std::uint64_t{1} << 32;
  TimePoint paused_until_ = kNever;
  bool paused_ = false;
  bool paused_for_room_ = false;
  Counts counts_{};
};

}  // namespace weft::stream
