#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <thread>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/fabric/provider.hpp>
#include <weft/fabric/raw_probe.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/demo_raw.hpp>

namespace weft::cli {
namespace {

constexpr std::uint64_t kMostBytes = 128ull << 20;
constexpr std::size_t kRounds = 3;
constexpr std::chrono::seconds kWithin{15};

// A round at a time: each is a fraction of a second, and Ctrl-C is looked at between them.
Result<fabric::RawBest> median(const Context& context, fabric::RawPeer& dialler, TimePoint until) {
  std::array<fabric::RawBest, kRounds> rounds{};
  for (auto& round : rounds) {
    WEFT_TRY(in_time(context));
    WEFT_LET(round, dialler.best(1, until));
  }
  std::ranges::sort(rounds, {}, &fabric::RawBest::bytes_per_second);
  return rounds[kRounds / 2];
}

Result<fabric::RawBest> measure(const Context& context, const std::string& provider, std::size_t bytes) {
  WEFT_LET(auto target, fabric::RawPeer::open(provider, bytes));
  WEFT_LET(auto writer, fabric::RawPeer::open(provider, bytes));
  WEFT_LET(const auto address, target.listen());
  auto until = Clock::now() + kWithin;
  if (context.until) until = std::min(until, *context.until);
  Result<fabric::RawBest> best = fail(ErrorClass::kInternal, "demo", "not measured");
  {
    const Signals::Shield shield;
    const std::jthread serving([&] { static_cast<void>(target.serve(until)); });
    auto dialler = std::move(writer);  // goes before the thread is waited for: that ends its serving
    if (auto dialled = dialler.dial(address, until); dialled)
      best = median(context, dialler, until);
    else
      best = fail(std::move(dialled).error());
  }
  return best;
}

}  // namespace

Result<RawRate> raw_rate(const Context& context, std::uint64_t bytes) {
  bytes = std::min(bytes, kMostBytes);
  Error last{ErrorClass::kUnsupported, "demo", "libfabric has no tcp provider here"};
  for (const auto name : fabric::libfabric_names(fabric::Provider::kTcp)) {
    auto best = measure(context, std::string(name), bytes);
    WEFT_TRY(in_time(context));
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
