// Every call of libfabric fails once, or is refused, or is late, in each use that the classes are made for.
#include <rdma/fabric.h>
#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "datagram_side.hpp"
#include "fault_scenarios.hpp"
#include "fault_shim.hpp"
#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

namespace {

constexpr std::uint64_t kMostCalls = 500;
constexpr std::uint64_t kReads = 6;
constexpr int kCode = ENOMEM;

bool may_be_retried(std::string_view call) { return call == "fi_writemsg" || call.ends_with("_read"); }

/// Runs the scenario with the plan; whether the plan's call was there to go wrong.
template <class Scenario>
bool goes_wrong_well(const FaultPlan& plan, Scenario&& scenario) {
  FaultShim shim{plan};
  const Result<void> result = scenario();
  INFO("call " << plan.nth << ", " << shim.where() << ": " << (result ? "passed" : result.error().to_string()));
  CHECK(shim.open_objects() == 0);
  CHECK(shim.failed_closes() == 0);
  CHECK(shim.dirty_errors() == 0);
  const bool must_pass = !shim.reached() || plan.kind == FaultPlan::Kind::kDelay ||
                         (plan.kind == FaultPlan::Kind::kAgain && may_be_retried(shim.where()));
  CHECK(result.has_value() == must_pass);
  if (!result) {
    CHECK(result.error().kind() == ErrorClass::kResourceExhausted);
    CHECK(result.error().to_string().find(std::to_string(kCode)) != std::string::npos);
  }
  return shim.reached();
}

/// libfabric 1.17 keeps a descriptor or two of each connection that was being made when a connectionless endpoint of
/// `net` closed.
enum class Descriptors : bool { kAllBack, kSomeKept };

template <class Scenario>
void every_call(FaultPlan::Kind kind, Scenario&& scenario, Descriptors descriptors = Descriptors::kAllBack) {
  if (const auto library = FabricVersion::running(); !library) SKIP(library.error().to_string());
  const std::size_t before = open_descriptors();
  std::uint64_t nth = 0;
  while (nth < kMostCalls && goes_wrong_well({.nth = nth, .kind = kind, .code = kCode}, scenario)) ++nth;
  CHECK(nth > 20);
  CHECK(nth < kMostCalls);
  // Two: what the first use of a provider keeps.
  if (descriptors == Descriptors::kAllBack) CHECK(open_descriptors() <= before + 2);
  for (std::string_view only : {"fi_cq_read", "fi_eq_read"})
    for (std::uint64_t read = 0; read < kReads; ++read)
      goes_wrong_well({.nth = read, .kind = kind, .only = only, .code = kCode}, scenario);
}

Descriptors kept(std::string_view provider) {
  return provider == "net" ? Descriptors::kSomeKept : Descriptors::kAllBack;
}

}  // namespace

TEST_CASE("whichever call fails while connecting and writing, an Error comes of it and nothing is left",
          "[fabric][fault][O-W8]") {
  for (const char* provider : kSoftwareProviders) DYNAMIC_SECTION("on " << provider) {
      every_call(FaultPlan::Kind::kFail, [&] { return connect_and_write(provider); });
    }
}

TEST_CASE("whichever call fails in a fan-out, an Error comes of it and nothing is left",
          "[fabric][fault][O-W3][O-W8]") {
  for (const char* provider : kDatagramProviders) DYNAMIC_SECTION("on " << provider) {
      every_call(FaultPlan::Kind::kFail, [&] { return fan_out(provider); }, kept(provider));
    }
}

TEST_CASE("whichever post or read says try again, it is tried again and nothing is sent twice",
          "[fabric][fault][O-W3]") {
  for (const char* provider : kSoftwareProviders) DYNAMIC_SECTION("connected, on " << provider) {
      every_call(FaultPlan::Kind::kAgain, [&] { return connect_and_write(provider); });
    }
  for (const char* provider : kDatagramProviders) DYNAMIC_SECTION("fan-out, on " << provider) {
      every_call(FaultPlan::Kind::kAgain, [&] { return fan_out(provider); }, kept(provider));
      for (std::uint64_t nth = 0; nth < 60; ++nth)
        if (!goes_wrong_well({.nth = nth, .kind = FaultPlan::Kind::kAgain, .only = "fi_writemsg", .code = kCode},
                             [&] { return fan_out(provider, 64); }))
          break;
    }
}

TEST_CASE("whichever call is late, everything passes", "[fabric][fault]") {
  DYNAMIC_SECTION("connected") {
    every_call(FaultPlan::Kind::kDelay, [] { return connect_and_write("net"); });
  }
  DYNAMIC_SECTION("fan-out") {
    every_call(FaultPlan::Kind::kDelay, [] { return fan_out("shm"); });
  }
}

TEST_CASE("ten writes to a peer that goes have ten ends, and error entries are zeroed before they are filled",
          "[fabric][fault][O-W4][O-W9]") {
  FaultShim shim;
  {
    Connection pair{"tcp"};
    std::vector<std::byte> memory(16 << 20);
    REQUIRE(pair.b.domain.register_regions({Region::of(std::span{memory})}, Access::kRemoteWrite));
    for (int i = 0; i < 10; ++i)
      REQUIRE(
          unwrap(pair.at_a->write(LocalRegion{reinterpret_cast<std::uint64_t>(memory.data()), memory.size(), nullptr},
                                  pair.b.domain.remote_regions()[0])) == PostResult::kPosted);
    pair.at_b->close();
    // Ten posts, ten ends: none is lost with the peer.
    pair.until("every end", [&] { return pair.a.done.size() == 10; });
    CHECK(std::ranges::any_of(pair.a.done, [](const Completion& one) { return one.is_err_entry(); }));
    for (const Completion& one : pair.a.done)
      CHECK((one.is_err_entry() ? one.err().fid() : one.data().fid()) == pair.at_a->id());
  }
  CHECK(shim.error_reads() > 0);
  CHECK(shim.dirty_errors() == 0);
  CHECK(shim.open_objects() == 0);
}

TEST_CASE("without order the parts of a write are delivered first and the last is fenced",
          "[fabric][fault][O-29][O-W10]") {
  // The one software provider that knows fences.
  auto found = FabricInfoList::get({.provider = "sockets",
                                    .endpoint_type = EndpointType::kReliableDatagram,
                                    .caps = FI_MSG | FI_RMA | FI_FENCE,
                                    .source = unwrap(FabricAddress::parse("127.0.0.1"))});
  if (!found || found->empty()) SKIP("libfabric has no provider with fences here");
  FabricInfo unordered = (*found->begin()).owned();
  unordered.raw()->tx_attr->msg_order = 0;
  unordered.raw()->rx_attr->msg_order = 0;
  FaultShim shim;
  {
    DatagramSide a{unordered};
    DatagramSide b{unordered};
    CHECK_FALSE(a.endpoint.limits().ordered);
    CHECK(a.endpoint.limits().can_fence);
    a.fill(2);
    const LocalRegion whole = a.domain.local_regions()[0];
    LocalRegionGroup parts;
    for (std::size_t i = 0; i < 16; ++i) parts.push_back(unwrap(whole.sub(i * 256, 256)));
    GroupWrite write = unwrap(
        GroupWrite::of(parts, b.domain.remote_regions()[0], {.to = a.knows(b), .immediate = 3u, .delivered = false}));
    until({&a, &b}, "room", [&] { return unwrap(write.post(a.endpoint)) == PostResult::kPosted; });
    REQUIRE(write.operations() > 1);
    until({&a, &b}, "all ends", [&] { return a.done.size() == write.operations() && b.arrivals() == 1; });
    CHECK(a.memory == b.memory);
    constexpr std::uint64_t kSeen = FI_DELIVERY_COMPLETE | FI_REMOTE_CQ_DATA | FI_FENCE;
    REQUIRE(shim.write_flags().size() == write.operations());
    for (std::size_t i = 0; i + 1 < write.operations(); ++i)
      CHECK((shim.write_flags()[i] & kSeen) == FI_DELIVERY_COMPLETE);
    CHECK((shim.write_flags().back() & kSeen) == (FI_REMOTE_CQ_DATA | FI_FENCE));
  }
  CHECK(shim.open_objects() == 0);
}
