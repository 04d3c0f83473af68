#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

namespace weft::test {

/// A child process: lines in, lines out. Killed and reaped with this object.
class Program {
 public:
  Program(const std::string& path, std::vector<std::string> arguments) {
    int to[2], from[2];
    REQUIRE(::pipe2(to, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(from, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    arguments.insert(arguments.begin(), path);
    std::vector<char*> raw;
    for (std::string& argument : arguments) raw.push_back(argument.data());
    raw.push_back(nullptr);
    REQUIRE(::posix_spawn(&pid_, path.c_str(), &actions, nullptr, raw.data(), environ) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = from[0];
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    kill();
    go();
    ::close(out_);
  }

  void send(const std::string& line) const {
    const std::string text = line + "\n";
    REQUIRE(::write(in_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void signal(int number) const { ::kill(pid_, number); }
  /// Closes its input, which it waits for.
  void go() {
    if (in_ >= 0) ::close(in_);
    in_ = -1;
  }
  /// The next line, which must begin so.
  std::string expect(const std::string& beginning) {
    const std::string line = next();
    INFO("the program said: " << line);
    REQUIRE(line.starts_with(beginning));
    return line;
  }
  /// Its next line.
  std::string next() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::size_t at = 0;
    while ((at = buffer_.find('\n')) == std::string::npos) {
      pollfd waits{.fd = out_, .events = POLLIN, .revents = 0};
      if (std::chrono::steady_clock::now() > end) FAIL("the program says nothing");
      if (::poll(&waits, 1, 100) <= 0) continue;
      char chunk[4096];
      const ssize_t got = ::read(out_, chunk, sizeof chunk);
      if (got <= 0) FAIL("the program is gone");
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
    std::string line = buffer_.substr(0, at);
    buffer_.erase(0, at + 1);
    return line;
  }
  /// SIGKILL, and its end awaited.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  /// Its exit status, once it has ended by itself.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// It stops itself, or was told to: what it said before that is here already.
  void await_stop() const {
    int status = 0;
    if (::waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status)) FAIL("the program did not stop");
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::string buffer_;
};

}  // namespace weft::test
