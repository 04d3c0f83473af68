#pragma once

#include <cstdint>
#include <string>

#include <weft/base/result.hpp>
#include <weft/nodes/cli/command.hpp>

namespace weft::cli {

/// What bare libfabric moves between two threads of this process over loopback, beside which Weft's tcp stands.
struct RawRate {
  double bytes_per_second = 0;
  std::string how{};  ///< "net, 256 KiB x 4 in flight, no digests"
};

/// A second or two. Unsupported: no libfabric, or no tcp provider in it. Cancelled, DeadlineExceeded.
Result<RawRate> raw_rate(const Context& context, std::uint64_t bytes);

}  // namespace weft::cli
