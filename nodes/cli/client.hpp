#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include <weft/nodes/cli/command.hpp>
#include <weft/nodes/weft.hpp>

namespace weft::cli {

/// Where our identity is kept when --identity does not say: the user's configuration folder. Empty without a home.
std::filesystem::path default_identity_file();

/// What every node of this command's starts with: the environment, and the settings over it.
Result<NodeOptions> options_here(const Context& context);
/// A node that asks others. Without --identity it has the default identity where `weft id` has made one, else a fresh
/// one.
Result<TensorNode> start_client(const Context& context);
/// DeadlineExceeded, Cancelled: there is no time left for it.
Result<TensorNode> start_node(const Context& context, NodeOptions options);

/// Of the whole command: --timeout, or automatic.
Deadline deadline_of(const Context& context);
/// Between steps that take their time: Cancelled after a signal, DeadlineExceeded after --timeout.
Result<void> in_time(const Context& context);

inline constexpr std::chrono::milliseconds kTick{100};

/// The call's result. Meanwhile `tick` runs ten times a second; a signal cancels the call, also one that came before
/// it: a row of calls that are each quicker than a tick ends too.
template <class T>
Result<T> await(Future<T>& call, const std::function<void()>& tick = {}) {
  while (Signals::caught() == 0) {
    if (auto result = call.wait_for(kTick)) return std::move(*result);
    if (tick) tick();
  }
  call.cancel();
  return call.wait();
}
template <class T>
Result<T> await(Future<T>&& call, const std::function<void()>& tick = {}) {
  return await(call, tick);
}

}  // namespace weft::cli
