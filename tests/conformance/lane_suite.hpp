#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "watch.hpp"

namespace weft::conformance {

/// Two lanes of one kind in this process, each a loop of its own that the test drives in turn. What an instantiation
/// of the suite provides; everything else asks the lanes' traits.
class LanePair {
 public:
  virtual ~LanePair() = default;
  virtual lane::Lane& a() = 0;
  virtual lane::Lane& b() = 0;
  /// One more connection, Up on both sides: its channel at A and at B.
  virtual std::pair<Channel, Channel> connect(Watch& watch) = 0;
  /// Called before every turn: a simulated lane moves its clock.
  virtual void step() {}
  /// Whether the lanes dial and admit (then the sections about knocks run).
  virtual bool dials() const { return false; }
};

/// A connection by listen, dial and admit, for the `connect` of lanes that have them.
std::pair<Channel, Channel> connect_by_dialling(LanePair& pair, Watch& watch);

using MakeLanePair = std::function<std::unique_ptr<LanePair>()>;

/// Everything the interface promises (weft/lane/lane.hpp), as Catch2 sections switched by the traits. To be called
/// from one TEST_CASE for each lane.
void run_lane_suite(const MakeLanePair& make);

// Its parts; run_lane_suite calls them all.
void check_messages(const MakeLanePair& make);
void check_writes(const MakeLanePair& make);
void check_refusals(const MakeLanePair& make);
void check_fences(const MakeLanePair& make);
void check_life(const MakeLanePair& make);
void check_sharing(const MakeLanePair& make);

}  // namespace weft::conformance
