#pragma once

#include <cstdint>

#include <weft/base/flat_map.hpp>
#include <weft/lane/lane.hpp>

namespace weft::lane {

/// The regions that peers of a framed lane may write, by key. Lives on its lane's loop. A key found is live: what
/// reads into its region calls `find` again after anything else had its turn.
class ExposureTable {
 public:
  struct Entry {
    Region region;
    Channel channel;
  };

  void insert(std::uint64_t key, Entry entry) { entries_.set(key, entry); }
  bool contains(std::uint64_t key) noexcept { return entries_.find(key) != nullptr; }
  void erase(std::uint64_t key) noexcept { entries_.erase(key); }
  /// The live exposure of that key to that channel, or null. Another channel's key is as good as unknown.
  const Entry* find(std::uint64_t key, Channel channel) noexcept {
    const Entry* found = entries_.find(key);
    return found != nullptr && found->channel == channel ? found : nullptr;
  }

 private:
  FlatMap<Entry> entries_;
};

}  // namespace weft::lane
