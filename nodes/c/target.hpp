#pragma once

#include <memory>
#include <mutex>

#include <weft/nodes/c/target_ring.hpp>

namespace weft::c {

/// Behind a weftFabricsTarget. Any thread.
class TargetObject final : public Object {
 public:
  static constexpr const char* kNoun = "target";
  explicit TargetObject(std::shared_ptr<FabricsInstance> fabrics) : fabrics_(std::move(fabrics)) {}

  void close() noexcept override;
  /// INVALID_STATE: another thread is at it.
  Outcome<TargetInfo> set_up(SideConfig config);
  /// INVALID_STATE: it is set up, or is being.
  Outcome<void> set_callback(weftFabricsGrainCallback callback, void* user);
  /// INVALID_STATE: not set up.
  Outcome<std::shared_ptr<TargetRing>> ring() const;
  /// The ring, to be read from: INVALID_STATE when a callback takes the grains, or for the other layout.
  Outcome<std::shared_ptr<TargetRing>> readable(bool samples) const;

 private:
  Outcome<std::shared_ptr<TargetRing>> open(SideConfig config);

  const std::shared_ptr<FabricsInstance> fabrics_;
  mutable std::mutex mutex_;
  std::shared_ptr<TargetRing> ring_;
  weftFabricsGrainCallback callback_ = nullptr;
  void* user_ = nullptr;
  bool setting_up_ = false;  ///< what it is set up with is fixed
  bool closed_ = false;
};

}  // namespace weft::c
