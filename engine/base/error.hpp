#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weft {

/// What the caller can do about it, which is how failures are classed (docs/errors.md).
enum class ErrorClass : std::uint8_t {
  kInvalidArgument,    ///< the call itself was wrong; nothing was sent
  kMalformed,          ///< bytes that do not parse, or that contradict themselves
  kUnauthenticated,    ///< the peer is not who the ticket says
  kForbidden,          ///< the peer's access rules refuse this verb or name
  kNotFound,           ///< no such name, or none of the generation asked for
  kExists,             ///< it is there already
  kStale,              ///< the reference names an incarnation or generation that is gone
  kPeerUnreachable,    ///< no session could be made
  kPeerLost,           ///< a session was there and ended
  kDeadlineExceeded,   ///< the call's bound was reached
  kCancelled,          ///< the caller asked for the end
  kIntegrityFailure,   ///< a digest did not match, twice; nothing was kept
  kResourceExhausted,  ///< a local limit: memory, descriptors, disk
  kOverloaded,         ///< the peer's limit: try later
  kUnsupported,        ///< no common version, or a feature one side lacks
  kShuttingDown,       ///< this node is stopping
  kInternal,           ///< a fault of Weft's own
};
inline constexpr std::size_t kErrorClasses = 17;

/// "NotFound", "PeerLost", … Never empty; "Unknown" for a value outside the enumeration.
std::string_view to_string(ErrorClass) noexcept;

/// Where a failure happened. Empty fields were not known.
struct ErrorContext {
  std::string peer{};      ///< host name and short node id: "gpu-07 (k3v9…tq)"
  std::string lane{};      ///< "tls", "tcp", …
  std::string name{};      ///< tensor name
  std::string transfer{};  ///< transfer id as text
  std::string trace{};     ///< W3C trace id
};

/// A failure, told so that its reader knows what to do next. Cheap to copy and move (one shared pointer);
/// immutable once made, except through the `with_…` members of an rvalue, so any thread may read it.
class [[nodiscard]] Error {
 public:
  /// `operation` is the call or step that failed ("get", "fi_domain"); `message` says what was wrong with what.
  Error(ErrorClass kind, std::string operation, std::string message);
  Error(const Error&) = default;
  Error(Error&&) noexcept = default;
  Error& operator=(const Error&) = default;
  Error& operator=(Error&&) noexcept = default;
  // Not inline: g++ 12 would warn in users' code that an expected's error might be destroyed uninitialised.
  ~Error();

  ErrorClass kind() const noexcept { return kind_; }
  std::string_view operation() const noexcept;
  std::string_view message() const noexcept;
  /// The next step for a person, the same text in every face: what whoever failed said, else the one of the class.
  std::string_view hint() const noexcept;
  /// Only what whoever failed said, or empty: for whoever passes a failure on, or knows better than the class does.
  std::string_view own_hint() const noexcept;
  /// errno, libfabric's or OpenSSL's code; 0 when there is none.
  int native_code() const noexcept;
  std::string_view native_text() const noexcept;
  const ErrorContext& context() const noexcept;
  /// Whether the same call may succeed later without the caller changing anything.
  bool retryable() const noexcept;
  /// True when a push ended without a receipt although its bytes may be at the receiver.
  bool may_have_arrived() const noexcept;

  /// One line: "get: no tensor named "x" at gpu-07 (k3v9…) [NotFound]", native code and text when there are any.
  std::string to_string() const;

  Error with_hint(std::string hint) &&;
  Error with_native(int code, std::string text) &&;
  Error with_peer(std::string peer) &&;
  Error with_lane(std::string lane) &&;
  Error with_name(std::string name) &&;
  Error with_transfer(std::string transfer) &&;
  Error with_trace(std::string trace) &&;
  Error with_may_have_arrived() &&;

 private:
  struct Body;
  Body& own();  // a body of this error's own: copies are never written through

  ErrorClass kind_;
  std::shared_ptr<Body> body_;
};

/// The process exit code for a failure, as `weft` returns it (docs/errors.md): 1 to 10.
int exit_code(ErrorClass) noexcept;

}  // namespace weft
