#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/fd.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/presence.hpp>

namespace weft::cli {
namespace {

Result<Access> access_of(const std::vector<std::string>& allow) {
  if (allow.empty() || allow == std::vector<std::string>{"local"}) return Access::local();
  if (allow == std::vector<std::string>{"any"}) return Access::any();
  std::vector<NodeId> ids;
  for (const auto& word : allow) {
    auto id = NodeId::parse(word);
    if (!id)
      return fail(Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("--allow {}", escaped(word))}.with_hint(
          "local, any, or node ids as `weft id` prints them there"));
    ids.push_back(*id);
  }
  return Access::peers(std::move(ids));
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

// Whoever sees the file sees all of it: it gets its name when it is whole.
Result<void> write_whole(const std::filesystem::path& path, std::string_view text) {
  const auto part = fmt::format("{}.part.{}", path.string(), ::getpid());
  Fd file{::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644)};
  if (!file) return fail_errno(errno, "open", part);
  auto written = write_all(file.get(), text, part);
  if (written && ::rename(part.c_str(), path.c_str()) != 0) written = fail_errno(errno, "rename", path.string());
  if (!written) ::unlink(part.c_str());
  return written;
}

}  // namespace

Presence::~Presence() {
  if (written_) ::unlink(ticket_file_.c_str());
}

void Presence::declare(Arguments& arguments) {
  arguments.list("--listen", "ADDRESS", listen_,
                 "where to listen: 127.0.0.1:0 (default), :7700, host:port; repeatable");
  arguments.list("--allow", "WHO", allow_, "who may come: local (default), any, or node ids; repeatable");
  arguments.list("--trust", "NETWORK", trust_, "networks where tensors may travel in clear: 10.0.0.0/8; repeatable");
  arguments.path("--ticket-file", "FILE", ticket_file_, "write the ticket there, once ready");
}

Result<NodeOptions> Presence::options(const Context& context) const {
  NodeOptions options;
  options.listen = listen_;
  options.trust = trust_;
  WEFT_LET(options.access, access_of(allow_));
  if (context.settings.lane != Lane::kAuto) options.lanes = {context.settings.lane};
  return options;
}

void Presence::prepare() const {
  if (!ticket_file_.empty()) ::unlink(ticket_file_.c_str());
}

Result<void> Presence::announce(Context& context, const TensorNode& node, Json details) {
  const auto ticket = node.ticket();
  const auto text = ticket.to_string();
  if (!ticket_file_.empty()) {
    WEFT_TRY(write_whole(ticket_file_, text + "\n"));
    written_ = true;
  }
  if (context.out.format() == Format::kJson) {
    Json object{{"ticket", text}, {"node", node.id().to_string()}, {"addresses", ticket.addresses}};
    object.update(details);
    context.out.json(object);
  } else {
    context.out.data(text);
  }
  return context.out.flush();
}

std::string addresses_text(const Ticket& ticket) {
  std::string text;
  for (std::size_t at = 0; at < ticket.addresses.size(); ++at)
    text += (at == 0 ? "" : at + 1 == ticket.addresses.size() ? " and " : ", ") + ticket.addresses[at];
  return text.empty() ? "no address" : text;
}

}  // namespace weft::cli
