#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/output_file.hpp>
#include <weft/nodes/cli/presence.hpp>
#include <weft/nodes/environment.hpp>
#include <weft/stream/address.hpp>

namespace weft::cli {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;

Fd open_to_read(const std::filesystem::path& path) {
  return Fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
}

// What a regular, small file holds; nothing for whatever else has that name.
std::optional<std::string> text_in(const Fd& file) {
  struct stat found{};
  if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  if (found.st_size > static_cast<off_t>(kMostBytes)) return std::nullopt;
  std::string text(kMostBytes, '\0');
  const auto got = ::pread(file.get(), text.data(), text.size(), 0);
  if (got < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(got));
  return text;
}

Result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const auto put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "write", path);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

bool is_same_file(const Fd& one, const Fd& other) {
  struct stat a{}, b{};
  return one && other && ::fstat(one.get(), &a) == 0 && ::fstat(other.get(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

std::unexpected<Error> held_by_another(const std::filesystem::path& path) {
  return fail(
      Error{ErrorClass::kExists, "ticket", fmt::format("{} is of a node that still runs", escaped(path.string()))}
          .with_hint("give another name, or stop that node first"));
}

// Where the file system cannot rename without replacing, a name that was taken meanwhile is replaced.
int rename_to_free_name(const std::string& from, const std::filesystem::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  return errno == EINVAL || errno == ENOSYS ? ::rename(from.c_str(), to.c_str()) : -1;
}

// Whoever sees the file sees all of it, and finds it locked: it gets its name when it is whole.
Result<Fd> write_whole(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  const auto part = fmt::format("{}.part.{}", path.string(), ::getpid());
  Fd file{::open(part.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!file) return fail_errno(errno, "open", part);
  ::flock(file.get(), LOCK_EX | LOCK_NB);  // where there are no locks, nobody is refused for want of one
  auto written = write_all(file.get(), text, part);
  if (written && rename_to_free_name(part, path) != 0) {
    if (errno == EEXIST)
      written = held_by_another(path);
    else
      written = fail_errno(errno, "rename", path.string());
  }
  if (written) return file;
  ::unlink(part.c_str());
  return fail(std::move(written).error());
}

}  // namespace

Presence::~Presence() {
  // Somebody may have given the name to another file since, or written into ours.
  if (const Fd there = held_ ? open_to_read(ticket_file_) : Fd{};
      is_same_file(there, held_) && text_in(there) == written_)
    ::unlink(ticket_file_.c_str());
}

void Presence::declare(Arguments& arguments) {
  arguments.list("--listen", "ADDRESS", listen_,
                 "where to listen: 127.0.0.1:0 (default), :7700, host:port, unix:///PATH; repeatable");
  arguments.list("--allow", "WHO", allow_, "who may come: local (default), any, or node ids; repeatable");
  if (handed_ == Handed::kTicket)
    arguments.path("--ticket-file", "FILE", ticket_file_, "write the ticket there, once ready");
  else
    arguments.path("--info-file", "FILE", ticket_file_, "write the target info there, once ready");
  arguments.also_from("--listen", "WEFT_LISTEN");
  arguments.also_from("--allow", "WEFT_ALLOW");
}

// Before anything is said about who may come: an address that is none needs no access rule.
Result<void> Presence::check_hosts() const {
  for (const auto& text : listen_) {
    const auto address = stream::Address::parse(text);
    if (!address || address->kind != stream::Address::Kind::kTcp || address->host.empty()) continue;  // the node tells
    if (stream::numeric_address(*address) || stream::resolve_address(*address)) continue;
    return fail(Error{ErrorClass::kInvalidArgument, "listen",
                      fmt::format("--listen {}: there is no host of that name", escaped(text))}
                    .with_hint("a name or number of this host, 127.0.0.1:0, or :7700 for all of its addresses"));
  }
  return {};
}

Result<NodeOptions> Presence::options(const Context& context) const {
  WEFT_LET(auto options, options_here(context));
  WEFT_TRY(check_hosts());
  options.listen = listen_;
  WEFT_LET(options.access, detail::parse_access(allow_));
  if (context.settings.lane != Lane::kAuto) options.lanes = {context.settings.lane};
  return options;
}

// Of our kind, or nothing yet: what mktemp has made.
bool Presence::may_be_replaced(const std::string& text) const {
  if (text.find_first_not_of(" \t\r\n") == text.npos) return true;
  return handed_ == Handed::kTicket ? Ticket::parse(text).has_value() : TargetInfo::parse(text).has_value();
}

Result<void> Presence::prepare() const {
  if (ticket_file_.empty()) return {};
  WEFT_TRY(check_folder(handed_ == Handed::kTicket ? "--ticket-file" : "--info-file", folder_of(ticket_file_)));
  if (std::error_code ignored; !std::filesystem::exists(std::filesystem::symlink_status(ticket_file_, ignored)))
    return {};
  const Fd file = open_to_read(ticket_file_);
  const auto text = text_in(file);
  if (!text || !may_be_replaced(*text))
    return fail(Error{ErrorClass::kExists, "ticket",
                      fmt::format("{} is there and holds something else", escaped(ticket_file_.string()))}
                    .with_hint("give another name, or remove that one"));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return held_by_another(ticket_file_);
  if (::unlink(ticket_file_.c_str()) != 0) return fail_errno(errno, "unlink", ticket_file_.string());
  return {};
}

Result<void> Presence::announce(Context& context, const TensorNode& node, const Json& details) {
  const auto ticket = node.ticket();
  const auto text = ticket.to_string();
  Json object{{"ticket", text}, {"node", node.id().to_string()}, {"addresses", ticket.addresses}};
  object.update(details);
  return hand_over(context, text, object);
}

Result<void> Presence::announce(Context& context, const TargetInfo& info, const Json& details) {
  const auto text = info.to_string();
  Json object{{"info", text}, {"node", info.ticket.node.to_string()}, {"addresses", info.ticket.addresses}};
  object.update(details);
  return hand_over(context, text, object);
}

Result<void> Presence::hand_over(Context& context, const std::string& text, const Json& object) {
  WEFT_TRY(in_time(context));
  context.watchdog.leave();
  if (!ticket_file_.empty()) {
    WEFT_LET(held_, write_whole(ticket_file_, text + "\n", handed_ == Handed::kTicket ? 0644 : 0600));
    written_ = text + "\n";
  }
  if (context.out.format() == Format::kJson)
    context.out.json(object);
  else
    context.out.data(text);
  return context.out.flush();
}

std::string addresses_text(const Ticket& ticket) {
  std::string text;
  for (std::size_t at = 0; at < ticket.addresses.size(); ++at)
    text += (at == 0 ? "" : at + 1 == ticket.addresses.size() ? " and " : ", ") + ticket.addresses[at];
  return text.empty() ? "no address" : text;
}

}  // namespace weft::cli
