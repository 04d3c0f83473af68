#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <fmt/format.h>

#include <weft/weft.hpp>

#include "bench/child.hpp"
#include "bench/stopwatch.hpp"

namespace weft::bench {

/// The same bytes for the same size, so that a hash of what arrived says which bytes they were.
inline std::shared_ptr<std::byte[]> content(std::size_t size) {
  std::shared_ptr<std::byte[]> bytes = std::make_unique_for_overwrite<std::byte[]>(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 2654435761u) >> 13);
  return bytes;
}

/// A node in a process of its own that serves what `publish` puts.
class Server {
 public:
  explicit Server(const std::function<void(TensorNode&)>& publish)
      : child_([&](Talk& talk) {
          auto node = unwrap(TensorNode::start());
          publish(node);
          talk.say(node.ticket().to_string());
          for (;;) {
            talk.hear();
            talk.say(fmt::format("{:.9f}", bench::cpu_seconds()));
          }
        }),
        ticket_(child_.hear()) {}
  const std::string& ticket() const noexcept { return ticket_; }
  /// That the serving process has computed since its start.
  double cpu_seconds() { return std::stod(child_.ask("cpu")); }

 private:
  Child child_;
  std::string ticket_;
};

}  // namespace weft::bench
