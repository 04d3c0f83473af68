#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace weft::transfer {

/// A local name that a late event cannot mistake: an index and how often that index was used. 0 is none.
struct Key {
  std::uint64_t value = 0;
  std::uint32_t index() const noexcept { return static_cast<std::uint32_t>(value); }
  std::uint32_t use() const noexcept { return static_cast<std::uint32_t>(value >> 32); }
  explicit operator bool() const noexcept { return value != 0; }
  auto operator<=>(const Key&) const = default;
};

/// Objects that stay where they are, found by Key, recycled with the memory they have grown: after warm-up taking and
/// giving back allocates nothing. `T` has `void reset()`, which drops what it owns and keeps capacity. One loop owns
/// it.
template <class T>
class Slab {
 public:
  Key take() {
    std::uint32_t index = 0;
    if (free_.empty()) {
      index = static_cast<std::uint32_t>(items_.size());
      items_.push_back(std::make_unique<Item>());
      free_.reserve(items_.size());
    } else {
      index = free_.back();
      free_.pop_back();
    }
    Item& item = *items_[index];
    item.live = true;
    ++live_;
    return Key{(static_cast<std::uint64_t>(++item.use) << 32) | index};
  }
  T* find(Key key) noexcept {
    if (key.index() >= items_.size()) return nullptr;
    Item& item = *items_[key.index()];
    return item.live && item.use == key.use() ? &item.value : nullptr;
  }
  void give_back(Key key) {
    if (T* value = find(key)) {
      value->reset();
      items_[key.index()]->live = false;
      --live_;
      free_.push_back(key.index());
    }
  }
  /// The object at an index that was in use once, live or not: what it keeps across uses.
  T& at(std::uint32_t index) noexcept { return items_[index]->value; }
  /// The key of the object that lives at an index; none when none does.
  Key live_at(std::uint32_t index) const noexcept {
    const Item& item = *items_[index];
    return item.live ? Key{(static_cast<std::uint64_t>(item.use) << 32) | index} : Key{};
  }
  std::size_t live() const noexcept { return live_; }
  /// Calls visit(Key, T&) for each live object; visit may give that object back.
  template <class F>
  void for_each(F&& visit) {
    for (std::uint32_t index = 0; index < items_.size(); ++index) {
      Item& item = *items_[index];
      if (item.live) visit(Key{(static_cast<std::uint64_t>(item.use) << 32) | index}, item.value);
    }
  }

 private:
  struct Item {
    T value{};
    std::uint32_t use = 0;
    bool live = false;
  };
  std::vector<std::unique_ptr<Item>> items_;
  std::vector<std::uint32_t> free_;
  std::size_t live_ = 0;
};

}  // namespace weft::transfer
