#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>

namespace weft::cli {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::string_view kBlanks = " \t\r\n";

Result<std::string> read_all(std::FILE* file, const std::string& name) {
  std::string text(kMostBytes, '\0');
  const auto got = std::fread(text.data(), 1, text.size(), file);
  if (std::ferror(file) != 0) return fail_errno(errno, "read", name);
  if (got == text.size()) return fail(ErrorClass::kInvalidArgument, "ticket", name + " is too long for tickets");
  text.resize(got);
  return text;
}

Result<std::string> text_of(std::string_view argument) {
  if (argument == "-") return read_all(stdin, "standard input");
  if (!argument.starts_with('@')) return std::string(argument);
  const std::string path(argument.substr(1));
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "re"));
  if (file) return read_all(file.get(), path);
  auto refused = fail_errno(errno, "open", path);
  return fail(std::move(refused).error().with_hint("`weft serve … --ticket-file FILE` writes one when it is ready"));
}

Result<Ticket> parse(std::string_view text) {
  auto ticket = Ticket::parse(text);
  if (!ticket) {
    auto why = std::move(ticket).error();
    return fail(why.hint().empty()
                    ? std::move(why).with_hint("give the text that `weft serve` printed, @FILE that holds it, or -")
                    : std::move(why));
  }
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  if (ticket->expired(now.count()))
    return fail(Error{ErrorClass::kInvalidArgument, "ticket", "the ticket has expired"}.with_hint(
        "get a fresh one from the node"));
  return ticket;
}

}  // namespace

Result<std::vector<Ticket>> read_tickets(std::string_view argument) {
  WEFT_LET(const std::string text, text_of(argument));
  std::vector<Ticket> tickets;
  std::string_view left(text);
  while (true) {
    const auto start = left.find_first_not_of(kBlanks);
    if (start == left.npos) break;
    const auto end = left.find_first_of(kBlanks, start);
    WEFT_LET(auto ticket, parse(left.substr(start, end == left.npos ? end : end - start)));
    tickets.push_back(std::move(ticket));
    if (end == left.npos) break;
    left.remove_prefix(end);
  }
  if (tickets.empty())
    return fail(
        Error{ErrorClass::kInvalidArgument, "ticket", fmt::format("{} holds no ticket", spelled_again(argument))}
            .with_hint("give the text that `weft serve` printed, @FILE that holds it, or -"));
  return tickets;
}

Result<Ticket> read_ticket(std::string_view argument) {
  WEFT_LET(auto tickets, read_tickets(argument));
  if (tickets.size() > 1)
    return fail(ErrorClass::kInvalidArgument, "ticket",
                fmt::format("{} holds {} tickets where one is wanted", spelled_again(argument), tickets.size()));
  return std::move(tickets.front());
}

std::string spelled_again(std::string_view argument) {
  return argument.starts_with('@') || argument == "-" ? escaped(argument) : "TICKET";
}

}  // namespace weft::cli
