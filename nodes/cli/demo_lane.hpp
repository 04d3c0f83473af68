#pragma once

#include <optional>

#include <weft/nodes/cli/client.hpp>
#include <weft/tensor/safetensors.hpp>

namespace weft::cli {

/// How a model came over one lane.
struct LaneResult {
  Lane lane = Lane::kAuto;
  double first_pass = 0, warm = 0;         ///< bytes a second; warm: the median of the later passes
  std::optional<Duration> first_tensor{};  ///< the smallest one, whole, by a node that has met nobody yet
  std::size_t passes = 0;
  std::optional<Error> error{};
};

/// Pulls the whole model several times, with a node of its own, and compares every byte with the file.
LaneResult run_lane(Context& context, const Ticket& ticket, const SafetensorsFile& model, Lane lane);
/// Bytes a second of copying as many bytes from memory to memory on one core, warm; 0 when there was no time for it.
double memcpy_rate(const Context& context, std::uint64_t bytes);

}  // namespace weft::cli
