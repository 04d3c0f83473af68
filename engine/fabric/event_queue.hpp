#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include <weft/fabric/completion_queue.hpp>
#include <weft/fabric/event.hpp>
#include <weft/fabric/fabric.hpp>

namespace weft::fabric {

struct EventQueueOptions {
  std::size_t size = 256;  ///< events
  Wait wait = Wait::kAuto;
};

/// Where connections are announced and end. Belongs to its fabric's thread. A copy is the same queue.
class EventQueue {
 public:
  /// Unsupported when the provider has no such wait object.
  static Result<EventQueue> open(const Fabric& fabric, const EventQueueOptions& options = {});

  /// One event, or nothing. Makes progress on every domain of the fabric. A failed read is an Event::Error whose fid
  /// is null. Events that are not about connections are skipped.
  std::optional<Event> read();
  /// Waits for an event; nothing after `timeout`. A signal is an Event::Error with code EINTR and a null fid.
  std::optional<Event> read_blocking(Duration timeout);
  /// The descriptor to wait on: after Fabric::try_wait, or with Wait::kSet after reset_wait.
  Result<int> descriptor() const;
  /// Wait::kSet: makes the descriptor quiet again; false when there is an event to read. Makes progress.
  bool reset_wait();
  /// What it was opened with; never kAuto.
  Wait wait() const noexcept { return wait_; }
  ::fid* fid() const noexcept;
  fid_eq* raw() const noexcept { return owned_->handle.get(); }
  fid_fabric* raw_fabric() const noexcept { return fabric_; }
  const SharedFid<fid_eq>& shared() const noexcept { return owned_; }

 private:
  EventQueue(SharedFid<fid_wait> set, SharedFid<fid_eq> owned, fid_fabric* fabric, Wait wait)
      : set_(std::move(set)), owned_(std::move(owned)), fabric_(fabric), wait_(wait) {}
  static Result<EventQueue> open_with(const Fabric& fabric, std::size_t size, Wait wait);
  SharedFid<fid_wait> set_;
  SharedFid<fid_eq> owned_;
  fid_fabric* fabric_;  // kept open by owned_
  Wait wait_;
};

}  // namespace weft::fabric
