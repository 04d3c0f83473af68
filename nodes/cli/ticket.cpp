#include <ctime>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/command.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>

namespace weft::cli {
namespace {

std::string time_text(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  char text[64] = "";
  if (::gmtime_r(&time, &parts) == nullptr || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
    return std::to_string(unix_seconds);
  return text;
}

class TicketCommand final : public Command {
 public:
  void declare(Arguments& arguments) override { arguments.positional("TICKET", ticket_, "to read"); }

  Result<int> run(Context& context) override {
    WEFT_LET(const auto ticket, read_ticket(context, ticket_));
    if (context.out.format() == Format::kJson) {
      Json object{{"node", ticket.node.to_string()}, {"addresses", ticket.addresses}, {"not_after", nullptr}};
      if (ticket.not_after) object["not_after"] = *ticket.not_after;
      object["ticket"] = ticket.to_string();
      context.out.json(object);
      return 0;
    }
    const bool plain = context.out.format() == Format::kPlain;
    const auto tell = [&](std::string_view what, std::string_view value) {
      context.out.data(plain ? fmt::format("{}\t{}", what, value) : fmt::format("{:<7}  {}", what, value));
    };
    tell("node", ticket.node.to_string());
    for (const auto& address : ticket.addresses) tell("address", escaped(address));
    tell("expires", ticket.not_after ? time_text(*ticket.not_after) : "never");
    return 0;
  }

 private:
  std::string ticket_;
};

}  // namespace

std::unique_ptr<Command> make_ticket() { return std::make_unique<TicketCommand>(); }

}  // namespace weft::cli
