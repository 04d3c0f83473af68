#include <weft/transfer/once.hpp>

#include <algorithm>

namespace weft::transfer {

void OnceTable::make_room(const NodeId& node) {
  const auto least = [](auto begin, auto end) {
    return std::min_element(begin, end, [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
  };
  const auto first = openers_.lower_bound({.node = node});
  auto last = first;
  std::size_t own = 0;
  for (; last != openers_.end() && last->first.node == node; ++last) ++own;
  if (own >= kOfOneNode)
    openers_.erase(least(first, last));
  else if (openers_.size() >= kOpeners)
    openers_.erase(least(openers_.begin(), openers_.end()));
}

void OnceTable::remember(const Opener& opener, const Known& known, TimePoint now) {
  auto found = openers_.find(opener);
  if (found == openers_.end()) {
    make_room(opener.node);
    found = openers_.emplace(opener, Outcomes{}).first;
  }
  Outcomes& of = found->second;
  of.used = now;
  of.highest = std::max(of.highest, known.sequence);
  if (of.ring.size() < kRememberedOutcomes) {
    of.ring.push_back(known);
    return;
  }
  of.lowest_kept = std::max(of.lowest_kept, of.ring[of.next].sequence + 1);
  of.ring[of.next] = known;
  of.next = (of.next + 1) % kRememberedOutcomes;
}

const OnceTable::Known* OnceTable::find(const Opener& opener, std::uint64_t sequence) {
  const auto found = openers_.find(opener);
  if (found == openers_.end()) return nullptr;
  const Outcomes& of = found->second;
  if (sequence > of.highest) return nullptr;  // the ordinary case: not a retry
  for (std::size_t i = 0; i < of.ring.size(); ++i) {
    const std::size_t at = (of.next + of.ring.size() - 1 - i) % of.ring.size();
    if (of.ring[at].sequence == sequence) return &of.ring[at];
  }
  return nullptr;
}

bool OnceTable::forgotten(const Opener& opener, std::uint64_t sequence) const {
  const auto found = openers_.find(opener);
  return found != openers_.end() && sequence < found->second.lowest_kept;
}

}  // namespace weft::transfer
