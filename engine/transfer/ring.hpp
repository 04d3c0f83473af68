#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace weft::transfer {

/// A first-in-first-out queue that keeps its memory: after warm-up it allocates nothing. One loop owns it; whoever
/// pushes bounds it.
template <class T>
class Ring {
 public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  T& front() noexcept { return items_[head_]; }
  T& at(std::size_t i) noexcept { return items_[(head_ + i) & (items_.size() - 1)]; }
  void push(T item) {
    if (size_ == items_.size()) grow();
    items_[(head_ + size_) & (items_.size() - 1)] = std::move(item);
    ++size_;
  }
  T pop() {
    T item = std::move(items_[head_]);
    items_[head_] = T{};
    head_ = (head_ + 1) & (items_.size() - 1);
    --size_;
    return item;
  }
  void clear() {
    while (!empty()) pop();
  }

 private:
  void grow() {
    std::vector<T> next(items_.empty() ? 16 : items_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) next[i] = std::move(at(i));
    items_ = std::move(next);
    head_ = 0;
  }
  std::vector<T> items_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace weft::transfer
