#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

#include <weft/nodes/future.hpp>

namespace weft::detail {

/// How weft::actors takes a result: on the thread that resolves the call, the node's loop, without the hop to the
/// callbacks' thread and also with Callbacks::kManual. `to` must return at once: it sends the result to an actor.
struct HandOn {
  /// What the call's owner knows it by, after its future has gone; never null.
  template <class T>
  static std::shared_ptr<Shared<T>> run(Future<T> future,
                                        std::type_identity_t<std::move_only_function<void(Result<T>)>> to) {
    auto shared = std::exchange(future.shared_, nullptr);
    std::unique_lock lock(shared->mutex);
    if (!shared->resolved) {
      shared->at_once = true;
      shared->callback = std::move(to);
      return shared;
    }
    auto taken = std::exchange(shared->result, std::nullopt);
    lock.unlock();
    to(std::move(*taken));
    return shared;
  }
};

}  // namespace weft::detail
