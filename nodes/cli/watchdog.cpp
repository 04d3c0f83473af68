#include <weft/nodes/cli/watchdog.hpp>

#include <utility>

#include <weft/nodes/cli/signals.hpp>

namespace weft::cli {
namespace {

constexpr std::chrono::seconds kGrace{4};  // a cancelled call and the end of a node take no longer

}  // namespace

Watchdog::Watchdog(std::optional<TimePoint> until, std::function<void()> bark) : bark_(std::move(bark)) {
  if (!until) return;
  const Signals::Shield shield;
  thread_ = std::thread([this, at = *until + kGrace] { watch(at); });
}

Watchdog::~Watchdog() { leave(); }

void Watchdog::leave() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Watchdog::watch(TimePoint until) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, until, [this] { return over_; })) bark_();
}

}  // namespace weft::cli
