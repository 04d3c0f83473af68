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

bool is_at(int descriptor, const FabricAddress& address) noexcept {
  std::array<std::byte, sizeof(sockaddr_storage)> name;
  socklen_t size = name.size();
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(name.data()), &size) != 0) return false;
  return std::ranges::equal(std::span{name.data(), size}, address.raw());
}

bool is_listener(int descriptor) noexcept {
  int listening = 0;
  socklen_t size = sizeof listening;
  return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

/// A number that no other socket of this host ever has; 0: it is none.
std::uint64_t cookie_of(int descriptor) noexcept {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

/// libfabric does not give its sockets away: they are found by their address. Providers without sockets have none.
void for_each_socket_at(const FabricAddress& address, const auto& take) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{opendir("/proc/self/fd"), &closedir};
  if (!directory) return;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (descriptor >= 0 && is_at(descriptor, address)) take(descriptor);
  }
}

/// libfabric reads a connection's request with blocking reads. Accepted sockets inherit the listener's receive timeout.
void bound_blocking_reads(const FabricAddress& address) {
  for_each_socket_at(address, [](int descriptor) {
    const timeval patience{.tv_sec = 0, .tv_usec = kPatienceUs};
    if (is_listener(descriptor)) setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  });
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
      note_accepted();
      active_->park();
      parked_.push_back(std::move(*active_));
      break;
    case ListenerEnd::kClose:
      break;
  }
  active_.reset();
}

void FabricListener::note_accepted() {
  std::erase_if(accepted_, [](const Accepted& one) { return cookie_of(one.descriptor) != one.cookie; });
  const auto address = active_->local_address();
  if (!address) return;
  for_each_socket_at(*address, [this](int descriptor) {
    const Accepted one{descriptor, cookie_of(descriptor)};
    if (!is_listener(descriptor) && std::ranges::find(accepted_, one) == accepted_.end()) accepted_.push_back(one);
  });
}

std::size_t FabricListener::hang_up() {
  if (active_) note_accepted();  // it was only muted
  std::erase_if(accepted_, [](const Accepted& one) { return cookie_of(one.descriptor) != one.cookie; });
  for (const Accepted& one : accepted_) ::shutdown(one.descriptor, SHUT_RDWR);
  return accepted_.size();
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
