#include <weft/stream/listener.hpp>

#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <tests/engine/stream/sockets.hpp>

using namespace weft;
using namespace weft::stream;
using namespace weft::stream::test;

TEST_CASE("listener: port 0 becomes a real one, connections come with their peer's address", "[stream]") {
  for (const char* text : {"127.0.0.1:0", "[::1]:0"}) {
    auto opened = Listener::open(at(text));
    if (!opened && opened.error().native_code() == EADDRNOTAVAIL) continue;  // a host without IPv6
    Listener listener = std::move(opened).value();
    CHECK(listener.address().port() != 0);
    CHECK_FALSE(listener.accept().value().has_value());
    const Fd fd = connect_plainly(listener.address());
    wait_readable({listener.descriptor()});
    const auto accepted = listener.accept().value();
    REQUIRE(accepted);
    CHECK(accepted->peer == SocketAddress::local_of(fd.get()).value());
    CHECK((fcntl(accepted->fd.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK_FALSE(listener.accept().value().has_value());
  }
}

TEST_CASE("listener: an address in use is Exists, one of another host PeerUnreachable, with hints", "[stream]") {
  const Listener listener = Listener::open(any_port()).value();
  const auto again = Listener::open(listener.address());
  REQUIRE_FALSE(again);
  CHECK(again.error().kind() == ErrorClass::kExists);
  CHECK(again.error().native_code() == EADDRINUSE);
  CHECK_FALSE(again.error().hint().empty());
  const auto elsewhere = Listener::open(at("192.0.2.1:0"));
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().kind() == ErrorClass::kPeerUnreachable);
}

TEST_CASE("listener: a Unix socket has mode 0600 and goes with its listener", "[stream]") {
  const Folder folder;
  const auto address = SocketAddress::unix_path((folder.path / "a").string()).value();
  {
    Listener listener = Listener::open(address).value();
    struct stat status{};
    REQUIRE(stat(address.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(listener.address().to_string() == "unix://" + address.path());
    const Fd fd = connect_plainly(address);
    wait_readable({listener.descriptor()});
    const auto accepted = listener.accept().value();
    REQUIRE(accepted);
    CHECK(accepted->peer.is_unix());
    CHECK(accepted->peer.is_loopback());
  }
  CHECK_FALSE(std::filesystem::exists(address.path()));
}

TEST_CASE("listener: what a crash left behind is replaced, a living listener and a file are not", "[stream]") {
  const Folder folder;
  const auto address = SocketAddress::unix_path((folder.path / "a").string()).value();
  {
    const Fd abandoned{socket(AF_UNIX, SOCK_STREAM, 0)};
    REQUIRE(bind(abandoned.get(), address.raw(), address.size()) == 0);
  }
  REQUIRE(std::filesystem::exists(address.path()));
  const auto listener = Listener::open(address);
  REQUIRE(listener);
  CHECK(Listener::open(address).error().kind() == ErrorClass::kExists);
  CHECK(connect_plainly(address));

  const auto file = SocketAddress::unix_path((folder.path / "file").string()).value();
  std::ofstream{file.path()} << "kept";
  CHECK(Listener::open(file).error().kind() == ErrorClass::kExists);
  CHECK(std::filesystem::file_size(file.path()) == 4);

  const auto nowhere = SocketAddress::unix_path((folder.path / "no" / "a").string()).value();
  CHECK(Listener::open(nowhere).error().kind() == ErrorClass::kNotFound);
}

TEST_CASE("listener: a living listener whose queue is full is not taken for one that is gone", "[stream]") {
  const Folder folder;
  const auto address = SocketAddress::unix_path((folder.path / "a").string()).value();
  const Fd busy{socket(AF_UNIX, SOCK_STREAM, 0)};
  REQUIRE(bind(busy.get(), address.raw(), address.size()) == 0);
  REQUIRE(listen(busy.get(), 0) == 0);
  std::vector<Fd> queued;
  do queued.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  while (connect(queued.back().get(), address.raw(), address.size()) == 0);
  REQUIRE(errno == EAGAIN);
  CHECK(Listener::open(address).error().kind() == ErrorClass::kExists);
  CHECK(std::filesystem::exists(address.path()));
}

TEST_CASE("listener: without descriptors it says so, closes who waits, and lives on", "[stream][F22]") {
  Listener listener = Listener::open(any_port()).value();
  const Fd waiting = connect_plainly(listener.address());
  wait_readable({listener.descriptor()});
  {
    const NoDescriptors shortage;
    const auto refused = listener.accept();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind() == ErrorClass::kResourceExhausted);
    CHECK(refused.error().native_code() == EMFILE);
    CHECK(sees_close(waiting));
  }
  const Fd next = connect_plainly(listener.address());
  wait_readable({listener.descriptor()});
  CHECK(listener.accept().value().has_value());
}
