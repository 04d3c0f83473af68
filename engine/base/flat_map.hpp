#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace weft {

/// A small hash map from 64-bit numbers to values, open addressing with linear probing. Keeps its memory: after warm-up
/// inserting and erasing allocate nothing. One loop owns it.
template <class V>
class FlatMap {
 public:
  V* find(std::uint64_t key) noexcept {
    if (size_ == 0) return nullptr;
    for (std::size_t i = home(key);; i = next(i)) {
      if (!cells_[i].used) return nullptr;
      if (cells_[i].key == key) return &cells_[i].value;
    }
  }
  /// Inserts or replaces.
  void set(std::uint64_t key, V value) {
    if (V* there = find(key)) {
      *there = std::move(value);
      return;
    }
    if ((size_ + 1) * 2 > cells_.size()) grow();
    std::size_t i = home(key);
    while (cells_[i].used) i = next(i);
    cells_[i] = Cell{key, std::move(value), true};
    ++size_;
  }
  bool erase(std::uint64_t key) noexcept {
    if (size_ == 0) return false;
    std::size_t i = home(key);
    while (cells_[i].used && cells_[i].key != key) i = next(i);
    if (!cells_[i].used) return false;
    // Backward shift: no tombstones, so a map that is used for ever does not slow down.
    for (std::size_t j = next(i); cells_[j].used; j = next(j)) {
      const std::size_t distance_home = (j - home(cells_[j].key)) & (cells_.size() - 1);
      const std::size_t distance_hole = (j - i) & (cells_.size() - 1);
      if (distance_home >= distance_hole) {
        cells_[i] = std::move(cells_[j]);
        i = j;
      }
    }
    cells_[i] = Cell{};
    --size_;
    return true;
  }
  void clear() noexcept {
    for (Cell& cell : cells_) cell = Cell{};
    size_ = 0;
  }
  std::size_t size() const noexcept { return size_; }
  template <class F>
  void for_each(F&& visit) {
    for (Cell& cell : cells_)
      if (cell.used) visit(cell.key, cell.value);
  }

 private:
  struct Cell {
    std::uint64_t key = 0;
    V value{};
    bool used = false;
  };
  std::size_t home(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 20) & (cells_.size() - 1);
  }
  std::size_t next(std::size_t i) const noexcept { return (i + 1) & (cells_.size() - 1); }
  void grow() {
    std::vector<Cell> old = std::exchange(cells_, std::vector<Cell>(cells_.empty() ? 16 : cells_.size() * 2));
    size_ = 0;
    for (Cell& cell : old)
      if (cell.used) set(cell.key, std::move(cell.value));
  }
  std::vector<Cell> cells_;
  std::size_t size_ = 0;
};

}  // namespace weft
