#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <weft/base/text.hpp>
#include <weft/fabric/provider.hpp>
#include <weft/fabric/raw_probe.hpp>

#include "bench/child.hpp"
#include "bench/samples.hpp"

namespace weft::bench {

/// Bare libfabric between this process and one of its own, to be measured in turn with Weft. It spins at both ends, so
/// the other process is halted while it is not asked: what is measured beside it has the processors to itself. Made
/// before this process opens libfabric; memory and connection come with `open` and go with this object.
class RawSide {
 public:
  explicit RawSide(std::size_t footprint_bytes)
      : footprint_(footprint_bytes), child_([footprint_bytes](Talk& talk) {
          talk.hear();
          auto [name, peer] = first_tcp(footprint_bytes);
          talk.say(name);
          talk.say(unwrap(peer.listen()));
          unwrap(peer.serve(until()));
        }) {
    child_.halt();
  }

  /// Connects and tries every shape `rounds` times; the best is the one that `write` repeats.
  void open(std::size_t rounds) {
    child_.go_on();
    provider_ = child_.ask("open");
    const std::string address = child_.hear();
    peer_ = unwrap(fabric::RawPeer::open(provider_, footprint_));
    unwrap(peer_->dial(address, until()));
    shape_ = unwrap(peer_->best(rounds, until())).shape;
    child_.halt();
  }
  /// Seconds for the whole footprint, after one that is not counted.
  double write() { return write(shape_); }
  /// The same in writes of another shape, each with its own immediate.
  double write(const fabric::RawShape& shape) {
    child_.go_on();
    unwrap(peer_->write_all(shape, until()));
    const double before = child_.cpu_seconds() + cpu_seconds();
    const auto took = unwrap(peer_->write_all(shape, until()));
    cpu_ += child_.cpu_seconds() + cpu_seconds() - before;
    child_.halt();
    return std::chrono::duration<double>(took).count();
  }
  /// That both processes have computed in all writes that were counted.
  double cpu_of_writes() const { return cpu_; }
  /// Seconds of so many round trips, after some that are not counted.
  Samples ping(std::size_t bytes, std::size_t count) {
    child_.go_on();
    unwrap(peer_->ping(bytes, count / 10 + 1, until()));
    Samples samples;
    for (const Duration one : unwrap(peer_->ping(bytes, count, until())))
      samples.add(std::chrono::duration<double>(one).count());
    child_.halt();
    return samples;
  }
  const std::string& provider() const { return provider_; }
  /// "net, 256.0 KiB x 4".
  std::string shape() const {
    return provider_ + ", " + human_bytes(shape_.piece_bytes) + " x " + std::to_string(shape_.window);
  }

 private:
  static TimePoint until() { return Clock::now() + std::chrono::hours{1}; }
  /// The name that this machine's libfabric knows its tcp provider by, and a peer of it.
  static std::pair<std::string, fabric::RawPeer> first_tcp(std::size_t footprint_bytes) {
    Error last{ErrorClass::kUnsupported, "raw", "libfabric has no tcp provider here"};
    for (const auto name : fabric::libfabric_names(fabric::Provider::kTcp)) {
      auto peer = fabric::RawPeer::open(std::string(name), footprint_bytes);
      if (peer) return {std::string(name), std::move(*peer)};
      last = std::move(peer).error();
    }
    unwrap(Result<void>(fail(std::move(last))));
    std::abort();
  }

  std::size_t footprint_;
  Child child_;
  std::string provider_{};
  std::optional<fabric::RawPeer> peer_{};
  fabric::RawShape shape_{};
  double cpu_ = 0;
};

}  // namespace weft::bench
