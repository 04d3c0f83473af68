#include <weft/nodes/c/boundary.hpp>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

#include "domain.hpp"

using weft::test::last_error;
namespace c = weft::c;

TEST_CASE("boundary: no exception passes, each kind has its status", "[O-50][O-52][O-53]") {
  REQUIRE(c::guarded("f", []() -> c::Outcome<void> { return {}; }) == WEFT_STATUS_OK);
  REQUIRE(c::guarded("f", []() -> c::Outcome<void> { throw std::bad_alloc(); }) == WEFT_ERR_NO_MEMORY);
  REQUIRE(c::guarded("f", []() -> c::Outcome<void> { throw std::runtime_error("broken"); }) == WEFT_ERR_INTERNAL);
  REQUIRE(last_error() == "f: broken [WEFT_ERR_INTERNAL]");
  REQUIRE(c::guarded("f", []() -> c::Outcome<void> { throw 7; }) == WEFT_ERR_UNKNOWN);
  REQUIRE(weftLastStatus() == WEFT_ERR_UNKNOWN);
}

TEST_CASE("boundary: an error comes with its cause and its hint", "[O-50][O-51]") {
  const auto status = c::guarded("weftF", []() -> c::Outcome<void> {
    return std::unexpected(c::Fault(weft::Error(weft::ErrorClass::kExists, "bind", "127.0.0.1:1")
                                        .with_native(EADDRINUSE, "Address already in use")
                                        .with_hint("take another port")));
  });
  REQUIRE(status == WEFT_ERR_ADDRESS_IN_USE);
  REQUIRE(last_error() ==
          "weftF: bind: 127.0.0.1:1: Address already in use [WEFT_ERR_ADDRESS_IN_USE]\nhint: take another port");
}

TEST_CASE("boundary: causes that a person treats differently have statuses of their own", "[O-51]") {
  const auto status = [](weft::ErrorClass kind, int native = 0) {
    return c::status_of(weft::Error(kind, "f", "g").with_native(native, ""));
  };
  using weft::ErrorClass;
  REQUIRE(status(ErrorClass::kExists, EADDRINUSE) == WEFT_ERR_ADDRESS_IN_USE);
  REQUIRE(status(ErrorClass::kExists) == WEFT_ERR_EXISTS);
  REQUIRE(status(ErrorClass::kPeerUnreachable, ECONNREFUSED) == WEFT_ERR_REFUSED);
  REQUIRE(status(ErrorClass::kPeerUnreachable) == WEFT_ERR_NOT_READY);
  REQUIRE(status(ErrorClass::kPeerUnreachable, EADDRNOTAVAIL) == WEFT_ERR_NO_FABRIC);
  REQUIRE(status(ErrorClass::kNotFound, ENODATA) == WEFT_ERR_NO_FABRIC);
  REQUIRE(status(ErrorClass::kNotFound) == WEFT_ERR_NOT_FOUND);
  REQUIRE(status(ErrorClass::kResourceExhausted, ENOMEM) == WEFT_ERR_NO_MEMORY);
  REQUIRE(status(ErrorClass::kForbidden, EKEYREJECTED) == WEFT_ERR_PERMISSION_DENIED);
  REQUIRE(status(ErrorClass::kUnauthenticated) == WEFT_ERR_PERMISSION_DENIED);
  REQUIRE(status(ErrorClass::kPeerLost) == WEFT_ERR_PEER_LOST);
  REQUIRE(status(ErrorClass::kDeadlineExceeded) == WEFT_ERR_TIMEOUT);
  REQUIRE(status(ErrorClass::kIntegrityFailure) == WEFT_ERR_INTEGRITY);
  REQUIRE(status(ErrorClass::kMalformed) == WEFT_ERR_INVALID_ARG);
  REQUIRE(status(ErrorClass::kStale) == WEFT_ERR_STALE);
  REQUIRE(status(ErrorClass::kOverloaded) == WEFT_ERR_OVERLOADED);
  REQUIRE(status(ErrorClass::kCancelled) == WEFT_ERR_CANCELLED);
  REQUIRE(status(ErrorClass::kUnsupported) == WEFT_ERR_UNSUPPORTED_OPERATION);
  REQUIRE(status(ErrorClass::kShuttingDown) == WEFT_ERR_SHUTTING_DOWN);
  REQUIRE(status(ErrorClass::kInternal) == WEFT_ERR_INTERNAL);
}

TEST_CASE("last error: sized in two calls, of its thread, and left alone by success", "[O-W22]") {
  REQUIRE(weftDestroyInstance(nullptr) == WEFT_ERR_INVALID_ARG);
  std::size_t size = 0;
  REQUIRE(weftLastError(nullptr, nullptr) == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftLastError(nullptr, &size) == WEFT_STATUS_OK);
  std::string text(size, '?');
  std::size_t less = size - 1;
  REQUIRE(weftLastError(text.data(), &less) == WEFT_ERR_STRLEN);
  REQUIRE(less == size);
  REQUIRE(text[0] == '?');
  REQUIRE(weftLastError(text.data(), &size) == WEFT_STATUS_OK);
  REQUIRE(text.back() == '\0');
  REQUIRE(text.starts_with("weftDestroyInstance: "));
  weft::test::TestDomain works;
  REQUIRE(weftLastStatus() == WEFT_ERR_INVALID_ARG);
  std::string elsewhere = "?";
  std::thread([&] { elsewhere = last_error(); }).join();
  REQUIRE(elsewhere.empty());
}

TEST_CASE("statuses: numbers are those of faces that exist, every one has a name") {
  REQUIRE(WEFT_ERR_TIMEOUT == 7);
  REQUIRE(WEFT_ERR_INVALID_ARG == 8);
  REQUIRE(WEFT_ERR_PERMISSION_DENIED == 10);
  REQUIRE(WEFT_ERR_STRLEN == 1024);
  REQUIRE(WEFT_ERR_EXISTS == 1031);
  REQUIRE(WEFT_ERR_UNSUPPORTED_OPERATION == 1032);
  REQUIRE(WEFT_ERR_ADDRESS_IN_USE == 1100);
  REQUIRE(WEFT_ERR_SHUTTING_DOWN == 1108);
  for (const auto& [first, last] : {std::pair{0, 11}, std::pair{1024, 1032}, std::pair{1100, 1108}})
    for (int value = first; value <= last; ++value) {
      const std::string name = weftStatusName(static_cast<weftStatus>(value));
      CAPTURE(value);
      REQUIRE((name.starts_with("WEFT_ERR_") || value == 0));
      REQUIRE((name != "WEFT_ERR_UNKNOWN" || value == 1));
    }
  REQUIRE(std::string(weftStatusName(static_cast<weftStatus>(99))) == "WEFT_ERR_UNKNOWN");
}

TEST_CASE("version: what the caller's struct has room for is told") {
  weftVersion version{};
  version.structSize = sizeof version;
  weftGetVersion(&version);
  REQUIRE(version.minor + version.major > 0);
  REQUIRE(version.protocolMin >= 1);
  REQUIRE(version.protocolMax >= version.protocolMin);
  weftVersion old{};
  old.structSize = offsetof(weftVersion, protocolMin);
  weftGetVersion(&old);
  REQUIRE(old.minor == version.minor);
  REQUIRE(old.protocolMin == 0);
  weftVersion none{};
  weftGetVersion(&none);
  REQUIRE(none.minor == 0);
  weftGetVersion(nullptr);
}
