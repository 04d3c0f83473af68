#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>

namespace weft::stream {

/// Many descriptors behind one that can be waited on: an epoll set, level-triggered. One loop owns it.
class Poller {
 public:
  /// ResourceExhausted: out of descriptors.
  static Result<Poller> open();

  /// What a descriptor is watched for. Hang-ups and errors are always told. `kNothing` keeps it in the set, silent.
  enum class Interest : std::uint8_t { kNothing, kRead, kWrite };

  /// `id` comes back from ready. ResourceExhausted: the system's limit of watches.
  Result<void> add(int fd, Interest interest, std::uint64_t id);
  Result<void> change(int fd, Interest interest, std::uint64_t id);
  /// Before the descriptor is closed.
  void remove(int fd) noexcept;

  /// The ids that are ready now, from the front; never waits. The set is served in turns when `ids` is short.
  std::size_t ready(std::span<std::uint64_t> ids);

  /// Readable when `ready` has something to tell.
  int descriptor() const noexcept { return fd_.get(); }

 private:
  explicit Poller(Fd fd);
  Fd fd_;
};

}  // namespace weft::stream
