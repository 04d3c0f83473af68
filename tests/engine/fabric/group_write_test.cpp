#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "datagram_side.hpp"
#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

std::vector<std::byte> counted(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 13 + 1);
  return bytes;
}

/// Cuts bytes into `count` ranges whose sizes differ, some of them empty.
LocalRegionGroup cut(const std::vector<std::byte>& bytes, std::size_t count) {
  LocalRegionGroup group;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t left = bytes.size() - at;
    const std::size_t size = i + 1 == count ? left : std::min(left, i % 5 == 2 ? 0 : 10 + i % 7);
    group.push_back({reinterpret_cast<std::uint64_t>(bytes.data() + at), size, nullptr});
    at += size;
  }
  return group;
}

std::size_t arrivals(const Side& side) {
  return static_cast<std::size_t>(std::ranges::count_if(
      side.done, [](const Completion& one) { return one.is_data_entry() && one.data().is_remote_write(); }));
}

void finish(Connection& pair, GroupWrite& write) {
  pair.until("room", [&] { return write.is_posted() || unwrap(write.post(*pair.at_a)) == PostResult::kPosted; });
}

}  // namespace

TEST_CASE("sixty-four ranges land in order in one region, told once", "[fabric][O-29]") {
  for (const char* provider : kSoftwareProviders) {
    DYNAMIC_SECTION("on " << provider) {
      Connection pair{provider};
      const auto source = counted(1000);
      std::vector<std::byte> landing(1200);
      REQUIRE(pair.b.domain.register_regions({Region::of(std::span{landing})}, Access::kRemoteWrite));
      const LocalRegionGroup local = cut(source, 64);
      GroupWrite write = unwrap(pair.at_a->write(local, pair.b.domain.remote_regions()[0], kConnectedPeer, 77u));
      finish(pair, write);
      CHECK(write.operations() == 13);  // 51 ranges have bytes, and 4 go into one operation
      pair.until("all ends", [&] { return pair.a.done.size() == write.operations() && arrivals(pair.b) == 1; });
      CHECK(pair.b.done[0].data().data() == 77u);
      CHECK(std::equal(source.begin(), source.end(), landing.begin()));
      CHECK(std::all_of(landing.begin() + 1000, landing.end(), [](std::byte one) { return one == std::byte{}; }));
    }
  }
}

TEST_CASE("ranges on both sides may be cut anywhere, under one registration", "[fabric][O-24][O-29][O-W24][X-6]") {
  Connection pair{"net"};
  const auto source = counted(500);
  std::vector<std::byte> landing(2000);
  REQUIRE(pair.b.domain.register_regions({Region::of(std::span{landing})}, Access::kRemoteWrite));
  const RemoteRegion whole = pair.b.domain.remote_regions()[0];
  RemoteRegionGroup remote;
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t i = 0; i < 20; ++i) {
    places.emplace_back(i * 100, 25 + i % 3);
    remote.push_back(unwrap(whole.sub(places[i].first, places[i].second)));
  }
  const LocalRegionGroup local = cut(source, 30);
  GroupWrite write = unwrap(pair.at_a->write(local, remote, kConnectedPeer, 5u));
  finish(pair, write);
  pair.until("all ends", [&] { return pair.a.done.size() == write.operations() && arrivals(pair.b) == 1; });
  std::size_t at = 0;
  for (const auto& [offset, size] : places) {
    const std::size_t part = std::min(size, source.size() - at);
    CHECK(std::equal(source.begin() + static_cast<std::ptrdiff_t>(at),
                     source.begin() + static_cast<std::ptrdiff_t>(at + part),
                     landing.begin() + static_cast<std::ptrdiff_t>(offset)));
    at += part;
  }
  CHECK(at == source.size());
}

TEST_CASE("an empty write still tells, and one that does not fit is refused", "[fabric][O-29][O-W7]") {
  Connection pair{"net"};
  std::vector<std::byte> landing(100);
  REQUIRE(pair.b.domain.register_regions({Region::of(std::span{landing})}, Access::kRemoteWrite));
  const RemoteRegion to = pair.b.domain.remote_regions()[0];
  const LocalRegionGroup nothing;
  GroupWrite empty = unwrap(pair.at_a->write(nothing, to, kConnectedPeer, 3u));
  finish(pair, empty);
  pair.until("it to be told", [&] { return arrivals(pair.b) == 1; });
  CHECK(pair.b.done[0].data().data() == 3u);
  const auto source = counted(101);
  CHECK(pair.at_a->write(cut(source, 4), to).error().kind() == ErrorClass::kInvalidArgument);
  CHECK(pair.at_a->write(cut(source, 4), RemoteRegionGroup{}).error().kind() == ErrorClass::kInvalidArgument);
  const LocalRegionGroup wraps{{0, ~std::size_t{0}, nullptr}, {0, 2, nullptr}};
  CHECK(pair.at_a->write(wraps, to).error().kind() == ErrorClass::kInvalidArgument);
}

TEST_CASE("a write larger than a message is cut into messages", "[fabric][O-29]") {
  DatagramSide a{"net", 1000};
  FabricInfo small = datagram_info("net");
  small.raw()->ep_attr->max_msg_size = 300;
  DatagramSide b{"net", 1000};
  Endpoint writer = unwrap(Endpoint::create(a.domain, small.view()));
  REQUIRE(writer.bind(a.completions));
  REQUIRE(writer.bind(a.vector));
  REQUIRE(writer.enable());
  CHECK(writer.limits().max_bytes == 300);
  a.fill(4);
  GroupWrite write = unwrap(writer.write(a.domain.local_regions(), b.domain.remote_regions()[0], a.knows(b), 8u));
  until({&a, &b}, "room", [&] { return write.is_posted() || unwrap(write.post(writer)) == PostResult::kPosted; });
  CHECK(write.operations() == 4);
  until({&a, &b}, "all ends", [&] { return a.done.size() == 4 && b.arrivals() == 1; });
  CHECK(a.memory == b.memory);
}

TEST_CASE("without order or fences a write of several parts is refused whole, one of one part is not",
          "[fabric][O-W10]") {
  DatagramSide a{"net", 1000};
  DatagramSide b{"net", 1000};
  FabricInfo unordered = datagram_info("net");
  unordered.raw()->tx_attr->msg_order = 0;
  CHECK_FALSE(unordered.view().keeps_write_order());
  Endpoint writer = unwrap(Endpoint::create(a.domain, unordered.view()));
  REQUIRE(writer.bind(a.completions));
  REQUIRE(writer.bind(a.vector));
  REQUIRE(writer.enable());
  a.fill(6);
  const PeerHandle to_b = a.knows(b);
  const auto refused = writer.write(cut(a.memory, 64), b.domain.remote_regions()[0], to_b, 1u);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorClass::kUnsupported);
  // One operation needs no order, nor does a write that tells nothing.
  const LocalRegionGroup one = cut(a.memory, 1);
  const LocalRegionGroup many = cut(a.memory, 64);
  GroupWrite told = unwrap(writer.write(one, b.domain.remote_regions()[0], to_b, 1u));
  GroupWrite silent = unwrap(writer.write(many, b.domain.remote_regions()[0], to_b));
  until({&a, &b}, "room", [&] {
    return (told.is_posted() || unwrap(told.post(writer)) == PostResult::kPosted) &&
           (silent.is_posted() || unwrap(silent.post(writer)) == PostResult::kPosted);
  });
  until({&a, &b}, "all ends",
        [&] { return a.done.size() == told.operations() + silent.operations() && b.arrivals() == 1; });
  CHECK(a.memory == b.memory);
}
