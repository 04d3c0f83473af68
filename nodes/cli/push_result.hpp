#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <weft/nodes/cli/output.hpp>
#include <weft/nodes/cli/table.hpp>
#include <weft/nodes/weft.hpp>

namespace weft::cli {

/// How pushing a file to one receiver went.
struct PushResult {
  explicit PushResult(Ticket to) : ticket(std::move(to)) {}

  Ticket ticket;
  std::uint64_t tensors = 0, bytes = 0;  ///< that it has verified
  Lane lane = Lane::kAuto;               ///< of the largest of them
  std::optional<Error> error{};          ///< the first
  bool gone = false;                     ///< the failure was of the peer, not of one tensor: no more is sent to it

  /// Counts one tensor's outcome.
  void take(Result<Receipt> receipt, std::uint64_t size);
  /// "gpu-07 (k3v9…tq)", or the short id while nothing told the host.
  std::string who() const;
  /// {node, ok, tensors, bytes, lane} and for a failure {class, message, may_have_arrived}.
  Json json() const;

 private:
  std::uint64_t largest_ = 0;
};

std::size_t failures(const std::vector<PushResult>& receivers);
/// The lanes they were reached by: "tcp", "tcp, tls".
std::string lane_text(const std::vector<PushResult>& receivers);
/// With `exact` sizes are bytes.
Table push_table(const std::vector<PushResult>& receivers, std::size_t tensors, bool exact);

}  // namespace weft::cli
