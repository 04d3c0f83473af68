#include <weft/nodes/c/local_socket.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>

#include <fmt/format.h>

#include <weft/base/fd.hpp>
#include <weft/base/text.hpp>
#include <weft/crypto/random.hpp>
#include <weft/stream/socket_address.hpp>

namespace weft::c {
namespace {

constexpr std::size_t kMostNameBytes = 64;
constexpr std::string_view kSuffix = ".weft-socket";
constexpr std::string_view kScheme = "unix://";
/// A socket that was bound just now and does not listen yet refuses connections too.
constexpr std::time_t kSettledSeconds = 60;

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return text.size() <= kMostNameBytes && !text.starts_with('.') && std::all_of(text.begin(), text.end(), allowed);
}

/// Left by a process that was killed: a minute old and more, and nobody listens.
bool is_abandoned(const std::filesystem::path& path) {
  struct stat what{};
  if (::lstat(path.c_str(), &what) != 0 || !S_ISSOCK(what.st_mode)) return false;
  if (std::time(nullptr) - what.st_mtime < kSettledSeconds) return false;
  const auto address = stream::SocketAddress::unix_path(path.string());
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return address && probe && ::connect(probe.get(), address->raw(), address->size()) != 0 && errno == ECONNREFUSED;
}

void sweep(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(folder, ignored), end; !ignored && at != end; at.increment(ignored))
    if (at->path().filename().string().ends_with(kSuffix) && is_abandoned(at->path())) ::unlink(at->path().c_str());
}

}  // namespace

std::string this_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

Outcome<std::string> socket_name_of(const weftEndpointAddress& address) {
  const std::string_view node = address.node == nullptr ? "" : address.node;
  std::string_view service = address.service == nullptr ? "" : address.service;
  if (service == "0") service = {};
  const std::string host = this_host();
  if (node.empty() && !service.empty())
    return bad_argument("a service without a node", fmt::format("name the node: \"{}\"", host));
  if (!node.empty() && node != host)
    return bad_argument(
        fmt::format("the provider shm reaches processes of this host, \"{}\", and \"{}\" is not its name", host,
                    escaped(node.substr(0, kMostNameBytes))),
        fmt::format("node \"{}\" or NULL; to other hosts: tcp or verbs", host));
  if (!is_name(service))
    return bad_argument(fmt::format("\"{}\" cannot name a socket", escaped(service.substr(0, kMostNameBytes))),
                        "1 to 64 of a-z A-Z 0-9 . _ -, not beginning with a dot; NULL: one of its own");
  return std::string(service);
}

Outcome<std::string> socket_address(const std::filesystem::path& folder, const std::string& name) {
  std::error_code gone;
  const std::filesystem::path where = std::filesystem::canonical(folder, gone);
  if (gone) return std::unexpected<Fault>(fail_errno(gone.value(), "domain", folder.string()).error());
  sweep(where);
  std::string file = name;
  if (file.empty()) {
    WEFT_C_LET(const std::uint64_t drawn, crypto::random_u64());
    file = fmt::format("{:016x}", drawn);
  }
  const std::string path = (where / (file + std::string(kSuffix))).string();
  if (const auto fits = stream::SocketAddress::unix_path(path); !fits)
    return bad_argument(fmt::format("{}: {}", escaped(path), fits.error().message()),
                        "a shorter domain in weftCreateInstance, or a shorter service");
  return std::string(kScheme) + path;
}

bool is_on_sockets(const Ticket& ticket) {
  return !ticket.addresses.empty() &&
         std::all_of(ticket.addresses.begin(), ticket.addresses.end(),
                     [](const std::string& address) { return address.starts_with(kScheme); });
}

}  // namespace weft::c
