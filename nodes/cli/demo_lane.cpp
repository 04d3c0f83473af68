#include <algorithm>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/demo_lane.hpp>
#include <weft/nodes/cli/pull.hpp>
#include <weft/nodes/cli/quantity.hpp>

namespace weft::cli {
namespace {

constexpr std::size_t kLeastPasses = 3, kMostPasses = 8;
constexpr std::chrono::milliseconds kEnough{2000};
constexpr std::size_t kChunkBytes = 1u << 20;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Result<void> compare(const SafetensorsFile& model, const PullPart& part, std::span<const std::byte> got) {
  const SafetensorsEntry* entry = model.header().find(part.name);
  if (entry == nullptr) return fail(ErrorClass::kIntegrityFailure, "demo", "a tensor that the model does not have");
  std::vector<std::byte> expected(kChunkBytes);
  for (std::uint64_t at = 0; at < got.size(); at += expected.size()) {
    const auto size = std::min<std::uint64_t>(expected.size(), got.size() - at);
    WEFT_TRY(model.read(entry->offset + part.offset + at, std::span(expected).first(size)));
    if (std::memcmp(expected.data(), got.data() + at, size) != 0)
      return fail(
          Error{ErrorClass::kIntegrityFailure, "demo",
                fmt::format("\"{}\" differs from the file within {} bytes of {}", escaped(part.name), size, at)});
  }
  return {};
}

struct Pass {
  PullReport report{};
  double rate = 0;
};

Result<Pass> run_pass(Context& context, TensorNode& node, const Ticket& ticket, const SafetensorsFile& model, Lane lane,
                      bool last) {
  WEFT_LET(const auto entries, await(node.list(ticket, "*", {.deadline = deadline_of(context)})));
  std::vector<PullPart> parts;
  std::uint64_t bytes = 0;
  for (std::size_t at = 0; at < entries.size(); ++at) {
    append_parts(entries[at], at, parts);
    bytes += entries[at].bytes;
  }
  if (entries.size() != model.entries().size())
    return fail(ErrorClass::kIntegrityFailure, "demo", "the listing is not the model's");
  ProgressBar bar(context.out, std::string(to_string(lane)), "tensors", entries.size(), bytes);
  // One batch at a time: comparing is then no part of the time it took to move.
  Pull pull(node, ticket, std::move(parts), {.lane = lane, .deadline = deadline_of(context), .in_flight = 1});
  Pass pass;
  WEFT_LET(pass.report, pull.run(bar, [&](const PullPart& part, const Tensor& tensor) {
    return compare(model, part, tensor.bytes());
  }));
  pass.rate = static_cast<double>(bytes) / std::max(1e-9, seconds(pass.report.moving));
  if (last) bar.finish("verified", pass.report.moving);
  return pass;
}

// From nothing to a verified tensor: dialling, TLS, one round trip.
Result<std::optional<Duration>> first_tensor(Context& context, TensorNode& node, const Ticket& ticket,
                                             const SafetensorsFile& model, Lane lane) {
  const auto smallest = std::ranges::min_element(model.entries(), {}, &SafetensorsEntry::bytes);
  if (smallest == model.entries().end()) return std::nullopt;
  const auto begun = Clock::now();
  WEFT_TRY(await(node.get(ticket, smallest->name, {.deadline = deadline_of(context), .lane = lane})));
  return Clock::now() - begun;
}

Result<void> run_passes(Context& context, const Ticket& ticket, const SafetensorsFile& model, LaneResult& result) {
  WEFT_LET(auto node, start_client(context));
  WEFT_LET(result.first_tensor, first_tensor(context, node, ticket, model, result.lane));
  std::vector<double> later;
  Duration spent{};
  for (bool last = false; !last; ++result.passes) {
    last = result.passes + 1 == kMostPasses || (result.passes + 1 >= kLeastPasses && spent >= kEnough);
    WEFT_LET(const auto pass, run_pass(context, node, ticket, model, result.lane, last));
    spent += pass.report.moving;
    if (result.passes > 0) {
      later.push_back(pass.rate);
      continue;
    }
    result.first_pass = pass.rate;
    if (pass.report.lane != result.lane)
      return fail(
          Error{ErrorClass::kUnsupported, "demo",
                fmt::format("{} was asked for and {} was used", to_string(result.lane), to_string(pass.report.lane))});
  }
  result.warm = median(std::move(later));
  return {};
}

}  // namespace

LaneResult run_lane(Context& context, const Ticket& ticket, const SafetensorsFile& model, Lane lane) {
  LaneResult result{.lane = lane};
  if (auto done = run_passes(context, ticket, model, result); !done) result.error = std::move(done).error();
  return result;
}

double memcpy_rate(const Context& context, std::uint64_t bytes) {
  bytes = std::min<std::uint64_t>(bytes, 256ull << 20);
  const auto from = std::make_unique<std::byte[]>(bytes);
  const auto to = std::make_unique<std::byte[]>(bytes);
  std::vector<double> rates;
  for (int pass = 0; pass < 6 && in_time(context); ++pass) {
    from[0] = static_cast<std::byte>(pass);
    const auto begun = Clock::now();
    std::memcpy(to.get(), from.get(), bytes);
    if (to[0] != from[0]) return 0;  // keeps the copy from being left out
    const auto rate = static_cast<double>(bytes) / std::max(1e-9, seconds(Clock::now() - begun));
    if (pass > 0) rates.push_back(rate);
  }
  return median(std::move(rates));
}

}  // namespace weft::cli
