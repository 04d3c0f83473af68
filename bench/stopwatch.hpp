#pragma once

#include <ctime>

namespace weft::bench {

inline double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
/// That all threads of this process have computed, to the nanosecond (getrusage has microseconds).
inline double cpu_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

/// Wall time since it was made.
class Stopwatch {
 public:
  double seconds() const { return seconds_of(CLOCK_MONOTONIC) - began_; }

 private:
  double began_ = seconds_of(CLOCK_MONOTONIC);
};

}  // namespace weft::bench
