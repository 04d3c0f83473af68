#pragma once

#include <functional>
#include <memory>

#include <weft/actors/loop.hpp>
#include <weft/actors/worker.hpp>
#include <weft/base/result.hpp>

namespace weft::actors {

/// Builds a node's actors and ends them in order: the callbacks' actor and the workers first up and last down, the
/// endpoint between. Each is a detached actor, so each has a thread of its own. Made and ended by one thread.
class Supervisor {
 public:
  /// ResourceExhausted: no threads. `log` is told of jobs that threw; their actor goes on.
  static Result<std::unique_ptr<Supervisor>> start(LogSink log = {});
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Blocking work of the loop's.
  Worker& worker() noexcept;
  /// Look-ups of host names, which may take many seconds: no transfer waits behind one.
  Worker& names() noexcept;
  /// The application's callbacks and resumed coroutines.
  Worker& callbacks() noexcept;
  /// Starts the endpoint actor over a loop, borrowed until `stop` has returned.
  Result<void> run(Loop& loop);
  /// Whether the calling thread is the callbacks' actor's.
  bool on_callback_thread() const noexcept;
  /// Whether the caller is one of its actors: who may not wait for their end.
  bool on_own_thread() const noexcept;
  /// Stops the endpoint, then the workers, then the callbacks; each finishes what it is doing. Idempotent.
  void stop();

 private:
  struct State;
  explicit Supervisor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weft::actors
