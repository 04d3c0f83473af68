#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include <weft/base/result.hpp>
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

  void insert(std::uint64_t key, Entry entry) { entries_.emplace(key, entry); }
  bool contains(std::uint64_t key) const noexcept { return entries_.contains(key); }
  void erase(std::uint64_t key) noexcept { entries_.erase(key); }
  /// The live exposure of that key to that channel, or null. Another channel's key is as good as unknown.
  const Entry* find(std::uint64_t key, Channel channel) const noexcept {
    const auto found = entries_.find(key);
    return found != entries_.end() && found->second.channel == channel ? &found->second : nullptr;
  }

 private:
  std::unordered_map<std::uint64_t, Entry> entries_;
};

}  // namespace weft::lane
