#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weft::lane {

/// A FIFO of small values that grows by doubling up to a bound and never shrinks, so that it stops allocating once
/// warm. Not for sharing between threads. Invariant: size() <= capacity() <= bound.
template <class T>
class Ring {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// `bound` is a power of two.
  explicit Ring(std::size_t bound) noexcept : bound_(bound) {}

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T& operator[](std::size_t index) noexcept {
    assert(index < size_);
    return slots_[(first_ + index) & (capacity_ - 1)];
  }
  T& front() noexcept { return (*this)[0]; }

  /// Makes room for `more` values; false when they pass the bound or memory is refused.
  bool reserve(std::size_t more) noexcept {
    while (size_ + more > capacity_) {
      if (capacity_ >= bound_ || !grow()) return false;
    }
    return true;
  }
  /// There is room: reserve said so.
  void push_back(const T& value) noexcept {
    assert(size_ < capacity_);
    slots_[(first_ + size_++) & (capacity_ - 1)] = value;
  }
  void pop_front() noexcept {
    assert(size_ > 0);
    first_ = (first_ + 1) & (capacity_ - 1);
    --size_;
  }

 private:
  bool grow() noexcept {
    const std::size_t capacity = std::min(bound_, std::max<std::size_t>(8, capacity_ * 2));
    std::unique_ptr<T[]> larger{new (std::nothrow) T[capacity]};
    if (!larger) return false;
    for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
    slots_ = std::move(larger);
    capacity_ = capacity;
    first_ = 0;
    return true;
  }

  std::size_t bound_;
  std::size_t capacity_ = 0;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::unique_ptr<T[]> slots_;
};

}  // namespace weft::lane
