#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "lane_pair.hpp"
#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

/// The limit of locked memory while it lives.
class LockedMemory {
 public:
  explicit LockedMemory(rlim_t bytes) {
    getrlimit(RLIMIT_MEMLOCK, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_MEMLOCK, &limit);
  }
  ~LockedMemory() { setrlimit(RLIMIT_MEMLOCK, &before_); }
  LockedMemory(const LockedMemory&) = delete;
  LockedMemory& operator=(const LockedMemory&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("verbs: immediates beyond the posted receives wait for them, and none is lost",
          "[fabric][verbs][O-13][O-30]") {
  Nodes nodes{"verbs"};
  REQUIRE(nodes.a.lane->traits().arrival_takes_receive);
  REQUIRE(nodes.a.lane->traits().ordered);  // rings of grains count on it
  nodes.connect();
  const Placed to(nodes);
  constexpr std::uint32_t kCount = 20'000;
  std::uint32_t posted = 0;
  while (posted < kCount) {
    // The receiver is looked at only once the sender can post no more: its ring is empty by then, more than once.
    while (posted < kCount &&
           nodes.a.lane->write(nodes.at_a, to.gather, to.remote, posted, posted) == lane::Posted::kTaken)
      ++posted;
    for (int turn = 0; turn < 50; ++turn) nodes.a.turn();
    nodes.b.turn();
  }
  nodes.until("every arrival", [&] { return nodes.b.count<lane::Arrived>() == kCount; });
  nodes.until("every end", [&] { return nodes.a.count<lane::Finished>() == kCount; });
  std::uint32_t next = 0;
  for (const lane::Event& event : nodes.b.seen)
    if (const auto* arrived = std::get_if<lane::Arrived>(&event)) {
      if (arrived->immediate != next) FAIL("immediate " << arrived->immediate << " in place of " << next);
      ++next;
    }
  CHECK(nodes.a.count<lane::Down>() + nodes.b.count<lane::Down>() == 0);
  CHECK(to.landing == to.source);
}

TEST_CASE("verbs: memory past the limit of locked memory is ResourceExhausted, and the hint says ulimit",
          "[fabric][verbs][F21][O-18]") {
  Nodes nodes{"verbs"};
  if (geteuid() == 0) SKIP("root locks what it likes");
  nodes.connect();
  std::vector<std::byte> memory(8 << 20);
  const LockedMemory limit{4 << 20};
  const auto attached = nodes.a.lane->attach({memory.data(), memory.size()});
  REQUIRE_FALSE(attached);
  CHECK(attached.error().kind() == ErrorClass::kResourceExhausted);
  CHECK(attached.error().hint().find("ulimit -l") != std::string::npos);
  const auto exposed = nodes.b.lane->expose({memory.data(), memory.size()}, nodes.at_b);
  REQUIRE_FALSE(exposed);
  CHECK(exposed.error().kind() == ErrorClass::kResourceExhausted);
  CHECK(nodes.a.lane->attach({memory.data(), 4096}));  // what fits goes on
}

TEST_CASE("verbs: memory past the limit for a ring of messages leaves its receives to immediates",
          "[fabric][verbs][F21]") {
  Nodes nodes{"verbs"};
  if (geteuid() == 0) SKIP("root locks what it likes");
  {
    const LockedMemory limit{32 << 10};
    nodes.connect();
  }
  const Placed to(nodes);
  constexpr std::uint32_t kCount = 500;
  std::uint32_t posted = 0;
  nodes.until("every arrival", [&] {
    CHECK(nodes.a.lane->send(nodes.at_a, to.gather, 1) == lane::Posted::kFull);
    if (posted < kCount &&
        nodes.a.lane->write(nodes.at_a, to.gather, to.remote, posted, posted) == lane::Posted::kTaken)
      ++posted;
    return nodes.b.count<lane::Arrived>() == kCount;
  });
  CHECK(to.landing == to.source);
}

TEST_CASE("verbs: memory that is not mapped is no region, beside three that are", "[fabric][verbs][O-10]") {
  const FabricInfo info = message_info("verbs");
  const Fabric fabric = unwrap(Fabric::open(info.view()));
  Domain domain = unwrap(Domain::open(fabric));
  constexpr std::size_t kPage = 4096;
  auto* mapped =
      static_cast<std::byte*>(mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  REQUIRE(mapped != MAP_FAILED);
  REQUIRE(munmap(mapped + 3 * kPage, kPage) == 0);
  RegionGroup group;
  for (std::size_t at = 0; at < 3; ++at) group.push_back(Region::of(std::span{mapped + at * kPage, kPage}));
  RegionGroup with_a_hole = group;
  with_a_hole.push_back(Region::of(std::span{mapped + 3 * kPage, kPage}));
  const auto refused = domain.register_regions(with_a_hole, Access::kWrite | Access::kRemoteWrite);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().native_code() != 0);
  CHECK(domain.local_regions().empty());
  CHECK(domain.register_regions(group, Access::kWrite | Access::kRemoteWrite));
  CHECK(domain.local_regions().size() == 3);
  munmap(mapped, 3 * kPage);
}

TEST_CASE("verbs: what may only be read is sent from too", "[fabric][verbs][O-19]") {
  Nodes nodes{"verbs"};
  nodes.connect();
  static const std::array<std::byte, 8192> constant{std::byte{1}, std::byte{2}};
  std::vector<std::byte> landing(constant.size(), std::byte{9});
  const auto attached =
      unwrap(nodes.a.lane->attach({const_cast<std::byte*>(constant.data()), constant.size()}));  // NOLINT
  const auto exposed = unwrap(nodes.b.lane->expose({landing.data(), landing.size()}, nodes.at_b));
  const std::array gather{lane::Gather{constant.data(), constant.size(), attached->descriptor()}};
  const std::array remote{lane::RemoteRange{exposed->key(), exposed->base(), landing.size()}};
  REQUIRE(nodes.a.lane->write(nodes.at_a, gather, remote, 3u, 4) == lane::Posted::kTaken);
  nodes.until("the arrival", [&] { return nodes.b.count<lane::Arrived>() == 1; });
  CHECK(std::ranges::equal(landing, constant));
}
