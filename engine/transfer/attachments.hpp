#pragma once

#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include <weft/lane/lane.hpp>
#include <weft/transfer/slab.hpp>

namespace weft::transfer {

/// A range of local memory as one lane knows it.
struct Attached {
  Lane lane = Lane::kAuto;
  lane::Region region{};
  std::unique_ptr<lane::Attachment> attachment{};  ///< absent until the driver has answered
  std::optional<Error> error{};                    ///< why it cannot be had
  bool asked = false;
  bool kept = false;
  std::uint32_t uses = 0;
  void reset() { *this = Attached{}; }
};

/// Registrations of memory with the lanes that gather from registered memory only: one for each range and lane, however
/// many use it. Who holds a use holds the memory: a source from its first post to its end, which comes after the end of
/// its last post; staging for good. With the last use the registration goes, so that none outlives its memory. One loop
/// owns it; it goes before the lanes.
class Attachments {
 public:
  /// One use more of the registration of `region`, made or not.
  Key hold(Lane lane, lane::Region region) {
    const Key key = find_or_make(lane, region);
    ++find(key)->uses;
    return key;
  }
  /// As hold, for memory that lives as long as this: it is never let go.
  Key keep(Lane lane, lane::Region region) {
    const Key key = find_or_make(lane, region);
    if (!std::exchange(find(key)->kept, true)) ++kept_;
    return key;
  }
  void let_go(Key key) {
    Attached* found = find(key);
    if (found == nullptr || --found->uses != 0 || found->kept) return;
    by_place_.erase(place_of(found->lane, found->region));
    attached_.give_back(key);
  }
  /// Null for one that was let go.
  Attached* find(Key key) noexcept { return attached_.find(key); }
  /// Those that are in use; what is kept is left out.
  std::size_t live() const noexcept { return attached_.live() - kept_; }

 private:
  using Place = std::tuple<Lane, const std::byte*, std::size_t>;
  static Place place_of(Lane lane, lane::Region region) { return {lane, region.data, region.size}; }
  Key find_or_make(Lane lane, lane::Region region) {
    Key& key = by_place_[place_of(lane, region)];
    if (!key) {
      key = attached_.take();
      Attached& made = *attached_.find(key);
      made.lane = lane;
      made.region = region;
    }
    return key;
  }

  Slab<Attached> attached_;
  std::map<Place, Key> by_place_;
  std::size_t kept_ = 0;
};

}  // namespace weft::transfer
