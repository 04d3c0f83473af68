#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include <weft/actors/inbox.hpp>
#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/result.hpp>
#include <weft/memory/landing_pool.hpp>
#include <weft/transfer/types.hpp>

namespace weft::actors {

/// A node's pushes to itself. Nothing travels, the rules are those of every push: the inbox holds, accepts or shows
/// them to a handler, within its budget; they have a deadline and can be cancelled. The endpoint's loop owns it.
class LocalPushes {
 public:
  struct Copied {
    memory::Landing landing{};
    Digest digest{};
  };
  /// The move itself, for any thread: it reads the caller's memory, which stays until the push has its outcome.
  struct Copy {
    transfer::TransferKey key{};
    transfer::EntryRef entry{};
    memory::Landing landing{};  ///< empty: one is grown, unless `into` is given
    std::byte* into = nullptr;
    std::shared_ptr<const std::atomic<bool>> stop{};
    Result<Copied> make(memory::LandingPool& landings);
  };

  LocalPushes(Inbox& inbox, memory::LandingPool& landings, const NodeId& self)
      : inbox_(&inbox), landings_(&landings), self_(self) {}

  /// Its keys are no keys of the core's.
  static bool owns(transfer::TransferKey key) noexcept { return key.index() == kIndex; }

  /// Each yields one outcome.
  transfer::TransferKey push(transfer::PushSpec spec, TimePoint now, Inbox::Effects& effects);
  /// The inbox's word. A copy to be made; `copied` must follow.
  std::optional<Copy> decided(transfer::TransferKey key, transfer::Decision&& decision);
  void copied(transfer::TransferKey key, Result<Copied> copied, Inbox::Effects& effects);
  void cancel(transfer::TransferKey key, Error why, Inbox::Effects& effects);
  void expire(TimePoint now, Inbox::Effects& effects);
  /// Ends every push, and those that come later.
  void shut_down(Inbox::Effects& effects);
  TimePoint next_deadline() const;
  std::optional<transfer::Outcome> next_outcome();

 private:
  static constexpr std::uint32_t kIndex = 0xFFFF'FFFF;  // no table of the core's is as long
  struct Push {
    transfer::PushSpec spec{};
    TimePoint end = kNever;
    std::shared_ptr<std::atomic<bool>> stop{};  // while it is copied
    std::optional<Error> error{};
  };
  void end(transfer::TransferKey key, decltype(transfer::Outcome::result) result);

  Inbox* inbox_;
  memory::LandingPool* landings_;
  NodeId self_;
  std::map<transfer::TransferKey, Push> pushes_;
  std::deque<transfer::Outcome> outcomes_;
  std::uint32_t next_ = 1;
  bool shut_down_ = false;
};

}  // namespace weft::actors
