#include <array>
#include <catch2/catch_test_macros.hpp>

#include "datagram_side.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

TEST_CASE("a connectionless write arrives whole, with its immediate, and completes by its endpoint's id",
          "[fabric][O-27][O-28][O-61]") {
  for (const char* provider : kDatagramProviders) {
    DYNAMIC_SECTION("on " << provider) {
      DatagramSide a{provider, 1 << 16};
      DatagramSide b{provider, 1 << 16};
      const PeerHandle to_b = a.knows(b);
      a.fill(3);
      const LocalRegion from = a.domain.local_regions()[0];
      const RemoteRegion to = b.domain.remote_regions()[0];
      for (const std::uint32_t immediate : {0u, 1u, 0xFFFFFFFFu}) {
        until({&a, &b}, "room",
              [&] { return unwrap(a.endpoint.write(from, to, to_b, immediate)) == PostResult::kPosted; });
      }
      until({&a, &b}, "three of each", [&] { return a.done.size() == 3 && b.arrivals() == 3; });
      CHECK(a.memory == b.memory);
      for (const Completion& one : a.done) {
        REQUIRE(one.is_data_entry());
        CHECK(one.data().is_local_write());
        CHECK(one.data().fid() == a.endpoint.id());
      }
      CHECK(b.done[0].data().data() == 0u);
      CHECK(b.done[1].data().data() == 1u);
      CHECK(b.done[2].data().data() == 0xFFFFFFFFu);
    }
  }
}

TEST_CASE("a write without an immediate is seen by nobody but its writer", "[fabric][O-28]") {
  for (const char* provider : kDatagramProviders) {
    DYNAMIC_SECTION("on " << provider) {
      DatagramSide a{provider};
      DatagramSide b{provider};
      const PeerHandle to_b = a.knows(b);
      a.fill(5);
      until({&a, &b}, "room", [&] {
        return unwrap(a.endpoint.write(a.domain.local_regions()[0], b.domain.remote_regions()[0], to_b)) ==
               PostResult::kPosted;
      });
      until({&a, &b}, "its end", [&] { return a.done.size() == 1; });
      CHECK(a.memory == b.memory);  // delivered: the bytes are there when the completion is
      for (int lap = 0; lap < 100; ++lap) b.turn();
      CHECK(b.done.empty());
    }
  }
}

TEST_CASE("one endpoint writes the same buffer to eight peers, each told once", "[fabric][O-62][O-W25][X-6][X-11]") {
  for (const char* provider : kDatagramProviders) {
    DYNAMIC_SECTION("on " << provider) {
      DatagramSide source{provider};
      source.fill(9);
      std::vector<std::unique_ptr<DatagramSide>> targets;
      std::vector<DatagramSide*> all{&source};
      std::vector<PeerHandle> handles;
      for (int i = 0; i < 8; ++i) {
        targets.push_back(std::make_unique<DatagramSide>(provider));
        all.push_back(targets.back().get());
        handles.push_back(source.knows(*targets.back()));
      }
      for (std::uint32_t i = 0; i < 8; ++i) {
        const RemoteRegion to = targets[i]->domain.remote_regions()[0];
        until(all, "room", [&] {
          return unwrap(source.endpoint.write(source.domain.local_regions()[0], to, handles[i], i)) ==
                 PostResult::kPosted;
        });
      }
      until(all, "eight of each", [&] {
        return source.done.size() == 8 &&
               std::ranges::all_of(targets, [](const auto& target) { return target->arrivals() == 1; });
      });
      for (std::uint32_t i = 0; i < 8; ++i) {
        CHECK(targets[i]->memory == source.memory);
        CHECK(targets[i]->done[0].data().data() == i);
      }
    }
  }
}

TEST_CASE("a write that is larger than its target is refused before it is posted", "[fabric][O-W7]") {
  DatagramSide a{"net", 4096};
  DatagramSide b{"net", 4095};
  const auto refused = a.endpoint.write(a.domain.local_regions()[0], b.domain.remote_regions()[0], a.knows(b));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("a connectionless endpoint may be dropped at every step of its making", "[fabric][O-25][O-26]") {
  for (const char* provider : kDatagramProviders) {
    DYNAMIC_SECTION("on " << provider) {
      const DatagramSide side{provider};
      for (int steps = 0; steps < 5; ++steps) {
        Endpoint endpoint = unwrap(Endpoint::create(side.domain));
        if (steps > 0) static_cast<void>(endpoint.bind(side.completions).value());
        if (steps > 1) static_cast<void>(endpoint.bind(side.vector).value());
        if (steps > 2) static_cast<void>(endpoint.enable().value());
        if (steps > 3) endpoint.close();
        Endpoint other = unwrap(Endpoint::create(side.domain));
        other = std::move(endpoint);
      }
      Endpoint early = unwrap(Endpoint::create(side.domain));
      early.close();
      CHECK(early.raw() == nullptr);
    }
  }
}

TEST_CASE("messages go to a peer by its handle", "[fabric][O-30]") {
  for (const char* provider : kDatagramProviders) {
    DYNAMIC_SECTION("on " << provider) {
      DatagramSide a{provider, 256};
      DatagramSide b{provider, 256};
      a.fill(1);
      const PeerHandle to_b = a.knows(b);
      b.knows(a);  // shm answers on the way
      REQUIRE(unwrap(b.endpoint.recv(b.domain.local_regions()[0])) == PostResult::kPosted);
      const std::array from{a.domain.local_regions()[0]};
      until({&a, &b}, "room", [&] { return unwrap(a.endpoint.send(from, &a, to_b)) == PostResult::kPosted; });
      until({&a, &b}, "both ends", [&] { return a.done.size() == 1 && b.done.size() == 1; });
      CHECK(a.done[0].data().context() == &a);
      CHECK(b.done[0].data().is_recv());
      CHECK(b.done[0].data().length() == 256);
      CHECK(a.memory == b.memory);
    }
  }
}

TEST_CASE("a thousand and more writes are posted before the first look at the queue", "[fabric][O-62][O-W1]") {
  DatagramSide a{"net", 64};
  DatagramSide b{"net", 64};
  const PeerHandle to_b = a.knows(b);
  constexpr std::uint32_t kCount = 4096;
  std::uint32_t posted = 0;
  // The first post connects: a look is due then, and not before the rest is out.
  until({&a, &b}, "the first", [&] {
    return unwrap(a.endpoint.write(a.domain.local_regions()[0], b.domain.remote_regions()[0], to_b, posted)) ==
           PostResult::kPosted;
  });
  ++posted;
  until({&a, &b}, "its end", [&] { return a.done.size() == 1; });
  while (posted < kCount && unwrap(a.endpoint.write(a.domain.local_regions()[0], b.domain.remote_regions()[0], to_b,
                                                    posted)) == PostResult::kPosted)
    ++posted;
  CHECK(posted == kCount);
  until({&a, &b}, "every end", [&] { return a.done.size() == posted && b.arrivals() == posted; });
}
