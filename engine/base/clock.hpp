#pragma once

#include <chrono>

namespace weft {

/// The one clock of the engine. Monotonic: a jump of the wall clock moves no timeout. It enters every state
/// machine as an argument, so that the simulator can turn it.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = std::chrono::nanoseconds;

inline constexpr TimePoint kNever = TimePoint::max();

/// A duration of any unit and size, cut to a hundred years either way: it may be added to any time.
template <class Rep, class Period>
constexpr Duration bounded(std::chrono::duration<Rep, Period> time) {
  constexpr Duration kLongest = std::chrono::hours(24 * 36'525);
  const std::chrono::duration<double, std::nano> rough = time;
  if (rough >= kLongest) return kLongest;
  if (rough <= -kLongest) return -kLongest;
  return std::chrono::duration_cast<Duration>(time);
}

}  // namespace weft
