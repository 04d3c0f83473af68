#pragma once

#include <functional>

namespace weft::actors {

/// Does what blocks: populating and unmapping memory, reading files, resolving names, the application's callbacks.
/// Jobs run one after the other in the order they were given. What a job throws is logged.
class Worker {
 public:
  using Job = std::move_only_function<void()>;
  virtual ~Worker() = default;
  /// Any thread.
  virtual void run(Job job) = 0;
};

}  // namespace weft::actors
