#include "fault_scenarios.hpp"

#include <array>
#include <numeric>
#include <optional>
#include <vector>

#include <weft/fabric/endpoint.hpp>
#include <weft/fabric/passive_endpoint.hpp>
#include <weft/fabric/provider_config.hpp>

namespace weft::fabric::test {
namespace {

constexpr std::size_t kBytes = 4096;
constexpr std::uint32_t kTold = 7;

std::unexpected<Error> wrong(const char* what) { return fail(ErrorClass::kInternal, "scenario", what); }

/// What both kinds of endpoint need.
struct Base {
  FabricInfo info;
  Fabric fabric;
  Domain domain;
  CompletionQueue completions;
  std::unique_ptr<std::vector<std::byte>> memory;
  std::size_t finished = 0;
  std::size_t arrived = 0;

  static Result<Base> open(const std::string& provider, EndpointType type) {
    const bool shm = provider == "shm";
    WEFT_LET(const ProviderConfig config, ProviderConfig::of(shm ? Provider::kShm : Provider::kTcp));
    std::optional<FabricAddress> source;
    if (!shm) {
      WEFT_LET(source, FabricAddress::parse("127.0.0.1"));
    }
    WEFT_LET(FabricInfo info, config.find_named(provider, source, type));
    WEFT_LET(Fabric fabric, Fabric::open(info.view()));
    WEFT_LET(Domain domain, Domain::open(fabric));
    auto memory = std::make_unique<std::vector<std::byte>>(kBytes);
    // Two regions: the second may fail when the first is there.
    WEFT_TRY(domain.register_regions({Region::of(std::span{*memory}), Region::of(std::span{*memory}.first(64))},
                                     Access::kWrite | Access::kRemoteWrite));
    WEFT_LET(CompletionQueue completions, CompletionQueue::open(domain));
    return Base{std::move(info), std::move(fabric), std::move(domain), std::move(completions), std::move(memory)};
  }

  Result<void> turn() {
    std::array<Completion, 8> batch;
    const std::size_t got = completions.read(batch);
    for (std::size_t i = 0; i < got; ++i) {
      if (batch[i].is_err_entry()) return fail(batch[i].err().to_error("scenario"));
      const CompletionData& data = batch[i].data();
      if (data.is_local_write()) ++finished;
      if (!data.is_remote_write()) continue;
      if (data.data() != kTold) return wrong("another immediate arrived");
      ++arrived;
    }
    return {};
  }
};

template <class Condition>
Result<void> wait(Condition&& done) {
  const TimePoint deadline = Clock::now() + std::chrono::seconds{5};
  while (true) {
    WEFT_LET(const bool is_done, done());
    if (is_done) return {};
    if (Clock::now() > deadline) return fail(ErrorClass::kDeadlineExceeded, "scenario", "nothing more happens");
  }
}

/// An end of a connection.
struct Connected {
  Base base;
  EventQueue events;
  std::optional<Endpoint> endpoint{};
  bool up = false;

  static Result<Connected> open(const std::string& provider) {
    WEFT_LET(Base base, Base::open(provider, EndpointType::kMessage));
    WEFT_LET(EventQueue events, EventQueue::open(base.fabric));
    return Connected{std::move(base), std::move(events)};
  }
  Result<void> make(FabricInfoView info) {
    WEFT_LET(Endpoint made, Endpoint::create(base.domain, info));
    WEFT_TRY(made.bind(events));
    WEFT_TRY(made.bind(base.completions));
    WEFT_TRY(made.enable());
    endpoint = std::move(made);
    return {};
  }
  Result<void> turn() {
    WEFT_TRY(base.turn());
    auto event = events.read();
    if (!event) return {};
    if (const auto* error = std::get_if<EventError>(&*event)) return fail(error->to_error("scenario"));
    if (event->is_connected()) up = true;
    if (const auto* request = std::get_if<ConnectionRequested>(&*event)) {
      WEFT_TRY(make(request->info().view()));
      WEFT_TRY(endpoint->accept());
    }
    return {};
  }
};

/// A connectionless end.
struct Datagram {
  Base base;
  AddressVector vector;
  Endpoint endpoint;

  static Result<Datagram> open(const std::string& provider) {
    WEFT_LET(Base base, Base::open(provider, EndpointType::kReliableDatagram));
    WEFT_LET(AddressVector vector, AddressVector::open(base.domain));
    WEFT_LET(Endpoint endpoint, Endpoint::create(base.domain));
    WEFT_TRY(endpoint.bind(base.completions));
    WEFT_TRY(endpoint.bind(vector));
    WEFT_TRY(endpoint.enable());
    return Datagram{std::move(base), std::move(vector), std::move(endpoint)};
  }
};

LocalRegionGroup cut(const LocalRegion& whole, std::size_t ranges) {
  LocalRegionGroup group;
  const std::size_t part = whole.len / ranges;
  for (std::size_t i = 0; i < ranges; ++i)
    group.push_back({whole.addr + i * part, i + 1 == ranges ? whole.len - i * part : part, whole.desc});
  return group;
}

}  // namespace

Result<void> connect_and_write(const std::string& provider) {
  WEFT_LET(Connected target, Connected::open(provider));
  WEFT_LET(PassiveEndpoint listener, PassiveEndpoint::open(target.base.fabric, target.base.info.view()));
  WEFT_TRY(listener.bind(target.events));
  WEFT_TRY(listener.listen());
  WEFT_LET(const FabricAddress address, FabricAddress::from_fid(listener));
  WEFT_LET(Connected initiator, Connected::open(provider));
  FabricInfo towards = initiator.base.info;
  WEFT_TRY(towards.set_source(std::nullopt));
  WEFT_TRY(towards.set_destination(address));
  WEFT_TRY(initiator.make(towards.view()));
  WEFT_TRY(initiator.endpoint->connect(address));
  const auto turn = [&]() -> Result<void> {
    WEFT_TRY(initiator.turn());
    return target.turn();
  };
  WEFT_TRY(wait([&]() -> Result<bool> {
    WEFT_TRY(turn());
    return initiator.up && target.up;
  }));
  std::iota(reinterpret_cast<std::uint8_t*>(initiator.base.memory->data()),
            reinterpret_cast<std::uint8_t*>(initiator.base.memory->data()) + kBytes, std::uint8_t{1});
  WEFT_TRY(wait([&]() -> Result<bool> {
    WEFT_LET(const PostResult posted,
             initiator.endpoint->write(initiator.base.domain.local_regions()[0], target.base.domain.remote_regions()[0],
                                       kConnectedPeer, kTold));
    WEFT_TRY(turn());
    return posted == PostResult::kPosted;
  }));
  WEFT_TRY(wait([&]() -> Result<bool> {
    WEFT_TRY(turn());
    return initiator.base.finished == 1 && target.base.arrived == 1;
  }));
  if (*target.base.memory != *initiator.base.memory) return wrong("other bytes arrived");
  return initiator.endpoint->shutdown();
}

Result<void> fan_out(const std::string& provider, std::size_t ranges) {
  WEFT_LET(Datagram source, Datagram::open(provider));
  std::vector<Datagram> targets;
  std::vector<PeerHandle> handles;
  for (int i = 0; i < 3; ++i) {
    WEFT_LET(Datagram target, Datagram::open(provider));
    WEFT_LET(const FabricAddress address, FabricAddress::from_fid(target.endpoint));
    WEFT_LET(const PeerHandle handle, source.vector.insert(address));
    targets.push_back(std::move(target));
    handles.push_back(handle);
  }
  source.base.memory->assign(kBytes, std::byte{0x5A});
  const LocalRegionGroup local = cut(source.base.domain.local_regions()[0], ranges);
  std::vector<GroupWrite> writes;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    WEFT_LET(GroupWrite write,
             source.endpoint.write(local, targets[i].base.domain.remote_regions()[0], handles[i], kTold));
    writes.push_back(write);
  }
  std::size_t operations = 0;
  WEFT_TRY(wait([&]() -> Result<bool> {
    bool all = true;
    operations = 0;
    WEFT_TRY(source.base.turn());
    for (std::size_t i = 0; i < targets.size(); ++i) {
      // One that found the queue full goes on where it stopped; the others have theirs already.
      if (!writes[i].is_posted()) WEFT_TRY(writes[i].post(source.endpoint));
      WEFT_TRY(targets[i].base.turn());
      all = all && writes[i].is_posted() && targets[i].base.arrived > 0;
      operations += writes[i].operations();
    }
    return all && source.base.finished == operations;
  }));
  for (Datagram& target : targets) {
    for (int lap = 0; lap < 10; ++lap) WEFT_TRY(target.base.turn());
    if (target.base.arrived != 1) return wrong("a target was told twice");
    if (*target.base.memory != *source.base.memory) return wrong("other bytes arrived");
  }
  for (const PeerHandle handle : handles) WEFT_TRY(source.vector.remove(handle));
  return {};
}

}  // namespace weft::fabric::test
