#include <weft/crypto/random.hpp>

#include <catch2/catch_test_macros.hpp>
#include <set>
#include <vector>

using namespace weft;

TEST_CASE("random: every byte of a buffer is filled", "[crypto]") {
  // A byte that is never written stays zero in every draw; 64 draws agree on a zero by chance once in 2^512.
  std::vector<std::byte> seen(65, std::byte{0});
  for (int draw = 0; draw < 64; ++draw) {
    std::vector<std::byte> buffer(65);
    REQUIRE(crypto::fill_random(buffer));
    for (std::size_t i = 0; i < buffer.size(); ++i) seen[i] |= buffer[i];
  }
  for (const std::byte byte : seen) CHECK(byte != std::byte{0});
  CHECK(crypto::fill_random({}));
}

TEST_CASE("random: draws differ", "[crypto]") {
  std::set<std::uint64_t> numbers;
  std::set<Incarnation> incarnations;
  std::set<crypto::SessionId> sessions;
  for (int i = 0; i < 100; ++i) {
    numbers.insert(crypto::random_u64().value());
    incarnations.insert(crypto::draw_incarnation().value());
    sessions.insert(crypto::draw_session_id().value());
  }
  CHECK(numbers.size() == 100);
  CHECK(incarnations.size() == 100);
  CHECK(sessions.size() == 100);
}
