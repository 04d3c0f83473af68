#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <limits>
#include <list>
#include <string>
#include <thread>

#include <tests/nodes/loopback.hpp>

namespace weft::test {

/// TCP between a client and a server of this host, in a thread of its own; each connection is cut when so many bytes
/// have come from the server.
class Relay {
 public:
  explicit Relay(std::uint16_t target) : target_(target) {
    thread_ = std::thread([this] { run(); });
  }
  ~Relay() {
    stop_ = true;
    thread_.join();
    for (const Pair& pair : pairs_) ::close(pair.client), ::close(pair.server);
  }
  const std::string& address() const { return listener_.address(); }
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
      std::vector<pollfd> waits{{.fd = listener_.fd(), .events = POLLIN, .revents = 0}};
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
      const int client = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
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
  LoopbackListener listener_;
  std::atomic<std::uint64_t> cut_{std::numeric_limits<std::uint64_t>::max()};
  std::atomic<bool> once_{false};
  std::atomic<std::uint64_t> passed_{0};
  std::atomic<bool> stop_{false};
  std::list<Pair> pairs_;
  std::thread thread_;
};

}  // namespace weft::test
