#pragma once

#include <rdma/fabric.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_rma.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

namespace weft::fabric::test {

/// What comes out of its order, of the kinds that a fabric may reorder.
struct ReorderPlan {
  enum class What : std::uint8_t {
    kNothing,
    kData,     ///< bytes and immediate of a write land after those of later writes
    kSent,     ///< the completion of a write at its writer
    kArrived,  ///< the completion of an immediate at its target
  };
  What what = What::kNothing;
  std::uint64_t nth = 0;    ///< the first of its kind that is held, from 0
  std::uint64_t every = 0;  ///< and after it each so many; 0: that one alone
  std::uint64_t past = 1;   ///< how many arrivals (kData) or completions of its queue (else) overtake it
};

/// Holds writes and completions back, and lets them go later, the newest first. What nothing is left to overtake goes
/// by itself. A write that is held has not been given to the provider: its target may be told of later ones meanwhile.
/// What was held for an endpoint goes with it: its writes never leave, completions are there to be read. One thread.
class Reordering {
 public:
  using WriteNow = std::function<ssize_t(fid_ep*, const fi_msg_rma*, std::uint64_t flags)>;
  using ReadNow = std::function<ssize_t(void* entries, std::size_t count)>;

  Reordering(const ReorderPlan& plan, WriteNow write) : plan_(plan), write_(std::move(write)) {}

  /// Whether this write is held, and counts as posted; else it is to be posted.
  bool holds(fid_ep* endpoint, const fi_msg_rma& message, std::uint64_t flags);
  /// What fi_cq_read says of a queue whose entries are fi_cq_data_entry.
  ssize_t read(fid_cq* queue, fi_cq_data_entry* entries, std::size_t count, const ReadNow& real);
  void closes(fid* object);

  bool reached() const noexcept { return reached_; }
  /// Whether a queue has something to give, or something is held: nobody may sleep.
  bool is_awake() const noexcept;

 private:
  struct Write {
    fid_ep* endpoint;
    std::vector<iovec> from;
    std::vector<void*> descriptors;
    std::vector<fi_rma_iov> to;
    fi_msg_rma message;
    std::uint64_t flags;
    std::uint64_t until;       // arrivals
    std::uint32_t looks_left;  // after them
  };
  struct Held {
    fi_cq_data_entry entry;
    std::uint64_t until;  // of what its queue gave
  };
  struct Queue {
    std::deque<fi_cq_data_entry> ready;
    std::vector<Held> held;
    std::uint64_t passed = 0;
  };

  bool is_meant(ReorderPlan::What what);
  void let_writes_go(bool all);
  void looked();
  static void let_completions_go(Queue& queue, bool all);

  ReorderPlan plan_;
  WriteNow write_;
  std::vector<Write> writes_;
  std::unordered_map<const fid_cq*, Queue> queues_;
  std::uint64_t counted_ = 0;
  std::uint64_t arrivals_ = 0;
  std::uint32_t idle_reads_ = 0;
  bool reached_ = false;
};

}  // namespace weft::fabric::test
