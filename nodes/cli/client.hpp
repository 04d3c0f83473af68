#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include <weft/nodes/cli/command.hpp>
#include <weft/nodes/weft.hpp>

namespace weft::cli {

/// Where our identity is kept when --identity does not say: the user's configuration folder. Empty without a home.
std::filesystem::path default_identity_file();

/// A node of this command's: identity and log as the settings say. A client without --identity takes the default
/// identity where `weft id` has made one, else a fresh one.
Result<TensorNode> start_client(const Context& context);
/// As the options say, a fresh identity unless they or --identity name one.
Result<TensorNode> start_node(const Context& context, NodeOptions options);

/// Of the whole command: --timeout, or automatic.
Deadline deadline_of(const Context& context);

inline constexpr std::chrono::milliseconds kTick{100};

/// The call's result. Meanwhile `tick` runs ten times a second; a signal cancels the call.
template <class T>
Result<T> await(Future<T>& call, const std::function<void()>& tick = {}) {
  while (true) {
    if (auto result = call.wait_for(kTick)) return std::move(*result);
    if (Signals::caught() != 0) {
      call.cancel();
      return call.wait();
    }
    if (tick) tick();
  }
}
template <class T>
Result<T> await(Future<T>&& call, const std::function<void()>& tick = {}) {
  return await(call, tick);
}

}  // namespace weft::cli
