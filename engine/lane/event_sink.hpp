#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <weft/lane/lane.hpp>

namespace weft::lane {

/// The part of poll's events that is still to be filled.
class EventSink {
 public:
  explicit EventSink(std::span<Event> events) noexcept : events_(events) {}
  bool full() const noexcept { return count_ == events_.size(); }
  std::size_t count() const noexcept { return count_; }
  /// Not full.
  void push(Event event) { events_[count_++] = std::move(event); }

 private:
  std::span<Event> events_;
  std::size_t count_ = 0;
};

}  // namespace weft::lane
