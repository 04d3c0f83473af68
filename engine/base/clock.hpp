#pragma once

#include <chrono>

namespace weft {

/// The one clock of the engine. Monotonic: a jump of the wall clock moves no timeout. It enters every state
/// machine as an argument, so that the simulator can turn it.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = std::chrono::nanoseconds;

inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace weft
