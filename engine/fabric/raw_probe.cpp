#include <weft/fabric/raw_probe.hpp>

#include <rdma/fabric.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <weft/fabric/fabric_error.hpp>
#include <weft/fabric/provider.hpp>

namespace weft::fabric {
namespace {

// Immediates: what the target does with an arrival.
constexpr std::uint32_t kNothing = 0;
constexpr std::uint32_t kAnswer = 1u << 31;  // write back as many bytes as the lower bits say

constexpr std::size_t kMaxPing = 1 << 20;

/// What each side tells the other in its connect data.
struct Landing {
  std::uint64_t key = 0;
  std::uint64_t base = 0;
};

struct Unmap {
  std::size_t size = 0;
  void operator()(std::byte* data) const noexcept { munmap(data, size); }
};
using Memory = std::unique_ptr<std::byte, Unmap>;

Result<Memory> map_memory(std::size_t size) {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return fail_errno(errno, "mmap");
  madvise(data, size, MADV_HUGEPAGE);
  std::memset(data, 1, size);
  return Memory{static_cast<std::byte*>(data), Unmap{size}};
}

Result<FabricInfo> find_info(const std::string& provider, const std::string& address) {
  WEFT_LET(const FabricVersion running, FabricVersion::running());
  const ProviderHabits habits = habits_of(provider, running);
  WEFT_LET(const FabricAddress source, FabricAddress::parse(address));
  WEFT_LET(const FabricInfoList list, FabricInfoList::get({.provider = provider,
                                                           .endpoint_type = EndpointType::kMessage,
                                                           .caps = FI_MSG | FI_RMA,
                                                           .mode = habits.mode,
                                                           .mr_mode = habits.mr_mode,
                                                           .source = source}));
  for (FabricInfoView one : list)
    if (one.provider_name() == provider) return one.owned();
  return fail(ErrorClass::kUnsupported, "fi_getinfo", "no provider \"" + provider + "\"");
}

Duration median(std::vector<Duration> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

}  // namespace

struct RawPeer::Parts {
  FabricInfo info;
  Fabric fabric;
  Domain domain;
  EventQueue events;
  CompletionQueue completions;
  std::size_t footprint;
  Memory source;
  Memory landing;
  MemoryRegion source_region;
  MemoryRegion landing_region;
  std::optional<PassiveEndpoint> listener{};
  std::optional<Endpoint> endpoint{};
  Landing peer{};
  std::uint64_t finished = 0;  // our writes
  std::uint64_t posted = 0;
  std::vector<std::uint32_t> arrived{};
  bool down = false;

  Result<void> turn();
  Result<void> look();
  template <class Condition>
  Result<void> spin(TimePoint deadline, Condition&& condition);
  Result<void> write(std::size_t offset, std::size_t size, std::uint32_t immediate, TimePoint deadline);
  Result<Event> event(TimePoint deadline);
  Result<void> ready(Endpoint opened);
  std::array<std::byte, sizeof(Landing)> hello() const;
  Result<void> heard(std::span<const std::byte> data);
};

RawPeer::RawPeer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RawPeer::RawPeer(RawPeer&&) noexcept = default;
RawPeer& RawPeer::operator=(RawPeer&&) noexcept = default;
RawPeer::~RawPeer() = default;

Result<RawPeer> RawPeer::open(const std::string& provider, std::size_t footprint, const std::string& bind_address) {
  WEFT_LET(FabricInfo info, find_info(provider, bind_address));
  WEFT_LET(Fabric fabric, Fabric::open(info.view()));
  WEFT_LET(Domain domain, Domain::open(fabric));
  WEFT_LET(EventQueue events, EventQueue::open(fabric, {.wait = Wait::kNone}));
  WEFT_LET(CompletionQueue completions, CompletionQueue::open(domain, {.wait = Wait::kNone}));
  const std::size_t size = std::max(footprint, kMaxPing);
  WEFT_LET(Memory source, map_memory(size));
  WEFT_LET(Memory landing, map_memory(size));
  WEFT_LET(MemoryRegion source_region,
           MemoryRegion::reg(domain, Region::of(std::span{source.get(), size}), Access::kWrite, 1));
  WEFT_LET(MemoryRegion landing_region,
           MemoryRegion::reg(domain, Region::of(std::span{landing.get(), size}), Access::kRemoteWrite, 2));
  return RawPeer{std::unique_ptr<Parts>(new Parts{
      std::move(info), std::move(fabric), std::move(domain), std::move(events), std::move(completions), footprint,
      std::move(source), std::move(landing), std::move(source_region), std::move(landing_region)})};
}

std::array<std::byte, sizeof(Landing)> RawPeer::Parts::hello() const {
  const RemoteRegion mine = landing_region.to_remote();
  const Landing landing_at{mine.rkey, mine.addr};
  std::array<std::byte, sizeof(Landing)> data;
  std::memcpy(data.data(), &landing_at, sizeof landing_at);
  return data;
}

Result<void> RawPeer::Parts::heard(std::span<const std::byte> data) {
  if (data.size() < sizeof(Landing)) return fail(ErrorClass::kMalformed, "raw probe", "connect data is short");
  std::memcpy(&peer, data.data(), sizeof peer);
  return {};
}

Result<void> RawPeer::Parts::ready(Endpoint opened) {
  WEFT_TRY(opened.bind(events));
  WEFT_TRY(opened.bind(completions));
  WEFT_TRY(opened.enable());
  if (domain.using_recv_buf_for_cq_data())
    for (std::size_t i = 0; i < std::min<std::size_t>(info.view().rx_size(), 256); ++i)
      WEFT_TRY(opened.recv({}, nullptr));
  endpoint.emplace(std::move(opened));
  return {};
}

Result<void> RawPeer::Parts::turn() {
  std::array<Completion, 16> batch;
  const std::size_t got = completions.read(batch);
  for (std::size_t i = 0; i < got; ++i) {
    if (const auto* error = batch[i].try_err()) {
      down = true;
      if (!error->is_flushed()) return fail(error->to_error("raw probe"));
      continue;
    }
    const auto* data = batch[i].try_data();
    if (!data->is_remote_write()) {
      ++finished;
      continue;
    }
    if (domain.using_recv_buf_for_cq_data()) WEFT_TRY(endpoint->recv({}, nullptr));
    arrived.push_back(static_cast<std::uint32_t>(data->data().value_or(kNothing)));
  }
  return {};
}

Result<void> RawPeer::Parts::look() {
  if (auto said = events.read(); said && (said->is_shutdown() || said->is_error())) down = true;
  return {};
}

template <class Condition>
Result<void> RawPeer::Parts::spin(TimePoint deadline, Condition&& condition) {
  for (std::uint32_t laps = 0; !condition(); ++laps) {
    WEFT_TRY(turn());
    if (down) return fail(ErrorClass::kPeerLost, "raw probe", "the peer went away");
    if (laps % 256 != 0) continue;
    WEFT_TRY(look());
    if (Clock::now() > deadline) return fail(ErrorClass::kDeadlineExceeded, "raw probe", "the peer did not answer");
  }
  return {};
}

Result<void> RawPeer::Parts::write(std::size_t offset, std::size_t size, std::uint32_t immediate, TimePoint deadline) {
  const std::array from{
      LocalRegion{reinterpret_cast<std::uint64_t>(source.get() + offset), size, source_region.desc()}};
  const std::array to{RemoteRegion{peer.base + offset, size, peer.key}};
  while (true) {
    WEFT_LET(const PostResult result, endpoint->write(from, to, immediate, this));
    if (result == PostResult::kPosted) break;
    WEFT_TRY(spin(deadline, [&, before = finished] { return finished > before; }));
  }
  ++posted;
  return {};
}

Result<Event> RawPeer::Parts::event(TimePoint deadline) {
  while (Clock::now() < deadline) {
    WEFT_TRY(turn());
    if (auto said = events.read()) {
      if (const auto* error = std::get_if<EventError>(&*said))
        return fail_code(error->code(), "raw probe", error->to_string());
      return std::move(*said);
    }
  }
  return fail(ErrorClass::kDeadlineExceeded, "raw probe", "no connection came");
}

Result<std::string> RawPeer::listen() {
  WEFT_LET(PassiveEndpoint opened, PassiveEndpoint::open(parts_->fabric, parts_->info.view()));
  WEFT_TRY(opened.bind(parts_->events));
  WEFT_TRY(opened.listen());
  parts_->listener = std::move(opened);
  WEFT_LET(const FabricAddress address, parts_->listener->local_address());
  return address.to_string();
}

Result<void> RawPeer::serve(TimePoint deadline) {
  Parts& my = *parts_;
  WEFT_LET(Event said, my.event(deadline));
  auto* request = std::get_if<ConnectionRequested>(&said);
  if (request == nullptr) return fail(ErrorClass::kMalformed, "raw probe", "no request came first");
  WEFT_TRY(my.heard(request->data()));
  WEFT_LET(Endpoint opened, Endpoint::create(my.domain, request->info().view()));
  WEFT_TRY(my.ready(std::move(opened)));
  WEFT_TRY(my.endpoint->accept(my.hello()));
  while (true) {
    auto waited = my.spin(deadline, [&] { return !my.arrived.empty(); });
    if (!waited && my.down) return {};  // the dialler is done
    WEFT_TRY(std::move(waited));
    const std::vector<std::uint32_t> arrived = std::exchange(my.arrived, {});
    for (std::uint32_t immediate : arrived)
      if ((immediate & kAnswer) != 0) WEFT_TRY(my.write(0, immediate & ~kAnswer, kNothing, deadline));
  }
}

Result<void> RawPeer::dial(const std::string& address, TimePoint deadline) {
  Parts& my = *parts_;
  WEFT_LET(const FabricAddress to, FabricAddress::parse(address));
  FabricInfo towards = my.info;
  WEFT_TRY(towards.set_source(std::nullopt));
  WEFT_TRY(towards.set_destination(to));
  WEFT_LET(Endpoint opened, Endpoint::create(my.domain, towards.view()));
  WEFT_TRY(my.ready(std::move(opened)));
  WEFT_TRY(my.endpoint->connect(to, my.hello()));
  WEFT_LET(const Event said, my.event(deadline));
  const auto* connected = std::get_if<Connected>(&said);
  if (connected == nullptr) return fail(ErrorClass::kPeerLost, "raw probe", "the connection ended at once");
  return my.heard(connected->data());
}

Result<Duration> RawPeer::write_all(const RawShape& shape, TimePoint deadline) {
  Parts& my = *parts_;
  my.arrived.clear();
  const TimePoint start = Clock::now();
  for (std::size_t offset = 0; offset < my.footprint; offset += shape.piece_bytes) {
    WEFT_TRY(my.spin(deadline, [&] { return my.posted - my.finished < shape.window; }));
    const std::size_t size = std::min(shape.piece_bytes, my.footprint - offset);
    WEFT_TRY(my.write(offset, size, offset + size == my.footprint ? kAnswer | 8 : kNothing, deadline));
  }
  WEFT_TRY(my.spin(deadline, [&] { return !my.arrived.empty(); }));
  return Clock::now() - start;
}

Result<std::vector<Duration>> RawPeer::ping(std::size_t bytes, std::size_t count, TimePoint deadline) {
  Parts& my = *parts_;
  if (bytes > kMaxPing) return fail(ErrorClass::kInvalidArgument, "raw probe", "a ping has at most 1 MiB");
  std::vector<Duration> times;
  times.reserve(count);
  while (times.size() < count) {
    my.arrived.clear();
    const TimePoint start = Clock::now();
    WEFT_TRY(my.write(0, bytes, kAnswer | static_cast<std::uint32_t>(bytes), deadline));
    WEFT_TRY(my.spin(deadline, [&] { return !my.arrived.empty(); }));
    times.push_back(Clock::now() - start);
  }
  return times;
}

Result<RawBest> RawPeer::best(std::size_t rounds, TimePoint deadline) {
  if (rounds == 0) return fail(ErrorClass::kInvalidArgument, "raw probe", "no rounds");
  RawBest best;
  for (std::size_t piece_bytes : {std::size_t{64} << 10, std::size_t{256} << 10, std::size_t{1} << 20})
    for (std::uint32_t window : {2u, 4u, 16u}) {
      const RawShape shape{piece_bytes, window};
      std::vector<Duration> times;
      for (std::size_t round = 0; round < rounds; ++round) {
        WEFT_LET(const Duration time, write_all(shape, deadline));
        times.push_back(time);
      }
      const double rate = static_cast<double>(parts_->footprint) / std::chrono::duration<double>(median(times)).count();
      if (rate > best.bytes_per_second) best = {shape, rate};
    }
  return best;
}

}  // namespace weft::fabric
