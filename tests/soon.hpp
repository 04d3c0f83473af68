#pragma once

#include <chrono>
#include <thread>

/// The one way in which a test waits for what no descriptor or condition tells it of.
namespace weft::test {

inline constexpr auto kSoon = std::chrono::seconds(20);  ///< a watchdog, never an expectation

/// Whether it came true before the watchdog.
template <class Condition>
bool soon(Condition&& condition, std::chrono::milliseconds within = kSoon) {
  const auto end = std::chrono::steady_clock::now() + within;
  while (!condition() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}

}  // namespace weft::test
