// The initiator's half of a transfer with libfabric alone (weft::fabric): writes four grains into the memory of the
// target whose line (fabric_target prints it) is the argument.
//
//   fabric_initiator "weft-target/1 net msg …" [BIND_ADDRESS]
//
// Exits with 77 where there is no such provider.
//
// The numbers at the right are the nine steps: 1 discovery, 2 fabric and domain, 3 registration, 4 endpoint,
// 5 completion queue, 6 address vector, 7 binding, 8 enabling, 9 local regions. Then: add a target, transfer, poll.
#include <cstdio>
#include <string>
#include <vector>

#include <weft/fabric/endpoint.hpp>
#include <weft/fabric/provider_config.hpp>
#include <weft/fabric/target_info.hpp>

using namespace weft;
using namespace weft::fabric;
using std::chrono::seconds;

namespace {

constexpr std::size_t kGrains = 4;
constexpr std::size_t kGrainBytes = 64 * 1024;

/// A target, as its initiator keeps it.
struct Target {
  PeerHandle handle = kConnectedPeer;
  RemoteRegionGroup regions{};
};

std::vector<std::byte> make_grains() {
  std::vector<std::byte> memory(kGrains * kGrainBytes);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::byte>(i / kGrainBytes + 1);
  return memory;
}

Result<FabricInfo> discover(const TargetInfo& target, const std::string& bind) {
  const auto known = provider_of(target.provider);
  if (!known) return fail(ErrorClass::kUnsupported, "fabric_initiator", "no provider is called " + target.provider);
  std::optional<FabricAddress> source;
  if (known != Provider::kShm) {
    WEFT_LET(source, FabricAddress::parse(bind));
  }
  WEFT_LET(const ProviderConfig config, ProviderConfig::of(*known));
  WEFT_LET(FabricInfo info, config.find_named(target.provider, source, target.endpoint_type));
  if (target.endpoint_type == EndpointType::kMessage) WEFT_TRY(info.set_destination(target.address));
  return info;
}

/// Reads one completion of a write of ours. A local write's completion means that the grain is at the target.
Result<void> one_completion(Endpoint& endpoint) {
  WEFT_LET(const QueueEntries said, endpoint.read_queues_blocking(seconds{10}));
  const auto& [completion, event] = said;
  if (completion && completion->is_err_entry()) return fail(completion->err().to_error("write"));
  if (completion && completion->is_data_entry() && completion->data().is_local_write()) return {};
  if (event) return fail(ErrorClass::kPeerLost, "write", "the target went away");
  return fail(ErrorClass::kDeadlineExceeded, "write", "no completion in ten seconds");
}

/// Writes every grain, and returns when all of them are at the target.
Result<void> transfer(Endpoint& endpoint, const LocalRegionGroup& local, const Target& target) {
  std::size_t outstanding = 0;
  for (std::uint32_t grain = 0; grain < kGrains; ++grain) {
    while (true) {
      // The immediate tells the target which grain it is.
      WEFT_LET(const PostResult posted, endpoint.write(local[grain], target.regions[grain], target.handle, grain));
      if (posted == PostResult::kPosted) break;
      // The queue is full, or the provider is still connecting: reading the queues makes progress.
      if (endpoint.read_queues().first) --outstanding;
    }
    ++outstanding;
  }
  for (; outstanding > 0; --outstanding) WEFT_TRY(one_completion(endpoint));
  return {};
}

Result<Target> add_target(Endpoint& endpoint, AddressVector* av, const TargetInfo& info) {
  if (info.regions.size() != kGrains) return fail(ErrorClass::kInvalidArgument, "add target", "it has other grains");
  if (av != nullptr) {
    WEFT_LET(const PeerHandle handle, av->insert(info.address));
    return Target{handle, info.regions};
  }
  WEFT_TRY(endpoint.connect(info.address));
  WEFT_LET(const QueueEntries said, endpoint.read_queues_blocking(seconds{10}));
  if (!said.second || !said.second->is_connected())
    return fail(ErrorClass::kPeerUnreachable, "connect", "the target did not answer");
  return Target{kConnectedPeer, info.regions};
}

Result<void> run(const std::string& text, const std::string& bind) {
  std::vector<std::byte> grains = make_grains();
  WEFT_LET(const TargetInfo target_info, TargetInfo::from_string(text));
  const bool connected = target_info.endpoint_type == EndpointType::kMessage;
  WEFT_LET(const FabricInfo info, discover(target_info, bind));  // 1
  WEFT_LET(const Fabric fabric, Fabric::open(info.view()));      // 2
  WEFT_LET(Domain domain, Domain::open(fabric));
  RegionGroup regions;
  for (std::size_t i = 0; i < kGrains; ++i)
    regions.push_back(Region::of(std::span{grains}.subspan(i * kGrainBytes, kGrainBytes)));
  WEFT_TRY(domain.register_regions(regions, Access::kWrite));         // 3
  WEFT_LET(Endpoint endpoint, Endpoint::create(domain));              // 4
  WEFT_LET(const CompletionQueue cq, CompletionQueue::open(domain));  // 5
  WEFT_TRY(endpoint.bind(cq));
  std::optional<AddressVector> av;
  if (connected) {
    WEFT_LET(const EventQueue eq, EventQueue::open(fabric));
    WEFT_TRY(endpoint.bind(eq));
  } else {
    WEFT_LET(AddressVector opened, AddressVector::open(domain));  // 6
    WEFT_TRY(endpoint.bind(opened));                              // 7
    av = std::move(opened);
  }
  WEFT_TRY(endpoint.enable());                             // 8
  const LocalRegionGroup& local = domain.local_regions();  // 9
  WEFT_LET(const Target target, add_target(endpoint, av ? &*av : nullptr, target_info));
  WEFT_TRY(transfer(endpoint, local, target));
  std::printf("%zu grains of %zu bytes are at the target\n", kGrains, kGrainBytes);
  return connected ? endpoint.shutdown() : Result<void>{};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: fabric_initiator TARGET [BIND_ADDRESS]\n"), 2;
  const auto done = run(argv[1], argc > 2 ? argv[2] : "127.0.0.1");
  if (done) return 0;
  std::fprintf(stderr, "error: %s\n", done.error().to_string().c_str());
  return done.error().kind() == ErrorClass::kUnsupported ? 77 : 1;
}
