#include <weft/nodes/c/local_socket.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <filesystem>
#include <set>
#include <string>

#include <weft/base/fd.hpp>
#include <weft/nodes/c/fabrics_instance.hpp>
#include <weft/stream/listener.hpp>

#include "domain.hpp"

using namespace weft::c;
using weft::test::TestDomain;

namespace {

std::set<std::string> files_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& one : std::filesystem::directory_iterator(folder)) names.insert(one.path().filename().string());
  return names;
}

SideConfig on_socket(const std::string& name) {
  SideConfig config;
  config.provider = WEFT_FABRICS_PROVIDER_SHM;
  config.listen = name;
  return config;
}

/// A socket's file whose process was killed so many seconds ago.
void leave_behind(const std::string& path, int seconds_ago) {
  const weft::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = *weft::stream::SocketAddress::unix_path(path);
  REQUIRE(::bind(fd.get(), address.raw(), address.size()) == 0);
  timeval now{};
  REQUIRE(::gettimeofday(&now, nullptr) == 0);
  now.tv_sec -= seconds_ago;
  const timeval times[] = {now, now};
  REQUIRE(::utimes(path.c_str(), times) == 0);
}

std::string path_of(const std::string& address) { return address.substr(std::string("unix://").size()); }

}  // namespace

TEST_CASE("shm: the node of an address is this host, and the service names its socket", "[M-03]") {
  const std::string host = this_host();
  REQUIRE_FALSE(host.empty());
  REQUIRE(socket_name_of({nullptr, nullptr})->empty());
  REQUIRE(socket_name_of({host.c_str(), "0"})->empty());
  REQUIRE(socket_name_of({host.c_str(), ""})->empty());
  REQUIRE(*socket_name_of({host.c_str(), "camera-1.left_eye"}) == "camera-1.left_eye");
  REQUIRE(*socket_name_of({host.c_str(), std::string(64, 'a').c_str()}) == std::string(64, 'a'));
  for (const std::string& service : {std::string("a/b"), std::string(".."), std::string("a b"), std::string(65, 'a')}) {
    CAPTURE(service);
    REQUIRE(socket_name_of({host.c_str(), service.c_str()}).error().status == WEFT_ERR_INVALID_ARG);
  }
  REQUIRE(socket_name_of({nullptr, "camera"}).error().status == WEFT_ERR_INVALID_ARG);
  const auto elsewhere = socket_name_of({"not-this-host", nullptr});
  REQUIRE(elsewhere.error().status == WEFT_ERR_INVALID_ARG);
  REQUIRE(std::string(elsewhere.error().error.message()).find("not-this-host") != std::string::npos);
  REQUIRE(std::string(elsewhere.error().error.hint()).find(host) != std::string::npos);
}

TEST_CASE("shm: a target's socket lies in the domain, is its user's alone, and goes with the target", "[M-03]") {
  TestDomain domain;
  FabricsInstance fabrics({}, domain.path());
  auto first = *fabrics.target_node(on_socket(""));
  REQUIRE(*fabrics.target_node(on_socket("")) == first);
  const auto named = *fabrics.target_node(on_socket("camera"));
  REQUIRE(named != first);
  const auto ticket = named->node().ticket();
  REQUIRE(is_on_sockets(ticket));
  REQUIRE(ticket.addresses.size() == 1);
  REQUIRE(path_of(ticket.addresses.front()) == domain.path() + "/camera.weft-socket");
  struct stat what{};
  REQUIRE(::lstat(path_of(ticket.addresses.front()).c_str(), &what) == 0);
  REQUIRE((what.st_mode & 0777) == 0600);
  REQUIRE(files_in(domain.path()).size() == 2);
  first.reset();
  REQUIRE(files_in(domain.path()) == std::set<std::string>{"camera.weft-socket"});
}

TEST_CASE("shm: a socket that somebody listens at is in use, one of a dead process is replaced", "[M-03]") {
  TestDomain domain;
  leave_behind(domain.path() + "/camera.weft-socket", 0);
  FabricsInstance fabrics({}, domain.path()), other({}, domain.path());
  const auto node = *fabrics.target_node(on_socket("camera"));
  REQUIRE(other.target_node(on_socket("camera")).error().status == WEFT_ERR_ADDRESS_IN_USE);
  REQUIRE(files_in(domain.path()) == std::set<std::string>{"camera.weft-socket"});
}

TEST_CASE("shm: sockets that processes left behind are removed, but for what may be about to listen", "[M-03]") {
  TestDomain domain;
  leave_behind(domain.path() + "/old.weft-socket", 120);
  leave_behind(domain.path() + "/new.weft-socket", 0);
  const weft::Fd flow(::open((domain.path() + "/a.weft-flow").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string kept = domain.path() + "/kept.weft-socket";
  const auto listener = weft::stream::Listener::open(*weft::stream::SocketAddress::unix_path(kept));
  REQUIRE(listener.has_value());
  const timeval long_ago[] = {{.tv_sec = 1, .tv_usec = 0}, {.tv_sec = 1, .tv_usec = 0}};
  REQUIRE(::utimes(kept.c_str(), long_ago) == 0);
  const std::string made = *socket_address(domain.path(), "");
  REQUIRE(files_in(domain.path()) == std::set<std::string>{"a.weft-flow", "kept.weft-socket", "new.weft-socket"});
  REQUIRE(*socket_address(domain.path(), "") != made);
}

TEST_CASE("shm: a domain that is gone, or too long for a socket, is told", "[M-03]") {
  TestDomain domain;
  REQUIRE(socket_address(domain.path() + "/gone", "a").error().status == WEFT_ERR_NOT_FOUND);
  const std::string deep = domain.path() + "/" + std::string(80, 'd');
  REQUIRE(std::filesystem::create_directory(deep));
  const auto refused = socket_address(deep, "camera");
  REQUIRE(refused.error().status == WEFT_ERR_INVALID_ARG);
  REQUIRE(std::string(refused.error().error.hint()).find("shorter") != std::string::npos);
  // A path that is not absolute, or goes by a link, is one that other processes can use.
  std::filesystem::create_directory_symlink(domain.path(), domain.path() + "/link");
  REQUIRE(*socket_address(domain.path() + "/link", "a") == "unix://" + domain.path() + "/a.weft-socket");
}
