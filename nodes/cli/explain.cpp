#include <algorithm>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/peer_names.hpp>
#include <weft/nodes/cli/table.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>

namespace weft::cli {
namespace {

class ExplainCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("TICKET", ticket_, "of the node");
    arguments.positional("NAME", name_, "of the tensor", Needed::kNo);
  }

  Result<int> run(Context& context) override {
    WEFT_LET(const auto ticket, read_ticket(context, ticket_));
    WEFT_LET(auto node, start_client(context));
    auto plan = await(node.explain(ticket, name_, deadline_of(context)));
    if (!plan) return fail(explained(context, node, ticket, std::move(plan).error(), name_, spelled_again(ticket_)));
    if (context.settings.lane != Lane::kAuto) narrow(*plan, to_string(context.settings.lane));
    if (context.out.format() == Format::kJson)
      show_json(context, *plan, ticket);
    else
      show(context, *plan);
    return 0;
  }

 private:
  // As --lane would have it. What rides in the answer does so whatever lane was asked for.
  static void narrow(Plan& plan, std::string_view asked) {
    if (plan.bytes != 0 && plan.bytes <= kInlineBytes) return;
    for (auto& lane : plan.lanes) {
      lane.chosen = lane.usable && lane.lane == asked;
      if (lane.lane == asked && lane.lane == to_string(Lane::kTls)) lane.verdict = "sealed";
      if (lane.lane == asked || !lane.usable) continue;
      lane.usable = false;
      lane.verdict = "not asked for";
    }
    const auto chosen = std::ranges::find_if(plan.lanes, &PlanLane::chosen);
    if (chosen != plan.lanes.end()) std::rotate(plan.lanes.begin(), chosen, chosen + 1);
  }

  static void show_json(Context& context, const Plan& plan, const Ticket& ticket) {
    Json lanes = Json::array();
    for (const auto& lane : plan.lanes)
      lanes.push_back({{"lane", lane.lane},
                       {"expected", lane.expected.empty() ? Json(nullptr) : Json(lane.expected)},
                       {"chosen", lane.chosen},
                       {"usable", lane.usable},
                       {"verdict", lane.verdict}});
    context.out.json({{"peer", plan.peer},
                      {"node", ticket.node.to_string()},
                      {"name", plan.name},
                      {"bytes", plan.bytes},
                      {"generation", plan.generation.value},
                      {"same_host", plan.same_host},
                      {"lanes", std::move(lanes)}});
  }

  static void show(Context& context, const Plan& plan) {
    const bool plain = context.out.format() == Format::kPlain;
    const std::string_view none = context.out.utf8() && !plain ? "–" : "-";
    // Whoever has just started knows no rates; programs find the column all the same.
    const bool rated =
        plain || std::ranges::any_of(plan.lanes, [](const PlanLane& lane) { return !lane.expected.empty(); });
    if (!plan.name.empty())
      context.out.say(fmt::format("\"{}\", {}, generation {}, at {}", escaped(plan.name), human_bytes(plan.bytes),
                                  plan.generation.value, escaped(plan.peer)));
    Table table(rated ? std::vector<Table::Column>{{"LANE"}, {"EXPECTED"}, {"VERDICT"}}
                      : std::vector<Table::Column>{{"LANE"}, {"VERDICT"}});
    for (const auto& lane : plan.lanes) {
      std::vector<std::string> row{lane.lane};
      if (rated) row.push_back(lane.expected.empty() ? std::string(none) : lane.expected);
      row.push_back((lane.chosen ? "chosen: " : lane.usable ? "usable: " : "no: ") + escaped(lane.verdict));
      table.add(std::move(row));
    }
    context.out.table(table);
    const auto chosen = std::ranges::find_if(plan.lanes, &PlanLane::chosen);
    if (context.settings.lane == Lane::kAuto && chosen != plan.lanes.end() && chosen->lane != to_string(Lane::kTls))
      context.out.say(fmt::format(
          "up to {} ride the session's stream (tls), and so does what is over before {} is up on a new session",
          human_bytes(kInlineBytes), chosen->lane));
  }

  std::string ticket_, name_;
};

}  // namespace

std::unique_ptr<Command> make_explain() { return std::make_unique<ExplainCommand>(); }

}  // namespace weft::cli
