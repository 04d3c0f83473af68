#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/fabric/provider.hpp>
#include <weft/fabric/raw_probe.hpp>
#include <weft/nodes/cli/demo_raw.hpp>
#include <weft/nodes/cli/signals.hpp>

namespace weft::cli {
namespace {

constexpr std::uint64_t kMostBytes = 128ull << 20;
constexpr std::size_t kRounds = 3;
constexpr std::chrono::seconds kWithin{15};

Result<fabric::RawBest> measure(const std::string& provider, std::size_t bytes) {
  WEFT_LET(auto target, fabric::RawPeer::open(provider, bytes));
  WEFT_LET(auto writer, fabric::RawPeer::open(provider, bytes));
  WEFT_LET(const auto address, target.listen());
  const auto until = Clock::now() + kWithin;
  Result<fabric::RawBest> best = fail(ErrorClass::kInternal, "demo", "not measured");
  {
    const Signals::Shield shield;
    const std::jthread serving([&] { static_cast<void>(target.serve(until)); });
    auto dialler = std::move(writer);  // goes before the thread is waited for: that ends its serving
    if (auto dialled = dialler.dial(address, until); dialled)
      best = dialler.best(kRounds, until);
    else
      best = fail(std::move(dialled).error());
  }
  return best;
}

}  // namespace

Result<RawRate> raw_rate(std::uint64_t bytes) {
  bytes = std::min(bytes, kMostBytes);
  Error last{ErrorClass::kUnsupported, "demo", "libfabric has no tcp provider here"};
  for (const auto name : fabric::libfabric_names(fabric::Provider::kTcp)) {
    auto best = measure(std::string(name), bytes);
    if (!best) {
      last = std::move(best).error();
      continue;
    }
    return RawRate{best->bytes_per_second, fmt::format("{}, {} x {} in flight, no digests", name,
                                                       human_bytes(best->shape.piece_bytes), best->shape.window)};
  }
  return fail(std::move(last));
}

}  // namespace weft::cli
