#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <weft/fabric/event_queue.hpp>
#include <weft/fabric/fabric_address.hpp>
#include <weft/fabric/local_region.hpp>
#include <weft/fabric/remote_region.hpp>

namespace weft::fabric {

/// Local or remote ranges of one operation, whatever the provider would allow.
inline constexpr std::size_t kMaxRanges = 16;

enum class PostResult : std::uint8_t {
  kPosted,  ///< a completion follows
  kAgain,   ///< the queue is full: read completions, then try again
};

/// One connection (FI_EP_MSG): open → bind → enable → connect or accept → post. Belongs to its domain's thread. It
/// keeps what it is bound to open. Dropping it, or close(), is the fence: no byte lands through it afterwards, and what
/// was posted completes with ECANCELED or not at all.
class Endpoint {
 public:
  /// `info` is a dial's (destination set) or a connection request's.
  static Result<Endpoint> open(const Domain& domain, FabricInfoView info);

  /// Once each; a second one is InvalidArgument.
  Result<void> bind(const EventQueue& queue);
  Result<void> bind(const CompletionQueue& queue);
  Result<void> enable();
  /// Connected or Error follows on the event queue. `data` reaches the acceptor before it decides: 55 bytes on verbs,
  /// 256 on tcp (InvalidArgument above what the provider takes).
  Result<void> connect(const FabricAddress& to, std::span<const std::byte> data = {});
  Result<void> accept(std::span<const std::byte> data = {});
  /// Tells the peer, drops what is queued. It does not flush.
  Result<void> shutdown();
  void close() noexcept { owned_->handle.reset(); }

  /// Places Σ local == Σ remote bytes; a completion says that the memory is no longer needed, not that it arrived.
  /// With `immediate` the peer's completion queue says so after the bytes. Not open: InvalidArgument.
  Result<PostResult> write(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote,
                           std::optional<std::uint32_t> immediate, void* context);
  Result<PostResult> send(std::span<const LocalRegion> local, void* context);
  /// An empty region waits for immediates where they consume receives.
  Result<PostResult> recv(LocalRegion local, void* context);

  Result<FabricAddress> local_address() const;
  /// What events call it.
  fid* id() const noexcept;
  fid_ep* raw() const noexcept { return owned_->handle.get(); }

 private:
  explicit Endpoint(std::unique_ptr<Owned<fid_ep>> owned) : owned_(std::move(owned)) {}
  std::unique_ptr<Owned<fid_ep>> owned_;
  bool enabled_ = false;
};

}  // namespace weft::fabric
