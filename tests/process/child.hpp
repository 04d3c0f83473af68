#pragma once

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <tests/process/program.hpp>

namespace weft::test {

/// The peer program as a child, which tells its ticket first.
class Child : public Program {
 public:
  explicit Child(std::vector<std::string> arguments = {})
      : Program(WEFT_PEER_PROGRAM, std::move(arguments)), ticket_(expect("ticket ").substr(7)) {}

  const std::string& ticket() const { return ticket_; }
  void ask(const std::string& line) {
    send(line);
    expect("ok");
  }
  /// SIGSTOP, and its stop awaited: until then its threads may still answer.
  void stop() const {
    signal(SIGSTOP);
    await_stop();
  }

 private:
  std::string ticket_;
};

}  // namespace weft::test
