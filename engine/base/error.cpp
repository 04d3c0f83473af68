#include <weft/base/error.hpp>

#include <array>
#include <utility>

#include <fmt/format.h>

#include <weft/base/error_hint.hpp>

namespace weft {

struct Error::Body {
  std::string operation{};
  std::string message{};
  std::string hint{};
  int native_code = 0;
  std::string native_text{};
  ErrorContext context{};
  bool may_have_arrived = false;
};

std::string_view to_string(ErrorClass kind) noexcept {
  static constexpr std::array<std::string_view, kErrorClasses> kNames{
      "InvalidArgument",   "Malformed",        "Unauthenticated", "Forbidden",
      "NotFound",          "Exists",           "Stale",           "PeerUnreachable",
      "PeerLost",          "DeadlineExceeded", "Cancelled",       "IntegrityFailure",
      "ResourceExhausted", "Overloaded",       "Unsupported",     "ShuttingDown",
      "Internal"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : std::string_view{"Unknown"};
}

Error::~Error() = default;

Error::Error(ErrorClass kind, std::string operation, std::string message)
    : kind_(kind), body_(std::make_shared<Body>()) {
  body_->operation = std::move(operation);
  body_->message = std::move(message);
}

std::string_view Error::operation() const noexcept { return body_ ? std::string_view{body_->operation} : ""; }
std::string_view Error::message() const noexcept { return body_ ? std::string_view{body_->message} : ""; }
std::string_view Error::own_hint() const noexcept { return body_ ? std::string_view{body_->hint} : ""; }
std::string_view Error::hint() const noexcept {
  if (const auto own = own_hint(); !own.empty()) return own;
  return detail::default_hint(kind_, native_code(), !context().peer.empty());
}
int Error::native_code() const noexcept { return body_ ? body_->native_code : 0; }
std::string_view Error::native_text() const noexcept { return body_ ? std::string_view{body_->native_text} : ""; }

const ErrorContext& Error::context() const noexcept {
  static const ErrorContext kNothingKnown{};
  return body_ ? body_->context : kNothingKnown;
}

bool Error::may_have_arrived() const noexcept { return body_ && body_->may_have_arrived; }

bool Error::retryable() const noexcept {
  switch (kind_) {
    case ErrorClass::kPeerUnreachable:
    case ErrorClass::kPeerLost:
    case ErrorClass::kDeadlineExceeded:
    case ErrorClass::kOverloaded:
    case ErrorClass::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

std::string Error::to_string() const {
  std::string text;
  const auto where = context();
  if (!operation().empty()) text = fmt::format("{}: ", operation());
  text += message();
  if (!where.peer.empty()) text += fmt::format(" at {}", where.peer);
  if (native_code() != 0 && !native_text().empty())
    text += fmt::format(" ({}: {})", native_code(), native_text());
  else if (native_code() != 0)
    text += fmt::format(" ({})", native_code());
  else if (!native_text().empty())
    text += fmt::format(" ({})", native_text());
  text += fmt::format(" [{}]", weft::to_string(kind_));
  return text;
}

// Always a copy: a use count of one proves nothing about what another thread's last copy has just read, and
// failures are not the hot path.
Error::Body& Error::own() {
  body_ = body_ ? std::make_shared<Body>(*body_) : std::make_shared<Body>();
  return *body_;
}

Error Error::with_hint(std::string hint) && {
  own().hint = std::move(hint);
  return std::move(*this);
}
Error Error::with_native(int code, std::string text) && {
  auto& body = own();
  body.native_code = code;
  body.native_text = std::move(text);
  return std::move(*this);
}
Error Error::with_peer(std::string peer) && {
  own().context.peer = std::move(peer);
  return std::move(*this);
}
Error Error::with_lane(std::string lane) && {
  own().context.lane = std::move(lane);
  return std::move(*this);
}
Error Error::with_name(std::string name) && {
  own().context.name = std::move(name);
  return std::move(*this);
}
Error Error::with_transfer(std::string transfer) && {
  own().context.transfer = std::move(transfer);
  return std::move(*this);
}
Error Error::with_trace(std::string trace) && {
  own().context.trace = std::move(trace);
  return std::move(*this);
}
Error Error::with_may_have_arrived() && {
  own().may_have_arrived = true;
  return std::move(*this);
}

int exit_code(ErrorClass kind) noexcept {
  switch (kind) {
    case ErrorClass::kInternal:
      return 1;
    case ErrorClass::kInvalidArgument:
      return 2;
    case ErrorClass::kNotFound:
    case ErrorClass::kExists:
    case ErrorClass::kStale:
      return 3;
    case ErrorClass::kPeerUnreachable:
    case ErrorClass::kPeerLost:
      return 4;
    case ErrorClass::kDeadlineExceeded:
    case ErrorClass::kCancelled:
      return 5;
    case ErrorClass::kIntegrityFailure:
    case ErrorClass::kMalformed:
      return 6;
    case ErrorClass::kUnauthenticated:
    case ErrorClass::kForbidden:
      return 7;
    case ErrorClass::kResourceExhausted:
    case ErrorClass::kOverloaded:
    case ErrorClass::kShuttingDown:
      return 8;
    case ErrorClass::kUnsupported:
      return 9;
  }
  return 1;
}

}  // namespace weft
