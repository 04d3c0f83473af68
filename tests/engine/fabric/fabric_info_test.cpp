#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <ranges>

#include <weft/fabric/fabric_info.hpp>

#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;

static_assert(std::ranges::forward_range<FabricInfoList>);
static_assert(!std::is_copy_constructible_v<FabricInfoList>);
static_assert(std::is_copy_constructible_v<FabricInfo>);

namespace {

FabricInfoList everything() {
  auto list = FabricInfoList::get();
  if (!list) SKIP(list.error().to_string());
  return std::move(*list);
}

}  // namespace

TEST_CASE("any Linux host offers tcp and shm, and algorithms run over the list", "[fabric][O-04]") {
  const FabricInfoList list = everything();
  CHECK(std::ranges::any_of(list, [](FabricInfoView one) { return one.provider_name() == "tcp"; }));
  CHECK(std::ranges::any_of(list, [](FabricInfoView one) { return one.provider_name() == "shm"; }));
  CHECK(std::ranges::count_if(list, [](FabricInfoView one) { return one.endpoint_type() == EndpointType::kMessage; }) >
        0);
}

TEST_CASE("a query is answered with what it asked for, or with nothing", "[fabric][O-04][O-05]") {
  for (const char* provider : test::provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      const FabricInfo info = test::message_info(provider);
      const FabricInfoView view = info.view();
      CHECK(view.provider_name() == provider);
      CHECK(view.endpoint_type() == EndpointType::kMessage);
      const bool rdma = std::string_view{provider} == "verbs";
      CHECK((view.mr_mode() != 0) == rdma);
      CHECK(view.using_virtual_addresses() == rdma);
      CHECK(view.using_recv_buf_for_cq_data() == rdma);
      CHECK(view.needs_local_registration() == rdma);
      CHECK(view.tx_iov_limit() >= (rdma ? 1 : 4));
      CHECK(view.rma_iov_limit() == (rdma ? 1 : 4));
      CHECK(view.cq_data_size() >= 4);
      CHECK((view.source().value().to_string() == "127.0.0.1:0") != rdma);
      CHECK_FALSE(view.destination());
      CHECK(view.to_string().find(provider) != std::string::npos);
    }
  }
  const auto nothing = FabricInfoList::get({.provider = "no-such-provider"});
  REQUIRE(nothing);
  CHECK(nothing->empty());
}

TEST_CASE("an owned copy outlives the list it was found in", "[fabric][O-03]") {
  std::optional<FabricInfo> kept;
  std::string name;
  {
    const FabricInfoList list = everything();
    kept = (*list.begin()).owned();
    name = (*list.begin()).provider_name();
  }
  CHECK(kept->view().provider_name() == name);
}

TEST_CASE("copies are deep, moves leave nothing behind, and self-assignment keeps the value", "[fabric][O-02]") {
  FabricInfo first = test::message_info("tcp");
  for (int lap = 0; lap < 1000; ++lap) {
    FabricInfo copy = first;
    REQUIRE(copy.raw() != first.raw());
    REQUIRE(copy.set_source(std::nullopt));
    REQUIRE(first.view().source());
    REQUIRE_FALSE(copy.view().source());
    FabricInfo moved = std::move(copy);
    FabricInfo other = first;
    other = std::move(moved);
    other = first;
    const FabricInfo& same = other;
    other = same;
    REQUIRE(other.view().provider_name() == "tcp");
  }
}

TEST_CASE("an address is replaced and taken away", "[fabric][O-02]") {
  FabricInfo info = test::message_info("tcp");
  const FabricAddress to = unwrap(FabricAddress::parse("127.0.0.1:4321"));
  REQUIRE(info.set_destination(to));
  CHECK(info.view().destination() == to);
  REQUIRE(info.set_destination(std::nullopt));
  CHECK_FALSE(info.view().destination());
}
