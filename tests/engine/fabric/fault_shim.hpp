#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "reordering.hpp"

namespace weft::fabric::test {

/// What happens to one call of libfabric, and to what it offers.
struct FaultPlan {
  enum class Kind : std::uint8_t { kFail, kAgain, kDelay };
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  std::uint64_t nth = kNever;  ///< of the calls that count, from 0
  Kind kind = Kind::kFail;
  std::string_view only{};  ///< count the calls of this function only; empty: all but the reads of queues
  int code = 12;            ///< of kFail, positive: FI_ENOMEM

  std::size_t queue_entries = 0;  ///< of each completion queue; 0: as asked for

  ReorderPlan reorder{};
  bool unordered = false;       ///< what is offered keeps no order of writes
  bool takes_receives = false;  ///< what is offered says that immediates take receives, as verbs does
};

/// Stands between the classes and libfabric while it lives: every fi_… call that they make on what was opened meanwhile
/// goes through it, by the function tables of libfabric's own objects, and fi_getinfo and fi_fabric by the linker
/// (--wrap=dlsym). Calls that libfabric makes itself are left alone. One at a time, one thread.
class FaultShim {
 public:
  explicit FaultShim(const FaultPlan& plan = {});
  ~FaultShim();
  FaultShim(const FaultShim&) = delete;
  FaultShim& operator=(const FaultShim&) = delete;

  bool reached() const noexcept;                 ///< whether the plan's call was made, or anything held
  std::string_view where() const noexcept;       ///< which function it was
  std::int64_t open_objects() const noexcept;    ///< opened and not closed
  std::uint64_t failed_closes() const noexcept;  ///< closes that libfabric refused: something was closed too early
  std::uint64_t dirty_errors() const noexcept;   ///< error entries that were not zeroed before they were read into
  std::uint64_t error_reads() const noexcept;
  const std::vector<std::uint64_t>& write_flags() const noexcept;  ///< of each fi_writemsg that was posted
};

}  // namespace weft::fabric::test
