#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include <weft/fabric/address_vector.hpp>
#include <weft/fabric/event_queue.hpp>
#include <weft/fabric/fabric_address.hpp>
#include <weft/fabric/group_write.hpp>
#include <weft/fabric/write_options.hpp>

namespace weft::fabric {

/// Names an endpoint in its completions. Random and never 0: an endpoint made later is not taken for one that is gone.
using EndpointId = std::uintptr_t;

/// What a read of both queues found.
using QueueEntries = std::pair<std::optional<Completion>, std::optional<Event>>;

/// One end of traffic: a connection (FI_EP_MSG: create → bind → enable → connect or accept → post) or connectionless
/// (FI_EP_RDM: create → bind, an address vector too → enable → post to its peers). Belongs to its domain's thread. It
/// keeps what it is bound to open. Dropping it, or close(), is the fence: no byte lands through it afterwards, and what
/// was posted completes with ECANCELED or not at all.
class Endpoint {
 public:
  /// Of the domain's own configuration: what a connectionless endpoint is made of.
  static Result<Endpoint> create(const Domain& domain) { return create(domain, domain.info()); }
  /// `info` is a dial's (destination set) or a connection request's.
  static Result<Endpoint> create(const Domain& domain, FabricInfoView info);

  /// Once each; a second one is InvalidArgument.
  Result<void> bind(const EventQueue& queue);
  Result<void> bind(const CompletionQueue& queue);
  Result<void> bind(const AddressVector& vector);
  Result<void> enable();
  /// Connected or Error follows on the event queue. `data` reaches the acceptor before it decides: 55 bytes on verbs,
  /// 256 on tcp (InvalidArgument above what the provider takes).
  Result<void> connect(const FabricAddress& to, std::span<const std::byte> data = {});
  Result<void> accept(std::span<const std::byte> data = {});
  /// Tells the peer, drops what is queued. It does not flush.
  Result<void> shutdown();
  void close() noexcept {
    owned_->unbound.reset();
    owned_->handle.reset();
  }

  /// Writes all of `local` to the front of `remote` (InvalidArgument where it does not fit). It completes, with this
  /// endpoint's id, when the bytes are visible at the peer; `immediate` reaches the peer's queue after them, and
  /// without one the peer is told nothing. Not enabled, or closed: InvalidArgument.
  Result<PostResult> write(const LocalRegion& local, const RemoteRegion& remote, PeerHandle to = kConnectedPeer,
                           std::optional<std::uint32_t> immediate = std::nullopt);
  /// The same of any number of ranges (GroupWrite), which are borrowed until all is posted: unless is_posted, read
  /// completions and post() the rest.
  Result<GroupWrite> write(const LocalRegionGroup& local, const RemoteRegion& remote, PeerHandle to = kConnectedPeer,
                           std::optional<std::uint32_t> immediate = std::nullopt);
  Result<GroupWrite> write(const LocalRegionGroup& local, const RemoteRegionGroup& remote,
                           PeerHandle to = kConnectedPeer, std::optional<std::uint32_t> immediate = std::nullopt);
  /// One operation within limits(). Places Σ local == Σ remote bytes.
  Result<PostResult> write(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote,
                           const WriteOptions& options);
  /// One operation on a connection, whose completion says that the memory is no longer needed, not that it arrived.
  Result<PostResult> write(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote,
                           std::optional<std::uint32_t> immediate, void* context);
  Result<PostResult> send(std::span<const LocalRegion> local, void* context, PeerHandle to = kConnectedPeer);
  /// On a connection, with immediate data: the peer's receive completes with it and the bytes.
  Result<PostResult> send(std::span<const LocalRegion> local, std::uint32_t immediate, void* context);
  /// An empty region waits for immediates where they consume receives.
  Result<PostResult> recv(LocalRegion local, void* context = nullptr);

  /// One entry of the queues that it is bound to, if there is one. Makes progress. An event comes after all completions
  /// that were there when it was read: the end of a connection never overtakes what arrived before it.
  QueueEntries read_queues();
  /// Waits for an entry of either; nothing after `timeout`. Control events wake it as completions do. A signal is an
  /// error entry with code EINTR. InvalidArgument when it is bound to no queue.
  Result<QueueEntries> read_queues_blocking(Duration timeout);

  Result<FabricAddress> local_address() const;
  EndpointId id() const noexcept { return id_; }
  /// What one operation may be.
  const WriteLimits& limits() const noexcept { return limits_; }
  /// What events call it.
  ::fid* fid() const noexcept;
  fid_ep* raw() const noexcept { return owned_->handle.get(); }

 private:
  /// Binds the endpoint to a vector, just before it closes, unless the user has.
  struct BindTraits {
    struct Handle {
      fid_ep* endpoint = nullptr;
      ::fid* vector = nullptr;
      bool operator==(const Handle&) const = default;
    };
    static Handle none() noexcept { return {}; }
    static void close(const Handle& handle) noexcept;
  };
  struct OwnedEndpoint : Owned<fid_ep> {
    UniqueHandle<BindTraits> unbound;  // declared last: first to go
  };
  Endpoint(std::unique_ptr<OwnedEndpoint> owned, EndpointId id, const WriteLimits& limits)
      : owned_(std::move(owned)), id_(id), limits_(limits) {}
  struct Operation;
  Result<PostResult> post(const Operation& operation);

  std::unique_ptr<OwnedEndpoint> owned_;
  EndpointId id_;
  WriteLimits limits_;
  std::optional<EventQueue> events_{};
  std::optional<CompletionQueue> completions_{};
  std::optional<Event> held_{};  // until the completion queue is empty
  bool vector_ = false;          // bound
  bool enabled_ = false;
};

}  // namespace weft::fabric
