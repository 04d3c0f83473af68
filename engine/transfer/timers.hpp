#pragma once

#include <algorithm>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/transfer/types.hpp>

namespace weft::transfer {

/// When something is due: a heap of (time, who), where an entry may be out of date; who is woken looks at its own
/// clock. Keeps its memory. One loop owns it.
class Timers {
 public:
  struct Due {
    TimePoint at{};
    bool session = false;
    Key who{};
  };
  void add(Due due) {
    heap_.push_back(due);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  TimePoint next() const noexcept { return heap_.empty() ? kNever : heap_.front().at; }
  Due pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Due due = heap_.back();
    heap_.pop_back();
    return due;
  }

 private:
  static bool later(const Due& a, const Due& b) noexcept { return a.at > b.at; }
  std::vector<Due> heap_;
};

}  // namespace weft::transfer
