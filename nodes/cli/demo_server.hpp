#pragma once

#include <sys/types.h>

#include <filesystem>
#include <utility>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>
#include <weft/nodes/cli/command.hpp>
#include <weft/wire/ticket.hpp>

namespace weft::cli {

/// `weft serve FILE` as a process of its own, which ends with this object, and with this process.
class DemoServer {
 public:
  /// Ready: it has told its ticket. Internal or DeadlineExceeded when it does not; it has said why on stderr.
  static Result<DemoServer> start(const Context& context, const std::filesystem::path& model);
  DemoServer(DemoServer&& other) noexcept
      : process_(std::exchange(other.process_, -1)), ticket_(std::move(other.ticket_)) {}
  DemoServer& operator=(DemoServer&&) = delete;
  ~DemoServer();

  const Ticket& ticket() const noexcept { return ticket_; }
  pid_t process() const noexcept { return process_; }

 private:
  explicit DemoServer(pid_t process) : process_(process) {}
  Result<void> read_ticket(const Context& context, int pipe);

  pid_t process_ = -1;
  Ticket ticket_{};
};

}  // namespace weft::cli
