#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include <weft/base/clock.hpp>
#include <weft/fabric/completion.hpp>
#include <weft/fabric/domain.hpp>

namespace weft::fabric {

/// What a queue can be waited for with.
enum class Wait : std::uint8_t {
  kAuto,        ///< what suits the provider: blocking reads sleep on it, or nap for less than a millisecond
  kNone,        ///< no descriptor: polled, or napped upon
  kDescriptor,  ///< has a descriptor
  kSet,         ///< event queues only: a descriptor of the queue and of every socket of its fabric
};

struct CompletionQueueOptions {
  std::size_t size = 4096;  ///< entries; at least what may be outstanding on its endpoints together
  Wait wait = Wait::kAuto;
};

/// Where finished operations of a domain's endpoints appear. Belongs to the domain's thread. A copy is the same queue.
class CompletionQueue {
 public:
  static Result<CompletionQueue> open(const Domain& domain, const CompletionQueueOptions& options = {});

  /// One entry, or nothing. Makes progress. A failed read is a Completion::Error with a null context.
  std::optional<Completion> read();
  /// Fills `into` from the front, errors in their place; fewer than asked means the queue was empty. Makes progress.
  std::size_t read(std::span<Completion> into);
  /// Waits for an entry; nothing after `timeout`. A signal is a Completion::Error that is_interrupted.
  std::optional<Completion> read_blocking(Duration timeout);
  /// The descriptor to wait on, after Fabric::try_wait. Unsupported where there is none.
  Result<int> descriptor() const;
  /// What it was opened with; never kAuto.
  Wait wait() const noexcept { return wait_; }
  ::fid* fid() const noexcept;
  fid_cq* raw() const noexcept { return owned_->handle.get(); }
  fid_fabric* raw_fabric() const noexcept { return fabric_; }
  const SharedFid<fid_cq>& shared() const noexcept { return owned_; }

 private:
  CompletionQueue(SharedFid<fid_cq> owned, fid_fabric* fabric, Wait wait)
      : owned_(std::move(owned)), fabric_(fabric), wait_(wait) {}
  Completion read_error();
  SharedFid<fid_cq> owned_;
  fid_fabric* fabric_;  // kept open by owned_
  Wait wait_;
};

}  // namespace weft::fabric
