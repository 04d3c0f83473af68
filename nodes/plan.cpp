#include <weft/nodes/plan.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/node_state.hpp>

namespace weft {

std::string Plan::to_string() const {
  std::size_t widest = 4;
  std::size_t rate = 8;
  for (const PlanLane& lane : lanes) {
    widest = std::max(widest, lane.lane.size());
    rate = std::max(rate, lane.expected.size());
  }
  std::string text = fmt::format(" {:<{}}  {:<{}}  VERDICT\n", "LANE", widest, "EXPECTED", rate);
  for (const PlanLane& lane : lanes)
    text += fmt::format(" {:<{}}  {:<{}}  {}{}\n", lane.lane, widest, lane.expected.empty() ? "-" : lane.expected, rate,
                        lane.chosen   ? "chosen: "
                        : lane.usable ? "usable: "
                                      : "no: ",
                        lane.verdict);
  return text;
}

namespace detail {

void NodeState::fill_plan(Plan& plan, const transfer::SessionInfo& info) const {
  plan.same_host = info.same_host;
  const auto in = [](const std::vector<Lane>& lanes, Lane lane) {
    return std::find(lanes.begin(), lanes.end(), lane) != lanes.end();
  };
  const bool small = plan.bytes != 0 && plan.bytes <= kInlineBytes;
  bool chosen = false;
  for (const LaneReport& report : lane_reports_) {
    const auto lane = parse_lane(report.lane);
    if (!lane || *lane == Lane::kTls) continue;
    PlanLane line{.lane = report.lane};
    const auto refused = std::find_if(info.refused.rbegin(), info.refused.rend(),
                                      [&](const auto& entry) { return entry.first == *lane; });
    if (!report.used) {
      line.verdict = report.detail;
    } else if (in(info.offered, *lane)) {
      line.usable = true;
      line.chosen = !small && !chosen;
      line.verdict = *lane == Lane::kVerbs
                         ? report.detail
                         : fmt::format("{}, {}", info.same_host ? "loopback" : "a trusted network", report.detail);
    } else if (refused != info.refused.rend()) {
      line.verdict = refused->second;
    } else {
      line.verdict = "in clear, and the peer's network is not trusted (--trust NET)";
    }
    chosen = chosen || line.chosen;
    plan.lanes.push_back(std::move(line));
  }
  plan.lanes.push_back(
      {.lane = "tls",
       .chosen = !chosen,
       .usable = true,
       .verdict = small    ? fmt::format("inline in the answer: {} is not worth a rail", human_bytes(plan.bytes))
                  : chosen ? "sealed; slower than the lane that was chosen"
                           : "sealed, and the only lane this session may use"});
  for (PlanLane& line : plan.lanes)
    if (const auto lane = parse_lane(line.lane); lane && line.usable)
      if (const auto rate = rates_.of(info.peer, info.incarnation, *lane)) line.expected = human_rate(*rate);
  const auto best =
      std::find_if(plan.lanes.begin(), plan.lanes.end(), [](const PlanLane& lane) { return lane.chosen; });
  if (best != plan.lanes.end()) std::rotate(plan.lanes.begin(), best, best + 1);
}

}  // namespace detail
}  // namespace weft
