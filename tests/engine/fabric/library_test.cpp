#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>
#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/fabric_info.hpp>
#include <weft/fabric/fabric_version.hpp>
#include <weft/fabric/library.hpp>

#include "known_leaks.hpp"

using namespace weft;
using namespace weft::fabric;

namespace {

struct sigaction disposition(int number) {
  struct sigaction now{};
  sigaction(number, nullptr, &now);
  return now;
}

// Before any test, so before any of them can have opened libfabric. Catch2 leaves SIGBUS alone.
const struct sigaction kBusAtStart = disposition(SIGBUS);

std::vector<std::string> environment() {
  std::vector<std::string> all;
  for (char** one = environ; *one != nullptr; ++one) all.emplace_back(*one);
  return all;
}
const std::vector<std::string> kEnvironmentAtStart = environment();

}  // namespace

TEST_CASE("opening libfabric leaves the process's signal handlers as they were", "[fabric]") {
  const auto opened = Library::open();
  if (!opened) SKIP(opened.error().to_string());
  CHECK(disposition(SIGBUS).sa_sigaction == kBusAtStart.sa_sigaction);
  for (int number : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGTERM, SIGINT}) {
    Dl_info where{};
    const auto handler = reinterpret_cast<void*>(disposition(number).sa_sigaction);
    if (handler == reinterpret_cast<void*>(SIG_DFL) || handler == reinterpret_cast<void*>(SIG_IGN)) continue;
    if (dladdr(handler, &where) != 0 && where.dli_fname != nullptr)
      CHECK(std::string_view{where.dli_fname}.find("infinipath") == std::string_view::npos);
  }
}

TEST_CASE("opening libfabric and asking it leaves the environment as it was", "[fabric][O-W26]") {
  const auto list = FabricInfoList::get({.provider = "tcp"});
  if (!list) SKIP(list.error().to_string());
  CHECK(environment() == kEnvironmentAtStart);
}

TEST_CASE("the running and the compiled version of libfabric are told, and an old one is refused",
          "[fabric][O-07][X-6]") {
  const auto running = FabricVersion::running();
  if (!running) SKIP(running.error().to_string());
  CHECK(*running >= FabricVersion::minimum());
  CHECK(FabricVersion::compiled() >= FabricVersion::minimum());
  CHECK(FabricVersion{1, 9} < FabricVersion{1, 17});
  CHECK(FabricVersion{2, 0} > FabricVersion{1, 22});
  CHECK(FabricVersion{1, 17}.to_string() == "1.17");
  CHECK(FabricVersion{1, 17}.raw() == 0x00010011u);
}

TEST_CASE("libfabric's codes keep their class, number and text", "[fabric][O-51][O-52][O-W22]") {
  CHECK(class_of_code(-ECONNREFUSED) == ErrorClass::kPeerUnreachable);
  CHECK(class_of_code(ECONNREFUSED) == ErrorClass::kPeerUnreachable);
  CHECK(class_of_code(-ENOMEM) == ErrorClass::kResourceExhausted);
  CHECK(class_of_code(-EMFILE) == ErrorClass::kResourceExhausted);
  CHECK(class_of_code(-EADDRINUSE) == ErrorClass::kExists);
  CHECK(class_of_code(-ENODATA) == ErrorClass::kNotFound);
  CHECK(class_of_code(-EKEYREJECTED) == ErrorClass::kForbidden);
  CHECK(class_of_code(-ECONNRESET) == ErrorClass::kPeerLost);
  CHECK(class_of_code(-ECANCELED) == ErrorClass::kCancelled);
  CHECK(class_of_code(-ENOSYS) == ErrorClass::kUnsupported);

  const Error error = error_of(-ECONNREFUSED, "fi_connect");
  CHECK(error.native_code() == ECONNREFUSED);
  CHECK_FALSE(error.native_text().empty());

  const auto failed = fi_call([](int code) { return code; }, "call", -ENOMEM);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().operation() == "call");
  CHECK(fi_call([](int code) { return code; }, "call", 3) == 3);
}
