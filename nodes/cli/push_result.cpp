#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/failure.hpp>
#include <weft/nodes/cli/push_result.hpp>

namespace weft::cli {
namespace {

bool is_of_peer(ErrorClass kind) {
  switch (kind) {
    case ErrorClass::kPeerUnreachable:
    case ErrorClass::kPeerLost:
    case ErrorClass::kUnauthenticated:
    case ErrorClass::kDeadlineExceeded:
    case ErrorClass::kCancelled:
    case ErrorClass::kShuttingDown:
      return true;
    default:
      return false;
  }
}

}  // namespace

void PushResult::take(Result<Receipt> receipt, std::uint64_t size) {
  if (receipt) {
    ++tensors;
    bytes += size;
    if (size >= largest_) lane = receipt->lane, largest_ = size;
    return;
  }
  gone = gone || is_of_peer(receipt.error().kind());
  if (!error) error = std::move(receipt).error();
}

std::string PushResult::who() const {
  return error && !error->context().peer.empty() ? escaped(error->context().peer) : ticket.node.short_string();
}

Json PushResult::json() const {
  Json object{{"node", ticket.node.to_string()},
              {"ok", !error},
              {"tensors", tensors},
              {"bytes", bytes},
              {"lane", to_string(lane)}};
  if (error)
    object.update({{"class", to_string(error->kind())},
                   {"message", failure_text(*error)},
                   {"may_have_arrived", error->may_have_arrived()}});
  return object;
}

std::size_t failures(const std::vector<PushResult>& receivers) {
  return static_cast<std::size_t>(std::ranges::count_if(receivers, [](const auto& one) { return bool(one.error); }));
}

std::string lane_text(const std::vector<PushResult>& receivers) {
  std::set<std::string_view> lanes;
  for (const auto& receiver : receivers) lanes.insert(to_string(receiver.lane));
  return fmt::format("{}", fmt::join(lanes, ", "));
}

Table push_table(const std::vector<PushResult>& receivers, std::size_t tensors, bool exact) {
  Table table({{"RECEIVER"}, {"TENSORS", true}, {"SIZE", true}, {"LANE"}, {"RESULT"}});
  for (const auto& receiver : receivers) {
    auto result = std::string("ok");
    if (receiver.error)
      result = fmt::format("{}: {}{}", to_string(receiver.error->kind()), failure_text(*receiver.error),
                           receiver.error->may_have_arrived() ? " (it may have arrived)" : "");
    table.add({receiver.who(), fmt::format("{}/{}", receiver.tensors, tensors),
               exact ? std::to_string(receiver.bytes) : human_bytes(receiver.bytes),
               std::string(to_string(receiver.lane)), result});
  }
  return table;
}

}  // namespace weft::cli
