#pragma once

#include <chrono>
#include <thread>

/// The one way in which a test waits for what no descriptor or condition tells it of.
namespace weft::test {

inline constexpr auto kSoon = std::chrono::seconds(20);  ///< a watchdog, never an expectation

/// Whether it came true before the watchdog; it is not looked at again once it was.
template <class Condition>
bool soon(Condition&& condition, std::chrono::milliseconds within = kSoon) {
  for (const auto end = std::chrono::steady_clock::now() + within; !condition();) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace weft::test
