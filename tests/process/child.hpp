#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

namespace weft::test {

/// The peer program as a child: lines in, lines out. Killed and reaped with this object.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments = {}) {
    int to[2], from[2];
    REQUIRE(::pipe2(to, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(from, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    arguments.insert(arguments.begin(), WEFT_PEER_PROGRAM);
    std::vector<char*> raw;
    for (std::string& argument : arguments) raw.push_back(argument.data());
    raw.push_back(nullptr);
    REQUIRE(::posix_spawn(&pid_, WEFT_PEER_PROGRAM, &actions, nullptr, raw.data(), environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = from[0];
    ticket_ = expect("ticket ").substr(7);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    end();
    ::close(in_);
    ::close(out_);
  }

  const std::string& ticket() const { return ticket_; }
  void send(const std::string& line) {
    const std::string text = line + "\n";
    REQUIRE(::write(in_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  /// The next line, which must begin so.
  std::string expect(const std::string& beginning) {
    const std::string line = next();
    INFO("the child said: " << line);
    REQUIRE(line.starts_with(beginning));
    return line;
  }
  void ask(const std::string& line) {
    send(line);
    expect("ok");
  }
  std::string next() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    std::size_t at = 0;
    while ((at = buffer_.find('\n')) == std::string::npos) {
      pollfd waits{.fd = out_, .events = POLLIN, .revents = 0};
      if (std::chrono::steady_clock::now() > end) FAIL("the child says nothing");
      if (::poll(&waits, 1, 100) <= 0) continue;
      char chunk[4096];
      const ssize_t got = ::read(out_, chunk, sizeof chunk);
      if (got <= 0) FAIL("the child is gone");
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
    const std::string line = buffer_.substr(0, at);
    buffer_.erase(0, at + 1);
    return line;
  }
  void signal(int number) { ::kill(pid_, number); }
  /// SIGSTOP, and its stop awaited: until then its threads may still answer.
  void stop() {
    ::kill(pid_, SIGSTOP);
    await_stop();
  }
  /// It stops itself: what it said before that is here already.
  void await_stop() {
    int status = 0;
    if (::waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status)) FAIL("the child did not stop");
  }
  /// SIGKILL, and its end awaited.
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::kill(pid_, SIGCONT);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::string buffer_, ticket_;
};

}  // namespace weft::test
