#pragma once

#include <utility>

namespace weft {

/// The one owner of a C handle. `Traits` says what the handle is: `using Handle = …; static Handle none();
/// static void close(Handle) noexcept;`. Moves leave `none()` behind. Not for sharing between threads.
template <class Traits>
class UniqueHandle {
 public:
  using Handle = typename Traits::Handle;

  UniqueHandle() noexcept : handle_(Traits::none()) {}
  explicit UniqueHandle(Handle handle) noexcept : handle_(handle) {}
  UniqueHandle(UniqueHandle&& other) noexcept : handle_(other.release()) {}
  UniqueHandle& operator=(UniqueHandle&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueHandle(const UniqueHandle&) = delete;
  UniqueHandle& operator=(const UniqueHandle&) = delete;
  ~UniqueHandle() { reset(); }

  Handle get() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return handle_ != Traits::none(); }
  [[nodiscard]] Handle release() noexcept { return std::exchange(handle_, Traits::none()); }
  void reset(Handle next = Traits::none()) noexcept {
    if (Handle old = std::exchange(handle_, next); old != Traits::none()) Traits::close(old);
  }

 private:
  Handle handle_;
};

}  // namespace weft
