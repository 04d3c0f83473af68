#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include <weft/fabric/completion.hpp>
#include <weft/fabric/domain.hpp>

namespace weft::fabric {

/// What a queue can be waited for with.
enum class Wait : std::uint8_t {
  kNone,        ///< polled only
  kDescriptor,  ///< has a descriptor; may be read blocking
  kSet,         ///< event queues only: a descriptor of the queue and of every socket of its fabric
};

struct CompletionQueueOptions {
  std::size_t size = 4096;  ///< entries; at least what may be outstanding on its endpoints together
  Wait wait = Wait::kNone;
};

/// Where finished operations of a domain's endpoints appear. Belongs to the domain's thread.
class CompletionQueue {
 public:
  static Result<CompletionQueue> open(const Domain& domain, const CompletionQueueOptions& options = {});

  /// One entry, or nothing. Makes progress. A failed read is a Completion::Error with a null context.
  std::optional<Completion> read();
  /// Fills `into` from the front, errors in their place; fewer than asked means the queue was empty. Makes progress.
  std::size_t read(std::span<Completion> into);
  /// Waits for an entry; nothing after `timeout` or a signal. Needs Wait::kDescriptor (Unsupported).
  Result<std::optional<Completion>> read_blocking(std::chrono::milliseconds timeout);
  /// The descriptor to wait on, after Fabric::try_wait. Unsupported without Wait::kDescriptor.
  Result<int> descriptor() const;
  fid* id() const noexcept;
  fid_cq* raw() const noexcept { return owned_->handle.get(); }
  const SharedFid<fid_cq>& shared() const noexcept { return owned_; }

 private:
  CompletionQueue(SharedFid<fid_cq> owned, Wait wait) : owned_(std::move(owned)), wait_(wait) {}
  Completion read_error();
  SharedFid<fid_cq> owned_;
  Wait wait_;
};

}  // namespace weft::fabric
