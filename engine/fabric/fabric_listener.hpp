#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <weft/fabric/passive_endpoint.hpp>
#include <weft/fabric/provider.hpp>

namespace weft::fabric {

/// A fabric lane's listener, opened while a session expects a rail. Belongs to the lane's loop. How it ends is the
/// provider's habit (ListenerEnd): what may still be referred to by a stranger's silent connection is kept. While it is
/// open, a stranger who announces connect data and does not send it holds the loop for a few milliseconds, not for
/// ever.
class FabricListener {
 public:
  explicit FabricListener(ListenerEnd end) noexcept : end_(end) {}

  /// Opens it if it is not open. Its address: another port each time, except where it can only be muted.
  Result<std::string> listen(const Fabric& fabric, FabricInfoView info, const EventQueue& queue);
  void stop();
  bool is_listening() const noexcept { return listening_; }
  /// Whether a request that `passive` announced is ours to answer now.
  bool hears(const fid* passive) const noexcept;
  void reject(const FabricInfo& requested);
  /// Of a stopped listener, when the lane's endpoints are closed: shuts down the sockets that it accepted and that are
  /// nobody's, since they have not spoken. libfabric closes one when it next reads it, and never otherwise. How many
  /// there were.
  std::size_t hang_up();

 private:
  struct Accepted {
    int descriptor = -1;
    std::uint64_t cookie = 0;  // tells it from a later socket of that number
    bool operator==(const Accepted&) const = default;
  };
  void note_accepted();

  ListenerEnd end_;
  bool listening_ = false;
  std::optional<PassiveEndpoint> active_;
  std::vector<Accepted> accepted_;       // when a listener was closed: silent ones, and those of rails
  std::vector<PassiveEndpoint> parked_;  // about 2 KiB for each time a listener was closed
};

}  // namespace weft::fabric
