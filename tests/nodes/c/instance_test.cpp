#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>

#include <weft/weft.h>

#include "domain.hpp"

using weft::test::last_error;
using weft::test::TestDomain;

TEST_CASE("instance: options are checked, key by key", "[O-53]") {
  TestDomain domain;
  const char* const wrong[] = {"{not json",
                               "[]",
                               "7",
                               R"({"identiy": "x"})",
                               R"({"identity": 7})",
                               R"({"identity": ""})",
                               R"({"trust": "x"})",
                               R"({"trust": ["nonsense"]})",
                               R"({"trust": [7]})",
                               R"([[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]])"};
  for (const char* options : wrong) {
    CAPTURE(options);
    REQUIRE(weftCreateInstance(domain.path().c_str(), options) == nullptr);
    REQUIRE(weftLastStatus() == WEFT_ERR_INVALID_ARG);
  }
  REQUIRE(weftCreateInstance(domain.path().c_str(), R"({"identiy": "x"})") == nullptr);
  REQUIRE(last_error().find("did you mean \"identity\"?") != std::string::npos);
  for (const char* options : {"", "{}", R"({"identity": "/nowhere/yet", "trust": ["10.0.0.0/8", "fd00::/8"]})"}) {
    const weftInstance instance = weftCreateInstance(domain.path().c_str(), options);
    REQUIRE(instance != nullptr);
    REQUIRE(weftDestroyInstance(instance) == WEFT_STATUS_OK);
  }
}

TEST_CASE("instance: a domain is a folder, made when only its last part is missing") {
  TestDomain domain;
  const std::string below = domain.path() + "/below";
  const weftInstance made = weftCreateInstance(below.c_str(), nullptr);
  REQUIRE(made != nullptr);
  struct stat what{};
  REQUIRE(::stat(below.c_str(), &what) == 0);
  REQUIRE((what.st_mode & 0777) == 0700);
  REQUIRE(weftDestroyInstance(made) == WEFT_STATUS_OK);
  REQUIRE(weftCreateInstance((domain.path() + "/no/such").c_str(), nullptr) == nullptr);
  REQUIRE(weftLastStatus() == WEFT_ERR_NOT_FOUND);
  REQUIRE(weftCreateInstance("/dev/null", nullptr) == nullptr);
  REQUIRE(weftLastStatus() == WEFT_ERR_INVALID_ARG);
  REQUIRE(weftCreateInstance("", nullptr) == nullptr);
  REQUIRE(weftLastStatus() == WEFT_ERR_INVALID_ARG);
}

TEST_CASE("instance: the default domain is this user's alone") {
  const std::string path = "/dev/shm/weft-" + std::to_string(::geteuid());
  const bool there = std::filesystem::exists(path);
  const weftInstance instance = weftCreateInstance(nullptr, nullptr);
  REQUIRE(instance != nullptr);
  REQUIRE(weftDestroyInstance(instance) == WEFT_STATUS_OK);
  if (there) SKIP("the default domain of this user is in use: it is not opened to others for a test");
  REQUIRE(::chmod(path.c_str(), 0755) == 0);
  REQUIRE(weftCreateInstance(nullptr, nullptr) == nullptr);
  REQUIRE(weftLastStatus() == WEFT_ERR_PERMISSION_DENIED);
  std::filesystem::remove(path);
}

TEST_CASE("instance: options that were mutated at random are taken or refused, and nothing else", "[O-53]") {
  TestDomain domain;
  const std::string sound = R"({"identity": "key", "trust": ["10.0.0.0/8", "fd00::/8"]})";
  const std::string alphabet = "{}[]\",:\\u0 \n\xff\x01-e.tfn1";
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same texts each time
  int taken = 0;
  for (int round = 0; round != 20000; ++round) {
    std::string text = sound;
    for (unsigned change = 0; change <= random() % 4; ++change) {
      const std::size_t at = random() % text.size();
      const char letter = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          text[at] = letter;
          break;
        case 1:
          text.insert(at, 1 + random() % 40, letter);
          break;
        default:
          text.erase(at, 1 + random() % 3);
      }
      if (text.empty()) text = "{";
    }
    const weftInstance instance = weftCreateInstance(domain.path().c_str(), text.c_str());
    if (instance == nullptr) {
      INFO(text);
      REQUIRE(weftLastStatus() == WEFT_ERR_INVALID_ARG);
      continue;
    }
    ++taken;
    REQUIRE(weftDestroyInstance(instance) == WEFT_STATUS_OK);
  }
  REQUIRE(taken > 0);
}
