#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include <weft/base/log.hpp>

namespace weft::actors {

/// Runs what an application gave. An exception ends only what threw it: it is told to the log, and the thread that
/// others rely on goes on. Whether it returned.
template <class Function>
bool run_guarded(const LogSink& log, std::string_view what, Function&& function) noexcept {
  const auto tell = [&](std::string_view text) noexcept {
    const LogField fields[] = {{"what", what}, {"exception", text}};
    try {
      if (log) log(LogLevel::kError, "a callback threw", fields);
    } catch (...) {  // NOLINT(bugprone-empty-catch): a sink that throws has nobody left to tell
    }
  };
  try {
    std::forward<Function>(function)();
    return true;
  } catch (const std::exception& thrown) {
    tell(thrown.what());
  } catch (...) {
    tell("not a std::exception");
  }
  return false;
}

}  // namespace weft::actors
