// The target's half of a transfer with libfabric alone (weft::fabric): memory that another process writes into. Prints
// one line to be handed to fabric_initiator, then every grain that arrives, and ends when the initiator is done.
//
//   fabric_target PROVIDER [BIND_ADDRESS [msg|rdm]]      fabric_target tcp 127.0.0.1
//
// PROVIDER is libfabric's name: tcp, net, verbs, shm. Exits with 77 where there is no such provider.
//
// The numbers at the right are the fourteen steps: 1 discovery, 2 fabric, 3 domain, 4 registration, 5 endpoint,
// 6 completion queue, 7 address vector, 8 binding, 9 enabling, 10 address, 11 remote regions, 12 assembly of the info,
// 13 its text, 14 handing it over.
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include <weft/fabric/endpoint.hpp>
#include <weft/fabric/passive_endpoint.hpp>
#include <weft/fabric/provider_config.hpp>
#include <weft/fabric/target_info.hpp>

using namespace weft;
using namespace weft::fabric;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::size_t kGrains = 4;
constexpr std::size_t kGrainBytes = 64 * 1024;

struct Grains {
  std::vector<std::byte> memory = std::vector<std::byte>(kGrains * kGrainBytes);
  std::span<std::byte> at(std::size_t index) { return std::span{memory}.subspan(index * kGrainBytes, kGrainBytes); }
};

Result<FabricInfo> discover(const std::string& provider, const std::string& bind, EndpointType type) {
  const auto known = provider_of(provider);
  if (!known) return fail(ErrorClass::kUnsupported, "fabric_target", "no provider is called " + provider);
  std::optional<FabricAddress> source;
  if (known != Provider::kShm) {
    WEFT_LET(source, FabricAddress::parse(bind));
  }
  WEFT_LET(const ProviderConfig config, ProviderConfig::of(*known));
  return config.find_named(provider, source, type);  // asks FabricInfoList::get with the flags that writing needs
}

void announce(FabricInfoView info, const FabricAddress& address, const RemoteRegionGroup& regions) {
  const TargetInfo target{std::string{info.provider_name()}, info.endpoint_type(), address, regions};
  std::printf("%s\n", target.to_string().c_str());
  std::fflush(stdout);
}

/// Where an immediate takes a receive (verbs), as many are kept posted as may be on their way.
Result<void> post_receives(const Domain& domain, Endpoint& endpoint) {
  if (!domain.using_recv_buf_for_cq_data()) return {};
  for (std::size_t i = 0; i < kGrains + 1; ++i) WEFT_TRY(endpoint.recv({}));
  return {};
}

/// Reports arrivals until the initiator has gone, or is silent when everything is there.
Result<void> receive(const Domain& domain, Grains& grains, Endpoint& endpoint) {
  std::size_t arrived = 0;
  while (true) {
    WEFT_LET(const QueueEntries said,
             endpoint.read_queues_blocking(arrived < kGrains ? Duration{seconds{10}} : Duration{milliseconds{500}}));
    const auto& [completion, event] = said;
    if (completion && completion->is_err_entry() && arrived < kGrains)
      return fail(completion->err().to_error("receive"));
    if (completion && completion->is_data_entry()) {
      const auto data = completion->data();
      if (data.is_remote_write() && data.data()) {
        if (domain.using_recv_buf_for_cq_data()) WEFT_TRY(endpoint.recv({}));  // give back the one it took
        const std::uint64_t index = *data.data();
        if (index >= kGrains) return fail(ErrorClass::kMalformed, "receive", "there is no such grain");
        const auto grain = grains.at(index);
        const auto sum = std::accumulate(grain.begin(), grain.end(), 0ul, [](unsigned long so_far, std::byte one) {
          return so_far + std::to_integer<unsigned>(one);
        });
        std::printf("grain %lu arrived, %zu bytes, sum %lu\n", static_cast<unsigned long>(index), grain.size(), sum);
        ++arrived;
      }
    }
    if (event && (event->is_shutdown() || event->is_error())) break;
    if (!completion && !event) break;
  }
  if (arrived < kGrains) return fail(ErrorClass::kPeerLost, "receive", "the initiator went away early");
  return {};
}

Result<void> run_connectionless(const Domain& domain, const CompletionQueue& cq, Grains& grains) {
  WEFT_LET(Endpoint endpoint, Endpoint::create(domain));          // 5
  WEFT_LET(const AddressVector av, AddressVector::open(domain));  // 7
  WEFT_TRY(endpoint.bind(cq));                                    // 8
  WEFT_TRY(endpoint.bind(av));
  WEFT_TRY(endpoint.enable());  // 9
  WEFT_TRY(post_receives(domain, endpoint));
  WEFT_LET(const FabricAddress address, FabricAddress::from_fid(endpoint.raw()));  // 10
  announce(domain.info(), address, domain.remote_regions());                       // 11 to 14
  return receive(domain, grains, endpoint);
}

// With connections a passive endpoint has the address, and each request for a connection brings what its endpoint is
// made of.
Result<void> run_connected(const Fabric& fabric, const Domain& domain, const CompletionQueue& cq, Grains& grains) {
  WEFT_LET(EventQueue eq, EventQueue::open(fabric));
  WEFT_LET(PassiveEndpoint listener, PassiveEndpoint::open(fabric, fabric.info()));
  WEFT_TRY(listener.bind(eq));
  WEFT_TRY(listener.listen());
  WEFT_LET(const FabricAddress address, FabricAddress::from_fid(listener));  // 10
  announce(domain.info(), address, domain.remote_regions());                 // 11 to 14
  auto event = eq.read_blocking(seconds{30});
  const auto* request = event ? std::get_if<ConnectionRequested>(&*event) : nullptr;
  if (request == nullptr) return fail(ErrorClass::kPeerUnreachable, "listen", "no initiator came");
  WEFT_LET(Endpoint endpoint, Endpoint::create(domain, request->info().view()));  // 5
  WEFT_TRY(endpoint.bind(eq));                                                    // 8
  WEFT_TRY(endpoint.bind(cq));
  WEFT_TRY(endpoint.enable());  // 9
  WEFT_TRY(post_receives(domain, endpoint));
  WEFT_TRY(endpoint.accept());
  return receive(domain, grains, endpoint);
}

Result<void> run(const std::string& provider, const std::string& bind, EndpointType type) {
  Grains grains;
  WEFT_LET(const FabricInfo info, discover(provider, bind, type));  // 1
  WEFT_LET(const Fabric fabric, Fabric::open(info.view()));         // 2
  WEFT_LET(Domain domain, Domain::open(fabric));                    // 3
  RegionGroup regions;
  for (std::size_t i = 0; i < kGrains; ++i) regions.push_back(Region::of(grains.at(i)));
  WEFT_TRY(domain.register_regions(regions, Access::kRemoteWrite));   // 4
  WEFT_LET(const CompletionQueue cq, CompletionQueue::open(domain));  // 6
  if (info.view().endpoint_type() == EndpointType::kMessage) return run_connected(fabric, domain, cq, grains);
  return run_connectionless(domain, cq, grains);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: fabric_target PROVIDER [BIND_ADDRESS [msg|rdm]]\n"), 2;
  EndpointType type = EndpointType::kAny;  // the provider's usual one
  if (argc > 3) type = std::string_view{argv[3]} == "rdm" ? EndpointType::kReliableDatagram : EndpointType::kMessage;
  const auto done = run(argv[1], argc > 2 ? argv[2] : "127.0.0.1", type);
  if (done) return 0;
  std::fprintf(stderr, "error: %s\n", done.error().to_string().c_str());
  return done.error().kind() == ErrorClass::kUnsupported ? 77 : 1;
}
