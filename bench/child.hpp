#pragma once

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include <weft/base/fd.hpp>

#include "bench/stopwatch.hpp"

namespace weft::bench {

/// One end of a conversation in lines of text between a bench and its child. A peer that is gone ends the process.
class Talk {
 public:
  Talk(int in, int out) : in_(in), out_(out) {}
  void say(const std::string& line) {
    const std::string text = line + "\n";
    if (::write(out_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::_Exit(1);
  }
  std::string hear() {
    std::string line;
    for (char one = 0;;) {
      if (::read(in_.get(), &one, 1) != 1) std::_Exit(1);
      if (one == '\n') return line;
      line += one;
    }
  }

 private:
  Fd in_, out_;
};

/// A process of this program that runs a function; gone with this object, and with this process. It is forked: before
/// libfabric is opened, which does not survive that, and before there are threads.
class Child {
 public:
  explicit Child(const std::function<void(Talk&)>& body) : Child(body, pipe(), pipe()) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void say(const std::string& line) { talk_.say(line); }
  std::string ask(const std::string& line) {
    talk_.say(line);
    return talk_.hear();
  }
  std::string hear() { return talk_.hear(); }
  /// Takes no processor from here until it may run again.
  void halt() {
    ::kill(pid_, SIGSTOP);
    ::waitpid(pid_, nullptr, WUNTRACED);
  }
  void go_on() { ::kill(pid_, SIGCONT); }
  /// That it has computed since its start.
  double cpu_seconds() const {
    clockid_t clock{};
    return ::clock_getcpuclockid(pid_, &clock) == 0 ? seconds_of(clock) : 0;
  }

 private:
  using Ends = std::array<int, 2>;
  static Ends pipe() {
    Ends ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
    return ends;
  }
  Child(const std::function<void(Talk&)>& body, Ends down, Ends up) : talk_(up[0], down[1]) {
    std::fflush(nullptr);  // or the child would print it again
    pid_ = ::fork();
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      talk_ = Talk(down[0], up[1]);
      body(talk_);
      std::_Exit(0);
    }
    ::close(down[0]);
    ::close(up[1]);
  }

  Talk talk_;
  pid_t pid_ = -1;
};

}  // namespace weft::bench
