#pragma once

#include <string>
#include <string_view>

namespace weft::cli {

enum class Verdict { kOk, kWarn, kFail };
/// "ok", "warn", "fail".
constexpr std::string_view to_string(Verdict verdict) noexcept {
  return verdict == Verdict::kOk ? "ok" : verdict == Verdict::kWarn ? "warn" : "fail";
}

/// What one check of `weft doctor` came to.
struct Finding {
  std::string check{};
  Verdict verdict = Verdict::kOk;
  std::string found{};
  std::string remedy{};  ///< a command, where something is to be done
};

}  // namespace weft::cli
