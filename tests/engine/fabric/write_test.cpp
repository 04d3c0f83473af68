#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <numeric>

#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

constexpr std::uint64_t kKey = 0x1122334455667788u;

std::vector<std::byte> counted(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

/// Contexts come back as they were given: a number tells them apart.
void* context(std::uintptr_t number) {
  return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr): nobody looks where it points
}

std::size_t remote_writes(const Side& side) {
  return static_cast<std::size_t>(std::ranges::count_if(
      side.done, [](const Completion& one) { return one.is_data_entry() && one.try_data()->is_remote_write(); }));
}

}  // namespace

TEST_CASE("immediates arrive unchanged, after their bytes; a write without one says nothing", "[fabric][O-28]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Connection pair{provider};
      std::vector<std::byte> landing(4096);
      const auto exposed =
          unwrap(MemoryRegion::reg(pair.b.domain, Region::of(std::span{landing}), Access::kRemoteWrite, kKey));
      const auto source = counted(4096);
      const Local memory{pair.a, source};
      const std::array from{memory.all()};
      const std::array to{exposed.to_remote()};
      pair.post_receives(3);
      REQUIRE(pair.at_a->write(from, to, std::nullopt, context(1)) == PostResult::kPosted);
      for (std::uint32_t immediate : {0u, 1u, 0xFFFFFFFFu})
        REQUIRE(pair.at_a->write(from, to, immediate, context(2 + immediate % 7)) == PostResult::kPosted);
      pair.until("three arrivals", [&] { return remote_writes(pair.b) == 3; });
      pair.until("four local ends", [&] { return pair.a.done.size() == 4; });
      CHECK(landing == source);
      REQUIRE(pair.b.done.size() == 3);
      CHECK(pair.b.done[0].try_data()->data() == 0u);
      CHECK(pair.b.done[1].try_data()->data() == 1u);
      CHECK(pair.b.done[2].try_data()->data() == 0xFFFFFFFFu);
      CHECK(pair.b.done[0].try_data()->context() == nullptr);  // arrivals do not name their connection
      CHECK(pair.a.done[0].try_data()->is_local_write());
      CHECK(pair.a.done[0].try_data()->context() == context(1));
      CHECK_FALSE(pair.a.done[0].try_data()->data());
    }
  }
}

TEST_CASE("four ranges are gathered and scattered in one write with one arrival", "[fabric][O-24][O-29]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Connection pair{provider};
      std::vector<std::byte> landing(4096);
      const auto exposed =
          unwrap(MemoryRegion::reg(pair.b.domain, Region::of(std::span{landing}), Access::kRemoteWrite, kKey));
      const auto source = counted(1000);
      const Local memory{pair.a, source};
      const std::array from{memory.range(0, 1), memory.range(1, 99), memory.range(100, 400), memory.range(500, 500)};
      const RemoteRegion all = exposed.to_remote();
      std::vector to{unwrap(all.sub(3000, 10)), unwrap(all.sub(2000, 490)), unwrap(all.sub(1000, 499)),
                     unwrap(all.sub(0, 1))};
      if (pair.a.info.view().rma_iov_limit() == 1) to = {unwrap(all.sub(1000, 1000))};  // verbs: one range there
      pair.post_receives(1);
      REQUIRE(pair.at_a->write(from, to, 9u, context(1)) == PostResult::kPosted);
      pair.until("the arrival", [&] { return remote_writes(pair.b) == 1; });
      auto it = source.begin();
      for (const RemoteRegion& part : to) {
        const auto length = static_cast<std::ptrdiff_t>(part.len);
        CHECK(std::equal(it, it + length, landing.begin() + static_cast<std::ptrdiff_t>(part.addr - all.addr)));
        it += length;
      }
      CHECK(static_cast<std::size_t>(std::ranges::count(landing, std::byte{0})) >= 3096);
      CHECK(pair.at_a->write(std::vector<LocalRegion>(kMaxRanges + 1), to, 9u, context(1)).error().kind() ==
            ErrorClass::kInvalidArgument);
    }
  }
}

TEST_CASE("writes without number are posted before the first read of the queue, and none is lost", "[fabric][O-37]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Connection pair{provider};
      std::vector<std::byte> landing(64);
      const auto exposed =
          unwrap(MemoryRegion::reg(pair.b.domain, Region::of(std::span{landing}), Access::kRemoteWrite, kKey));
      const auto source = counted(64);
      const Local memory{pair.a, source};
      const std::array from{memory.all()};
      const std::array to{exposed.to_remote()};
      if (pair.b.info.view().using_recv_buf_for_cq_data()) SKIP("as many as there are receives: verbs_test.cpp");
      constexpr std::uint32_t kCount = 20'000;
      for (std::uint32_t i = 0; i < kCount; ++i) {
        pair.until("room",
                   [&] { return unwrap(pair.at_a->write(from, to, i, context(i + 1))) == PostResult::kPosted; });
      }
      pair.until("every end", [&] { return pair.a.done.size() == kCount && pair.b.done.size() == kCount; });
      bool in_order = true;
      for (std::uint32_t i = 0; i < kCount; ++i) {
        in_order &= pair.b.done[i].is_data_entry() && pair.b.done[i].try_data()->data() == i;
        in_order &= pair.a.done[i].is_data_entry() && pair.a.done[i].try_data()->context() == context(i + 1);
      }
      CHECK(in_order);
    }
  }
}

TEST_CASE("a message is sent into a posted receive", "[fabric][O-30]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Connection pair{provider};
      std::vector<std::byte> inbox(256);
      const Local room{pair.b, inbox};
      REQUIRE(pair.at_b->recv(room.all(), context(7)) == PostResult::kPosted);
      const auto message = counted(200);
      const Local memory{pair.a, message};
      const std::array from{memory.range(0, 100), memory.range(100, 100)};
      REQUIRE(pair.at_a->send(from, context(8)) == PostResult::kPosted);
      pair.until("both ends", [&] { return pair.a.done.size() == 1 && pair.b.done.size() == 1; });
      CHECK(pair.a.done[0].try_data()->is_send());
      CHECK(pair.b.done[0].try_data()->is_recv());
      CHECK(pair.b.done[0].try_data()->context() == context(7));
      CHECK(pair.b.done[0].try_data()->length() == 200);
      CHECK(std::equal(message.begin(), message.end(), inbox.begin()));
    }
  }
}

TEST_CASE("a message of bytes or none may carry an immediate", "[fabric][O-30]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Connection pair{provider};
      std::vector<std::byte> inbox(256);
      const Local room{pair.b, inbox};
      REQUIRE(pair.at_b->recv(room.all(), context(1)) == PostResult::kPosted);
      REQUIRE(pair.at_b->recv({}, context(2)) == PostResult::kPosted);
      const auto message = counted(200);
      const Local memory{pair.a, message};
      const std::array from{memory.all()};
      REQUIRE(pair.at_a->send(from, 0xFFFFFFFFu, context(3)) == PostResult::kPosted);
      REQUIRE(pair.at_a->send({}, 77u, context(4)) == PostResult::kPosted);
      pair.until("both ends", [&] { return pair.a.done.size() == 2 && pair.b.done.size() == 2; });
      const CompletionData& first = *pair.b.done[0].try_data();
      CHECK(first.context() == context(1));
      CHECK(first.length() == 200);
      CHECK(first.data() == 0xFFFFFFFFu);
      CHECK(std::equal(message.begin(), message.end(), inbox.begin()));
      const CompletionData& second = *pair.b.done[1].try_data();
      CHECK(second.context() == context(2));
      CHECK(second.length() == 0);
      CHECK(second.data() == 77u);
      CHECK_FALSE(second.is_remote_write());
    }
  }
}

TEST_CASE("what is not exposed for writing is not written, and the connection ends", "[fabric][O-19]") {
  for (const char* provider : provider_names()) {
    for (int fault = 0; fault < 3; ++fault) {
      DYNAMIC_SECTION("on " << provider << ", fault " << fault) {
        Connection pair{provider};
        std::vector<std::byte> landing(4096);
        const Access access = fault == 0 ? Access::kRemoteRead : Access::kRemoteWrite;
        const auto exposed = unwrap(MemoryRegion::reg(pair.b.domain, Region::of(std::span{landing}), access, kKey));
        const auto source = counted(4096);
        const Local memory{pair.a, source};
        const std::array from{memory.all()};
        pair.post_receives(1);
        std::array to{exposed.to_remote()};
        if (fault == 1) to[0].rkey += 1;
        if (fault == 2) to[0].addr += 1;
        REQUIRE(pair.at_a->write(from, to, 1u, context(1)) == PostResult::kPosted);
        // A NIC says so of the write itself; its connection is broken by that.
        const auto failed = [&] { return !pair.a.done.empty() && pair.a.done.front().is_err_entry(); };
        pair.until("the end of the connection",
                   [&] { return pair.a.count<Shutdown>() + pair.a.count<EventError>() > 0 || failed(); });
        CHECK(std::ranges::all_of(landing, [](std::byte value) { return value == std::byte{0}; }));
        CHECK(remote_writes(pair.b) == 0);
      }
    }
  }
}

TEST_CASE("an endpoint that is not enabled, or closed, posts nothing", "[fabric][O-27][O-W14]") {
  Side side{"tcp"};
  Endpoint endpoint = unwrap(Endpoint::create(side.domain, side.info.view()));
  const std::array<LocalRegion, 1> from{};
  const std::array<RemoteRegion, 1> to{};
  CHECK(endpoint.write(from, to, 1u, nullptr).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(endpoint.send(from, nullptr).error().kind() == ErrorClass::kInvalidArgument);
  endpoint.close();
  CHECK(endpoint.recv({}, nullptr).error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("writes cut off by a close complete as cancelled, with both codes in the text", "[fabric][O-41]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Connection pair{provider};
      std::vector<std::byte> landing(16 << 20);
      const auto exposed =
          unwrap(MemoryRegion::reg(pair.b.domain, Region::of(std::span{landing}), Access::kRemoteWrite, kKey));
      const auto source = counted(16 << 20);
      const Local memory{pair.a, source};
      const std::array from{memory.all()};
      const std::array to{exposed.to_remote()};
      REQUIRE(pair.at_a->write(from, to, 1u, context(5)) == PostResult::kPosted);
      pair.at_a->close();
      std::optional<Completion> last = pair.a.completions.read();
      REQUIRE(last);
      REQUIRE(last->is_err_entry());
      CHECK(last->try_err()->context() == context(5));
      CHECK(last->try_err()->is_flushed());
      CHECK(last->try_err()->to_string().find("libfabric 125") != std::string::npos);
      CHECK(last->try_err()->to_string().find("provider") != std::string::npos);
    }
  }
}
