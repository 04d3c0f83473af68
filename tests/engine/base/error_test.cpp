#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch_test_macros.hpp>

#include <weft/base/error.hpp>
#include <weft/base/lane_name.hpp>
#include <weft/base/log.hpp>
#include <weft/base/result.hpp>

using namespace weft;

namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorClass::kInvalidArgument, "half", "odd");
  return value / 2;
}

Result<void> even(int value) {
  WEFT_TRY(half(value));
  return {};
}

Result<std::unique_ptr<int>> boxed_half(int value) {
  WEFT_LET(const int once, half(value));
  return std::make_unique<int>(once);
}

Result<int> quarter(int value) {
  WEFT_LET(const auto box, boxed_half(value));  // move-only values pass through too
  WEFT_TRY(even(*box));
  WEFT_LET(const int result, half(*box));
  return result;
}

}  // namespace

TEST_CASE("error: every class has a name of its own and an exit code from 1 to 10") {
  std::set<std::string_view> names;
  for (std::size_t index = 0; index < kErrorClasses; ++index) {
    const auto kind = static_cast<ErrorClass>(index);
    names.insert(to_string(kind));
    CHECK(to_string(kind) != "Unknown");
    CHECK(exit_code(kind) >= 1);
    CHECK(exit_code(kind) <= 10);
  }
  CHECK(names.size() == kErrorClasses);
  CHECK(to_string(static_cast<ErrorClass>(kErrorClasses)) == "Unknown");
  CHECK(to_string(ErrorClass::kInternal) == "Internal");
  CHECK(to_string(ErrorClass::kIntegrityFailure) == "IntegrityFailure");
}

TEST_CASE("error: exit codes group the classes by what a person does next", "[T-18]") {
  CHECK(exit_code(ErrorClass::kInternal) == 1);
  CHECK(exit_code(ErrorClass::kInvalidArgument) == 2);
  CHECK(exit_code(ErrorClass::kStale) == 3);
  CHECK(exit_code(ErrorClass::kPeerLost) == 4);
  CHECK(exit_code(ErrorClass::kCancelled) == 5);
  CHECK(exit_code(ErrorClass::kMalformed) == 6);
  CHECK(exit_code(ErrorClass::kForbidden) == 7);
  CHECK(exit_code(ErrorClass::kShuttingDown) == 8);
  CHECK(exit_code(ErrorClass::kUnsupported) == 9);
}

TEST_CASE("error: one line says what failed, where, and of which class", "[T-18]") {
  const Error plain{ErrorClass::kNotFound, "get", "no tensor named \"x\""};
  CHECK(plain.to_string() == "get: no tensor named \"x\" [NotFound]");

  const auto told = Error{plain}.with_peer("gpu-07 (k3v9…tq)");
  CHECK(told.to_string() == "get: no tensor named \"x\" at gpu-07 (k3v9…tq) [NotFound]");

  const auto native = Error{ErrorClass::kPeerUnreachable, "dial", "no answer"}.with_native(111, "Connection refused");
  CHECK(native.to_string() == "dial: no answer (111: Connection refused) [PeerUnreachable]");
  CHECK(Error{ErrorClass::kInternal, "", "odd"}.to_string() == "odd [Internal]");
}

TEST_CASE("error: with_… members fill one field each and leave the others") {
  const auto error = Error{ErrorClass::kPeerLost, "push", "the session ended"}
                         .with_hint("retry")
                         .with_native(-7, "gone")
                         .with_peer("p")
                         .with_lane("tls")
                         .with_name("w")
                         .with_transfer("t-1")
                         .with_trace("00ab")
                         .with_may_have_arrived();
  CHECK(error.kind() == ErrorClass::kPeerLost);
  CHECK(error.operation() == "push");
  CHECK(error.message() == "the session ended");
  CHECK(error.hint() == "retry");
  CHECK(error.native_code() == -7);
  CHECK(error.native_text() == "gone");
  CHECK(error.context().peer == "p");
  CHECK(error.context().lane == "tls");
  CHECK(error.context().name == "w");
  CHECK(error.context().transfer == "t-1");
  CHECK(error.context().trace == "00ab");
  CHECK(error.may_have_arrived());
}

TEST_CASE("error: a copy is not changed through the original") {
  Error original{ErrorClass::kNotFound, "get", "no such name"};
  const Error copy = original;
  const auto changed = std::move(original).with_hint("weft ls").with_peer("p");
  CHECK(copy.own_hint().empty());
  CHECK(copy.context().peer.empty());
  CHECK_FALSE(copy.may_have_arrived());
  CHECK(changed.hint() == "weft ls");
}

TEST_CASE("error: where nobody said what to do next, the class does; the system's code where it is this host's") {
  for (std::size_t kind = 0; kind < kErrorClasses; ++kind)
    CHECK_FALSE(Error(static_cast<ErrorClass>(kind), "get", "no").hint().empty());
  const Error ours = Error{ErrorClass::kNotFound, "open", "file"}.with_native(ENOENT, "No such file or directory");
  CHECK(ours.hint().find("path") != std::string_view::npos);
  CHECK(Error(ours).with_peer("gpu-07").hint() == Error(ErrorClass::kNotFound, "get", "").hint());
  CHECK(Error(ours).with_hint("look there").hint() == "look there");
  CHECK(ours.own_hint().empty());
}

TEST_CASE("error: only what may pass by itself is retryable") {
  CHECK(Error{ErrorClass::kOverloaded, "", ""}.retryable());
  CHECK(Error{ErrorClass::kPeerLost, "", ""}.retryable());
  CHECK_FALSE(Error{ErrorClass::kNotFound, "", ""}.retryable());
  CHECK_FALSE(Error{ErrorClass::kForbidden, "", ""}.retryable());
  CHECK_FALSE(Error{ErrorClass::kMalformed, "", ""}.retryable());
}

TEST_CASE("result: WEFT_TRY and WEFT_LET return the first error and pass values on") {
  CHECK(quarter(12).value() == 3);
  const auto odd = quarter(6);
  REQUIRE_FALSE(odd);
  CHECK(odd.error().message() == "odd");
  CHECK_FALSE(even(3));
  CHECK(even(2));
}

TEST_CASE("result: a failed system call tells its class, code and text") {
  const auto failed = fail_errno(ECONNREFUSED, "connect").error();
  CHECK(failed.kind() == ErrorClass::kPeerUnreachable);
  CHECK(failed.native_code() == ECONNREFUSED);
  CHECK(failed.native_text() == "Connection refused");
  CHECK_FALSE(failed.message().empty());
  CHECK(fail_errno(ENOSPC, "write", "the disk is full").error().message() == "the disk is full");
}

TEST_CASE("result: errnos are classed by what the caller can do") {
  CHECK(class_of_errno(ENOMEM) == ErrorClass::kResourceExhausted);
  CHECK(class_of_errno(EMFILE) == ErrorClass::kResourceExhausted);
  CHECK(class_of_errno(ECONNRESET) == ErrorClass::kPeerLost);
  CHECK(class_of_errno(ETIMEDOUT) == ErrorClass::kDeadlineExceeded);
  CHECK(class_of_errno(EACCES) == ErrorClass::kForbidden);
  CHECK(class_of_errno(ENOENT) == ErrorClass::kNotFound);
  CHECK(class_of_errno(EEXIST) == ErrorClass::kExists);
  CHECK(class_of_errno(EINVAL) == ErrorClass::kInvalidArgument);
  CHECK(class_of_errno(EOPNOTSUPP) == ErrorClass::kUnsupported);
  CHECK(class_of_errno(EBADF) == ErrorClass::kInternal);
}

TEST_CASE("lane names: each is parsed back, and nothing else is") {
  for (const auto lane :
       {Lane::kAuto, Lane::kTls, Lane::kTcp, Lane::kVerbs, Lane::kEfa, Lane::kShm, Lane::kKcp, Lane::kLocal})
    CHECK(parse_lane(to_string(lane)) == lane);
  CHECK_FALSE(parse_lane(""));
  CHECK_FALSE(parse_lane("TLS"));
  CHECK_FALSE(parse_lane("unknown"));
  CHECK(to_string(static_cast<Lane>(200)) == "unknown");
  CHECK(to_string(LogLevel::kWarn) == "warn");
}
