#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace weft::wire::detail {

/// Memory of one decoded message: taken from the front, given back all at once. Its size is fixed before a message is
/// read, so that no message makes more of it than its own length allows, however its pointers overlap.
class Arena {
 public:
  /// Gives everything back and makes room for `bytes`. False when memory is out.
  bool reset(std::size_t bytes) {
    used_ = 0;
    limit_ = bytes;
    if (bytes <= capacity_) return true;
    memory_.reset(new (std::nothrow) std::byte[bytes]);
    capacity_ = memory_ ? bytes : 0;
    return memory_ != nullptr;
  }

  /// `count` default-made values; an empty span with a null pointer when they do not fit.
  template <class T>
  std::span<T> take(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 8);
    const std::size_t begin = (used_ + 7) & ~std::size_t{7};
    if (begin > limit_ || count > (limit_ - begin) / sizeof(T)) return {};
    used_ = begin + count * sizeof(T);
    T* first = reinterpret_cast<T*>(memory_.get() + begin);
    // Integers are copied over anyway: making them is left to memcpy.
    if constexpr (!std::is_integral_v<T>) std::uninitialized_default_construct_n(first, count);
    return {first, count};
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t limit_ = 0;
  std::size_t used_ = 0;
};

}  // namespace weft::wire::detail
