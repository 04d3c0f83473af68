#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <limits>
#include <list>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>

namespace weft::test {

inline int connect_loopback(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (fd >= 0) ::close(fd);
    return -1;
  }
  return fd;
}

inline std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

/// TCP between a client and a server of this host, in a thread of its own; each connection is cut when so many bytes
/// have come from the server.
class Relay {
 public:
  explicit Relay(std::uint16_t target) : target_(target) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    address_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { run(); });
  }
  ~Relay() {
    stop_ = true;
    thread_.join();
    for (const Pair& pair : pairs_) ::close(pair.client), ::close(pair.server);
    ::close(listener_);
  }
  const std::string& address() const { return address_; }
  void cut_at(std::uint64_t bytes) { cut_ = bytes; }
  /// The next connection that gets so far is cut, later ones are not.
  void cut_once_at(std::uint64_t bytes) {
    once_ = true;
    cut_ = bytes;
  }
  /// Bytes from the server so far, of all connections.
  std::uint64_t passed() const { return passed_; }
  void heal() { cut_ = std::numeric_limits<std::uint64_t>::max(); }

 private:
  struct Pair {
    int client = -1, server = -1;
    std::uint64_t passed = 0;
  };

  void run() {
    while (!stop_) {
      std::vector<pollfd> waits{{.fd = listener_, .events = POLLIN, .revents = 0}};
      for (const Pair& pair : pairs_)
        for (const int fd : {pair.client, pair.server}) waits.push_back({.fd = fd, .events = POLLIN, .revents = 0});
      if (::poll(waits.data(), waits.size(), 10) <= 0) continue;
      std::size_t at = 1;
      for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
        const bool open = (waits[at].revents == 0 || pass(pair->client, pair->server, nullptr)) &&
                          (waits[at + 1].revents == 0 || pass(pair->server, pair->client, &pair->passed));
        if (open) {
          ++pair;
          continue;
        }
        ::close(pair->client);
        ::close(pair->server);
        pair = pairs_.erase(pair);
      }
      if (waits[0].revents == 0) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const int server = cut_ == 0 ? -1 : connect_loopback(target_);
      if (client >= 0 && server >= 0)
        pairs_.push_back({.client = client, .server = server});
      else if (client >= 0)
        ::close(client);
    }
  }
  /// Whether the connection stays.
  bool pass(int from, int to, std::uint64_t* count) {
    std::array<char, 65536> chunk;
    const ssize_t got = ::recv(from, chunk.data(), chunk.size(), 0);
    if (got <= 0) return false;
    auto length = static_cast<std::size_t>(got);
    bool last = false;
    if (count != nullptr) {
      last = *count + length >= cut_;
      if (last) length = static_cast<std::size_t>(cut_ > *count ? cut_ - *count : 0);
      *count += length;
      passed_ += length;
      if (last && once_.exchange(false)) heal();
    }
    for (std::size_t done = 0; done < length;) {
      const ssize_t put = ::send(to, chunk.data() + done, length - done, MSG_NOSIGNAL);
      if (put <= 0) return false;
      done += static_cast<std::size_t>(put);
    }
    return !last;
  }

  std::uint16_t target_;
  int listener_ = -1;
  std::string address_;
  std::atomic<std::uint64_t> cut_{std::numeric_limits<std::uint64_t>::max()};
  std::atomic<bool> once_{false};
  std::atomic<std::uint64_t> passed_{0};
  std::atomic<bool> stop_{false};
  std::list<Pair> pairs_;
  std::thread thread_;
};

}  // namespace weft::test
