#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>
#include <weft/stream/connector.hpp>
#include <weft/stream/handshake.hpp>
#include <weft/stream/poller.hpp>
#include <weft/stream/socket_address.hpp>
#include <weft/stream/tls_context.hpp>
#include <weft/stream/tls_pipe.hpp>

namespace weft::stream {

/// Whom to reach, and where it may be. Names are resolved before (resolve_address, on a worker).
struct DialTarget {
  NodeId node{};
  std::vector<SocketAddress> addresses{};  ///< the first 8 are tried, all at once
};

/// A dial's name within its Dialer; never reused.
using DialId = std::uint64_t;

/// Makes authenticated pipes to nodes: each dial tries its addresses in parallel, the first one behind which the node
/// itself answers wins and the rest are closed. One loop owns it; nothing blocks; no thread.
class Dialer {
 public:
  struct Reached {
    std::unique_ptr<TlsPipe> pipe;
    SocketAddress address{};  ///< the one that won
  };
  /// Why a dial failed is Unauthenticated when another node answered anywhere, else Unsupported, Overloaded or
  /// ResourceExhausted when an address failed so, else PeerUnreachable. The message lists every address with its cause;
  /// the native code is that of the first cause.
  struct Outcome {
    DialId id = 0;
    Result<Reached> result;
  };

  /// ResourceExhausted: out of descriptors.
  static Result<Dialer> open(TlsContext context);

  /// Begins; one Outcome follows from a later poll, by `deadline` at the latest.
  DialId dial(DialTarget target, TimePoint deadline, TimePoint now);
  /// No Outcome follows. For a dial that is unknown or over nothing happens.
  void cancel(DialId id);

  /// Makes progress; the dials that ended. To be called when waitable() is readable and at next_timer(). Bounded work.
  std::vector<Outcome> poll(TimePoint now);
  int waitable() const noexcept { return poller_.descriptor(); }
  /// kNever when there is nothing to wait for but the descriptor; may be in the past when an outcome is ready.
  TimePoint next_timer() const;
  std::size_t pending() const noexcept { return dials_.size(); }

 private:
  struct Attempt {
    SocketAddress address{};
    std::variant<std::monostate, Connector, Handshake> state{};
    std::optional<Error> failed{};
    TimePoint deadline{};
    bool writing = true;
  };
  struct Dial {
    NodeId node{};
    TimePoint deadline{};
    std::vector<Attempt> attempts{};
    TimePoint next_timer() const;
    bool is_over() const;
  };
  using Dials = std::map<DialId, Dial>;

  Dialer(TlsContext context, Poller poller);
  void start(Attempt& attempt, std::uint64_t watch);
  void step(Dials::iterator it, std::size_t index, TimePoint now, std::vector<Outcome>& out);
  Result<std::unique_ptr<TlsPipe>> advance(const Dial& dial, Attempt& attempt, std::uint64_t watch, TimePoint now);
  static void expire(Dial& dial, TimePoint now);
  static Error failure_of(const Dial& dial);

  TlsContext context_;
  Poller poller_;
  Dials dials_{};
  DialId next_id_ = 1;
};

}  // namespace weft::stream
