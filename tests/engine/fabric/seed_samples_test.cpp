// The code samples of the document that the classes follow, with its substitutions only: snake_case, factories that
// return Result, arguments dereferenced.
#include <rdma/fabric.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_rma.h>
#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/base64.hpp>
#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/target_info.hpp>
#include <weft/fabric/variant_utils.hpp>

#include "datagram_side.hpp"
#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;
using namespace std::chrono_literals;

namespace {

/// What a C function returns, and how an Error becomes that: no exception reaches the boundary.
enum Status { kStatusOk = 0, kStatusNotFound, kStatusUnsupported, kStatusUnknown };
Status status_of(const Error& error) {
  if (error.kind() == ErrorClass::kNotFound) return kStatusNotFound;
  return error.kind() == ErrorClass::kUnsupported ? kStatusUnsupported : kStatusUnknown;
}

extern "C" Status sample_create_target(const char* provider) {
  const auto found = provider_from_string(provider);
  if (!found) return kStatusNotFound;
  const auto opened = unwrap(ProviderConfig::of(*found)).find();
  if (!opened) return status_of(opened.error());
  return kStatusOk;
}

}  // namespace

TEST_CASE("sample: the three kinds of region have the members that are shown", "[fabric][O-14][O-21][O-23]") {
  Region region;
  region.base = 1;
  region.size = 2;
  region.loc = Region::Location::host();
  const LocalRegion local{.addr = region.base, .len = region.size, .desc = nullptr};
  const RemoteRegion remote{.addr = 0, .len = region.size, .rkey = 3};
  CHECK(local.len == remote.len);
  CHECK(Region::Location::cuda(1).to_string() == "cuda, id=1");
}

TEST_CASE("sample: the address vector, both ways of polling, and a visit", "[fabric][O-38][O-40][O-45][O-48][O-56]") {
  for (const char* provider : kDatagramProviders) {
    DYNAMIC_SECTION("on " << provider) {
      DatagramSide target{provider};
      const auto target_address = FabricAddress::from_fid(target.endpoint.raw());
      REQUIRE(target_address);
      const std::string target_info_string = target_address->to_base64();

      auto info = datagram_info(provider);
      auto fabric = Fabric::open(info.view());
      auto domain = Domain::open(*fabric);
      std::vector<std::byte> buffer(4096, std::byte{7});
      REQUIRE(domain->register_regions({Region::of(std::span{buffer})}, FI_WRITE));
      auto endpoint = Endpoint::create(*domain);
      auto cq = CompletionQueue::open(*domain);
      auto av = AddressVector::open(*domain);
      REQUIRE(endpoint->bind(*cq));
      REQUIRE(endpoint->bind(*av));
      REQUIRE(endpoint->enable());
      const auto local_region = domain->local_regions()[0];
      const auto remote_region = target.domain.remote_regions()[0];
      const std::uint32_t grain_index = 17;

      auto remote_addr = FabricAddress::from_base64(target_info_string);
      auto handle = av->insert(*remote_addr);
      auto posted = endpoint->write(local_region, remote_region, *handle, grain_index);

      const auto deadline = Clock::now() + 10s;
      while (posted && *posted == PostResult::kAgain && Clock::now() < deadline) {
        cq->read();
        target.turn();
        posted = endpoint->write(local_region, remote_region, *handle, grain_index);
      }
      std::optional<Completion> sent;
      std::optional<std::uint64_t> arrived;
      while (!(sent && arrived) && Clock::now() < deadline) {
        if (!sent) sent = cq->read_blocking(1ms);
        auto comp = target.completions.read();
        if (comp && comp->is_data_entry()) {
          auto data = comp->data();
          if (data.is_remote_write()) {
            auto grain_index = data.data();  // Extract immediate data
            arrived = grain_index;
          }
        }
      }
      REQUIRE((sent && arrived));
      CHECK(*arrived == 17);
      CHECK(buffer == target.memory);
      CHECK((sent->is_data_entry() && sent->data().is_local_write()));

      const Completion& completion = *sent;
      bool visited = false;
      std::visit(overloaded{[&](Completion::Data const& data) { visited = data.fid() == endpoint->id(); },
                            [](Completion::Error const& err) { FAIL(err.to_string()); }},
                 completion);
      CHECK(visited);
    }
  }
}

TEST_CASE("sample: waiting for a connection", "[fabric][O-42][O-43]") {
  for (const char* provider : kSoftwareProviders) {
    DYNAMIC_SECTION("on " << provider) {
      Side there{provider};
      const PassiveEndpoint listener = there.listener();
      auto addr = FabricAddress::from_fid(listener);
      REQUIRE(addr);
      std::string encoded = addr->to_base64();
      CHECK(FabricAddress::from_base64(encoded) == *addr);

      FabricInfo info = message_info(provider);
      REQUIRE(info.set_source(std::nullopt));
      REQUIRE(info.set_destination(*addr));
      auto fabric = Fabric::open(info.view());
      auto domain = Domain::open(*fabric);
      auto eq = EventQueue::open(*fabric);
      auto cq = CompletionQueue::open(*domain);
      auto endpoint = Endpoint::create(*domain);
      REQUIRE(endpoint->bind(*eq));
      REQUIRE(endpoint->bind(*cq));
      REQUIRE(endpoint->enable());
      REQUIRE(endpoint->connect(*addr));
      const auto timeout = 5ms;
      std::optional<Endpoint> accepted;
      bool connected = false;
      for (const auto deadline = Clock::now() + 10s; !connected && Clock::now() < deadline;) {
        auto event = eq->read_blocking(timeout);
        if (event && event->is_connected()) {
          connected = true;  // Connection ready, can start data transfers
          CHECK(event->fid() == endpoint->fid());
        }
        there.turn();
        if (!accepted && there.count<ConnectionRequested>() == 1) {
          accepted.emplace(there.endpoint(there.first<ConnectionRequested>().info().view()));
          REQUIRE(accepted->accept());
        }
      }
      CHECK(connected);
    }
  }
}

TEST_CASE("sample: fi_call names what failed, with code and text", "[fabric][O-52]") {
  const Side side{"tcp"};
  fid_domain* domain = side.domain.raw();
  fi_info* info = side.info.raw();
  fid_ep* ep = nullptr;
  const auto made = fi_call(fi_endpoint, "Failed to create endpoint", domain, info, &ep, nullptr);
  REQUIRE(made);
  CHECK(*made == 0);
  fi_close(&ep->fid);
  const auto enabled = fi_call([](fid_ep*) { return -FI_ENOCQ; }, "Failed to enable", ep);
  REQUIRE_FALSE(enabled);
  CHECK(enabled.error().to_string().starts_with("Failed to enable"));
  CHECK(enabled.error().native_code() == FI_ENOCQ);
  CHECK_FALSE(enabled.error().native_text().empty());
}

TEST_CASE("sample: a C boundary returns a status, and no exception passes it", "[fabric][O-50][O-53]") {
  const Status tcp = sample_create_target("tcp");
  CHECK((tcp == kStatusOk || tcp == kStatusUnsupported));
  CHECK(sample_create_target("TCP") == kStatusNotFound);
  CHECK(sample_create_target("") == kStatusNotFound);
  CHECK(sample_create_target("efa") != kStatusUnknown);
}

TEST_CASE("sample: base64 by its own names", "[fabric][O-54]") {
  const std::vector<std::uint8_t> data{1, 2, 3, 4, 5};
  const auto text = base64::encode_into<std::string>(data);
  CHECK(text == "AQIDBAU=");
  CHECK(base64::decode_into<std::vector<std::uint8_t>>(text) == data);
}
