#include <weft/fabric/fabric_listener.hpp>

#include <dirent.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace weft::fabric {
namespace {

constexpr int kPatienceUs = 5000;

bool is_listener_at(int descriptor, const FabricAddress& address) noexcept {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) return false;
  std::array<std::byte, sizeof(sockaddr_storage)> name;
  size = name.size();
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(name.data()), &size) != 0) return false;
  return std::ranges::equal(std::span{name.data(), size}, address.raw());
}

/// libfabric reads a connection's request with blocking reads. Accepted sockets inherit the listener's receive timeout,
/// but libfabric does not give its descriptor away: it is found by its address. Providers without sockets have none.
void bound_blocking_reads(const FabricAddress& address) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{opendir("/proc/self/fd"), &closedir};
  if (!directory) return;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (descriptor < 0 || !is_listener_at(descriptor, address)) continue;
    const timeval patience{.tv_sec = 0, .tv_usec = kPatienceUs};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return;
  }
}

}  // namespace

Result<std::string> FabricListener::listen(const Fabric& fabric, FabricInfoView info, const EventQueue& queue) {
  if (!active_) {
    WEFT_LET(PassiveEndpoint opened, PassiveEndpoint::open(fabric, info));
    WEFT_TRY(opened.bind(queue));
    WEFT_TRY(opened.listen());
    WEFT_LET(const FabricAddress bound, opened.local_address());
    bound_blocking_reads(bound);
    active_ = std::move(opened);
  }
  WEFT_LET(const FabricAddress address, active_->local_address());
  listening_ = true;
  return address.to_string();
}

void FabricListener::stop() {
  if (!listening_) return;
  listening_ = false;
  switch (end_) {
    case ListenerEnd::kMute:
      return;
    case ListenerEnd::kPark:
      active_->park();
      parked_.push_back(std::move(*active_));
      break;
    case ListenerEnd::kClose:
      break;
  }
  active_.reset();
}

bool FabricListener::hears(const fid* passive) const noexcept {
  return listening_ && active_ && active_->fid() == passive;
}

void FabricListener::reject(const FabricInfo& requested) {
  // Any passive endpoint will do: the request carries what is needed. A refusal that cannot be sent is no loss.
  if (active_)
    static_cast<void>(active_->reject(requested));
  else if (!parked_.empty())
    static_cast<void>(parked_.front().reject(requested));
}

}  // namespace weft::fabric
