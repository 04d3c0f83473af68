#pragma once

#include <weft/base/result.hpp>

namespace weft::cli {

/// SIGINT and SIGTERM of this process: the first one is noted and rings fd(), a second one ends the process at once
/// with 128 + its number. One object, made in main before any thread.
class Signals {
 public:
  static Result<Signals> install();

  /// The signal that was caught, or 0. Any thread.
  static int caught() noexcept;
  /// Readable once one was caught.
  int fd() const noexcept { return fd_; }
  /// Blocks until one is caught.
  void wait() const;

  /// While it lives, threads that are started do not take these signals: the main thread does.
  class Shield {
   public:
    Shield() noexcept;
    ~Shield();
    Shield(const Shield&) = delete;
    Shield& operator=(const Shield&) = delete;
  };

 private:
  explicit Signals(int fd) : fd_(fd) {}
  int fd_;
};

/// The exit code of a command that runs until it is told to stop: SIGTERM is how that is done, Ctrl-C breaks it off.
int exit_after_signal() noexcept;

}  // namespace weft::cli
