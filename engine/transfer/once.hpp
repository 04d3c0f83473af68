#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/ids.hpp>
#include <weft/base/limits.hpp>
#include <weft/transfer/types.hpp>

namespace weft::transfer {

/// The outcomes of the last pushes per opener (its identity, which TLS proved, and its incarnation, which it claims),
/// so that a retry of a known one gets its receipt again and nothing is delivered twice. Finite: kRememberedOutcomes
/// each, and the openers heard of most recently; one identity's further incarnations push out its own first.
class OnceTable {
 public:
  struct Known {
    std::uint64_t sequence = 0;
    bool ok = false;
    ErrorClass error = ErrorClass::kInternal;
    std::uint64_t bytes = 0;
    Generation generation{};
    Digest digest{};
    wire::Verify verify = wire::Verify::kPieces;
    Lane lane = Lane::kAuto;
  };
  struct Opener {
    NodeId node{};
    Incarnation incarnation{};
    auto operator<=>(const Opener&) const = default;
  };
  void remember(const Opener& opener, const Known& known, TimePoint now);
  const Known* find(const Opener& opener, std::uint64_t sequence);
  /// Whether the sequence is older than everything remembered: it cannot be told whether it was delivered.
  bool forgotten(const Opener& opener, std::uint64_t sequence) const;

 private:
  static constexpr std::size_t kOpeners = 256;
  static constexpr std::size_t kOfOneNode = 8;
  struct Outcomes {
    std::vector<Known> ring;
    std::size_t next = 0;
    std::uint64_t lowest_kept = 0;
    std::uint64_t highest = 0;
    TimePoint used{};
  };
  void make_room(const NodeId& node);

  std::map<Opener, Outcomes> openers_;
};

}  // namespace weft::transfer
