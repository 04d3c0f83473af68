#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/fabric/endpoint.hpp>
#include <weft/fabric/memory_region.hpp>
#include <weft/fabric/passive_endpoint.hpp>

namespace weft::fabric {

/// One way of posting a footprint.
struct RawShape {
  std::size_t piece_bytes = 256 * 1024;
  std::uint32_t window = 2;  ///< pieces posted at a time
};

struct RawBest {
  RawShape shape{};
  double bytes_per_second = 0;  ///< median of the rounds of the best shape
};

/// One end of a bare libfabric connection: what the machine gives without Weft, to be shown beside Weft's figures.
/// Writes with immediate data, no digests, no protocol. Two threads or two processes own one each. Every wait spins and
/// has a deadline (DeadlineExceeded). The peer of a dialler calls serve().
class RawPeer {
 public:
  /// `provider` is libfabric's name; `footprint_bytes` of memory are written to at each end. Binds to loopback unless
  /// `bind_address` says otherwise.
  static Result<RawPeer> open(const std::string& provider, std::size_t footprint_bytes,
                              const std::string& bind_address = "127.0.0.1");

  /// The address for the peer's dial.
  Result<std::string> listen();
  /// Accepts one connection, then answers it until it ends.
  Result<void> serve(TimePoint deadline);
  Result<void> dial(const std::string& address, TimePoint deadline);

  /// Writes the whole footprint once: from the first post to the peer's word that the last byte is there.
  Result<Duration> write_all(const RawShape& shape, TimePoint deadline);
  /// Times of `count` round trips of `bytes` (at most 1 MiB) there and back.
  Result<std::vector<Duration>> ping(std::size_t bytes, std::size_t count, TimePoint deadline);
  /// The best of pieces {64 KiB, 256 KiB, 1 MiB} × windows {2, 4, 16}, each the median of `rounds`.
  Result<RawBest> best(std::size_t rounds, TimePoint deadline);

  RawPeer(RawPeer&&) noexcept;
  RawPeer& operator=(RawPeer&&) noexcept;
  ~RawPeer();

 private:
  struct Parts;
  explicit RawPeer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weft::fabric
