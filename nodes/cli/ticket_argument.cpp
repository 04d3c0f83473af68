#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include <weft/base/fd.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>
#include <weft/nodes/peer.hpp>

namespace weft::cli {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kShownBytes = 24, kMostPathBytes = 4096;
constexpr std::string_view kForms = "give the text that `weft serve` printed, @FILE that holds it, or -";

// Until there is something to read, or it has ended.
Result<void> wait_for(const Context& context, int fd) {
  while (true) {
    WEFT_TRY(in_time(context));
    std::array<pollfd, 2> waiting{pollfd{fd, POLLIN, 0}, pollfd{context.signals.fd(), POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(kTick.count())) > 0 && waiting[0].revents != 0)
      return {};
  }
}

Result<std::string> read_all(const Context& context, int fd, const std::string& name) {
  std::string text;
  std::array<char, 4096> bytes{};
  while (text.size() < kMostBytes) {
    WEFT_TRY(wait_for(context, fd));
    const auto got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read", name);
    if (got == 0) return text;
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return fail(Error{ErrorClass::kInvalidArgument, "ticket", escaped(name) + " is too long for tickets"}.with_hint(
      "is that the tensors' file? A ticket is a line of text, as `weft serve` prints it"));
}

Result<std::string> text_of(const Context& context, std::string_view argument) {
  if (argument == "-") return read_all(context, STDIN_FILENO, "standard input");
  if (!argument.starts_with('@')) return std::string(argument);
  const std::string path(argument.substr(1));
  // Never waits for a writer: a pipe without one has ended.
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file) return read_all(context, file.get(), path);
  auto refused = fail_errno(errno, "open", path);
  return fail(std::move(refused).error().with_hint("`weft serve … --ticket-file FILE` writes one when it is ready"));
}

// How a person knows it again: "the ticket in t", "the ticket "garbage"".
std::string subject(std::string_view argument) {
  if (argument == "-") return "the ticket on standard input";
  if (argument.starts_with('@')) return "the ticket in " + escaped(argument.substr(1));
  if (argument.size() <= kShownBytes) return fmt::format("the ticket \"{}\"", escaped(argument));
  return fmt::format("the ticket \"{}…\"", escaped(argument.substr(0, kShownBytes)));
}

// Where a file's name stands for a ticket, what was probably meant.
std::string hint_of(const Error& why, std::string_view argument) {
  std::error_code ignored;
  if (!argument.empty() && argument.size() <= kMostPathBytes && std::filesystem::is_regular_file(argument, ignored))
    return argument.ends_with(".safetensors") || argument.ends_with(".json")
               ? fmt::format("{0} is a file of tensors; the form is weft serve {0}, weft push {0} TICKET",
                             escaped(argument))
               : fmt::format("@{} reads it from that file", escaped(argument));
  return std::string(why.own_hint().empty() ? kForms : why.own_hint());
}

Result<Ticket> parse(std::string_view text, std::string_view argument) {
  constexpr std::string_view kItself = "the ticket ";
  auto ticket = Ticket::parse(text);
  const Result<void> why = ticket ? check_expiry(*ticket) : std::unexpected(ticket.error());
  if (why) return ticket;
  const auto said = why.error().message();
  return fail(Error{why.error().kind(), "ticket",
                    said.starts_with(kItself) ? fmt::format("{} {}", subject(argument), said.substr(kItself.size()))
                                              : fmt::format("{}: {}", subject(argument), said)}
                  .with_hint(hint_of(why.error(), argument)));
}

}  // namespace

Result<std::vector<Ticket>> read_tickets(const Context& context, std::string_view argument) {
  WEFT_LET(const std::string text, text_of(context, argument));
  std::vector<Ticket> tickets;
  std::string_view left(text);
  while (true) {
    const auto start = left.find_first_not_of(kBlanks);
    if (start == left.npos) break;
    const auto end = left.find_first_of(kBlanks, start);
    WEFT_LET(auto ticket, parse(left.substr(start, end == left.npos ? end : end - start), argument));
    tickets.push_back(std::move(ticket));
    if (end == left.npos) break;
    left.remove_prefix(end);
  }
  if (tickets.empty()) {
    const bool blank = !argument.starts_with('@') && argument != "-";
    return fail(Error{ErrorClass::kInvalidArgument, "ticket",
                      blank ? std::string("the ticket is empty") : subject(argument) + " is missing: there is no text"}
                    .with_hint(blank ? "is a variable of the script empty? TICKET is its text, @FILE or -"
                                     : std::string(kForms)));
  }
  context.asked = tickets.front().node.to_string();
  return tickets;
}

Result<Ticket> read_ticket(const Context& context, std::string_view argument) {
  WEFT_LET(auto tickets, read_tickets(context, argument));
  if (tickets.size() > 1)
    return fail(ErrorClass::kInvalidArgument, "ticket",
                fmt::format("{} holds {} tickets where one is wanted", spelled_again(argument), tickets.size()));
  return std::move(tickets.front());
}

std::string spelled_again(std::string_view argument) {
  return argument.starts_with('@') || argument == "-" ? escaped(argument) : "TICKET";
}

}  // namespace weft::cli
