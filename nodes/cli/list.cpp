#include <algorithm>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/entry_text.hpp>
#include <weft/nodes/cli/peer_names.hpp>
#include <weft/nodes/cli/table.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>

namespace weft::cli {
namespace {

constexpr std::uint64_t kRowsOnTerminal = 100;

class ListCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("TICKET", ticket_, "of the node");
    arguments.positional("GLOB", glob_, "only names that match: 'layers.*'", Needed::kNo);
    arguments.flag("-a,--all", all_, "every row; without it a terminal shows the first 100");
  }

  Result<int> run(Context& context) override {
    WEFT_LET(const auto ticket, read_ticket(context, ticket_));
    WEFT_LET(auto node, start_client(context));
    WEFT_LET(const auto entries, await(node.list(ticket, glob_, {.deadline = deadline_of(context)})));
    std::uint64_t total = 0;
    for (const auto& entry : entries) total += entry.bytes;
    if (context.out.format() == Format::kJson)
      show_json(context, entries, total);
    else
      show_rows(context, entries, total);
    if (entries.empty()) WEFT_TRY(tell_nearest(context, node, ticket));
    return 0;
  }

 private:
  // Nothing matched: what was probably meant.
  Result<void> tell_nearest(Context& context, TensorNode& node, const Ticket& ticket) const {
    if (glob_ == "*" || context.out.format() == Format::kJson || context.out.quiet()) return {};
    WEFT_LET(const auto all, await(node.list(ticket, "*", {.deadline = deadline_of(context)})));
    context.out.say(nothing_matches(glob_, all, spelled_again(ticket_)));
    return {};
  }

  static void show_json(Context& context, const std::vector<Entry>& entries, std::uint64_t total) {
    Json tensors = Json::array();
    for (const auto& entry : entries) tensors.push_back(entry_json(entry));
    context.out.json({{"tensors", std::move(tensors)}, {"count", entries.size()}, {"bytes", total}});
  }

  void show_rows(Context& context, const std::vector<Entry>& entries, std::uint64_t total) const {
    auto& out = context.out;
    const bool plain = out.format() == Format::kPlain;
    const bool some = !all_ && !plain && out.stdout_is_terminal();
    const auto rows = std::min<std::uint64_t>(entries.size(), some ? kRowsOnTerminal : entries.size());
    Table table({{"NAME"}, {"DTYPE"}, {"SHAPE"}, {"SIZE", true}, {"GEN", true}});
    for (std::size_t at = 0; at < rows; ++at) {
      const auto& entry = entries[at];
      table.add({escaped(entry.name), dtype_text(entry.meta), entry.meta.shape.to_string(),
                 plain ? std::to_string(entry.bytes) : human_bytes(entry.bytes),
                 std::to_string(entry.generation.value)});
    }
    out.table(table);
    if (plain) return;
    const auto sum =
        fmt::format("{} tensor{}, total {}", entries.size(), entries.size() == 1 ? "" : "s", human_bytes(total));
    out.data(rows == entries.size()
                 ? sum
                 : fmt::format("{} {} more (--all)    {}", out.utf8() ? "…" : "...", entries.size() - rows, sum));
  }

  std::string ticket_;
  std::string glob_ = "*";
  bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> make_list() { return std::make_unique<ListCommand>(); }

}  // namespace weft::cli
