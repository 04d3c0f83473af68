#include <catch2/catch_test_macros.hpp>
#include <set>

#include <weft/fabric/post_ring.hpp>

using namespace weft;
using namespace weft::fabric;

namespace {

/// A context that no ring gave.
void* foreign(std::uintptr_t number) {
  return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr): nobody looks where it points
}

}  // namespace

TEST_CASE("a context finishes its post once", "[fabric]") {
  PostRing ring{4};
  void* context = ring.take({lane::Channel{3}, 42, 100});
  REQUIRE(context != nullptr);
  CHECK(ring.size() == 1);
  const auto post = ring.finish(context);
  REQUIRE(post);
  CHECK(post->channel == lane::Channel{3});
  CHECK(post->token == 42);
  CHECK(post->bytes == 100);
  CHECK_FALSE(ring.finish(context));
  CHECK(ring.size() == 0);
}

TEST_CASE("a late context does not hit the post that has its slot now", "[fabric][O-W5]") {
  PostRing ring{1};
  void* late = ring.take({lane::Channel{1}, 1, 0});
  REQUIRE(ring.finish_any_of(lane::Channel{1}));
  void* current = ring.take({lane::Channel{2}, 2, 0});
  CHECK(current != late);
  CHECK_FALSE(ring.finish(late));
  CHECK(ring.finish(current)->token == 2);
}

TEST_CASE("null and foreign contexts are nobody's", "[fabric][O-W5]") {
  PostRing ring{2};
  ring.take({lane::Channel{1}, 1, 0});
  CHECK_FALSE(ring.finish(nullptr));
  CHECK_FALSE(ring.finish(foreign(std::uintptr_t{1} << 63 | 1)));
  CHECK_FALSE(ring.finish(foreign(std::uintptr_t{1} << 32 | 77)));
  CHECK(ring.size() == 1);
}

TEST_CASE("a full ring takes nothing more until something finishes", "[fabric]") {
  PostRing ring{3};
  std::set<void*> contexts;
  for (lane::Token token = 0; token < 3; ++token) contexts.insert(ring.take({lane::Channel{1}, token, 0}));
  CHECK(contexts.size() == 3);
  CHECK_FALSE(contexts.contains(nullptr));
  CHECK(ring.take({lane::Channel{1}, 9, 0}) == nullptr);
  REQUIRE(ring.finish(*contexts.begin()));
  CHECK(ring.take({lane::Channel{1}, 9, 0}) != nullptr);
}

TEST_CASE("a channel is settled without touching the others", "[fabric]") {
  PostRing ring{8};
  for (lane::Token token = 0; token < 8; ++token)
    ring.take({lane::Channel{static_cast<std::uint32_t>(token % 2)}, token, 0});
  std::set<lane::Token> settled;
  while (const auto post = ring.finish_any_of(lane::Channel{1})) settled.insert(post->token);
  CHECK(settled == std::set<lane::Token>{1, 3, 5, 7});
  CHECK(ring.size() == 4);
}
