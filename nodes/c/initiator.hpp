#pragma once

#include <memory>
#include <mutex>

#include <weft/nodes/c/initiator_links.hpp>

namespace weft::c {

/// Behind a weftFabricsInitiator. Any thread.
class InitiatorObject final : public Object {
 public:
  static constexpr const char* kNoun = "initiator";
  explicit InitiatorObject(std::shared_ptr<FabricsInstance> fabrics) : fabrics_(std::move(fabrics)) {}

  void close() noexcept override;
  Outcome<void> set_up(SideConfig config);
  /// INVALID_STATE: not set up.
  Outcome<std::shared_ptr<InitiatorLinks>> links() const;

 private:
  const std::shared_ptr<FabricsInstance> fabrics_;
  mutable std::mutex mutex_;
  std::shared_ptr<InitiatorLinks> links_;
  bool closed_ = false;
};

}  // namespace weft::c
