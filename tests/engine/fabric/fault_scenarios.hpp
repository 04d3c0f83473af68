#pragma once

#include <string>

#include <weft/base/result.hpp>

/// What the classes are used for, each as one call that ends in success or an Error: both ends in this thread, nothing
/// asserted, nothing left when it returns. They wait a few seconds at most.
namespace weft::fabric::test {

/// A target listens, an initiator connects, one write with an immediate goes across, and the connection is shut down.
Result<void> connect_and_write(const std::string& provider);

/// A connectionless source writes `ranges` ranges to each of three targets; each is told exactly once.
Result<void> fan_out(const std::string& provider, std::size_t ranges = 8);

}  // namespace weft::fabric::test
