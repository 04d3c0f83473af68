#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <weft/transfer/types.hpp>

#include <tests/sim/content.hpp>

namespace weft::sim {

/// One call of one node's user, and what became of it.
struct Call {
  enum class Kind { kPull, kList, kPush, kPing };
  Kind kind = Kind::kPull;
  lane::FakeNode from = 0;
  lane::FakeNode to = 0;
  transfer::TransferKey key{};
  Incarnation life{};  ///< of the caller
  TimePoint opened{};
  TimePoint explicit_end = kNever;
  std::uint64_t most_bytes = 0;      ///< it could move
  std::vector<std::string> names{};  ///< pull: of each item, handles too
  std::vector<transfer::PartSpec> parts{};
  std::vector<transfer::Into> into{};
  std::vector<transfer::HandleSpec> handles{};
  Lane lane = Lane::kAuto;  ///< asked for: it may be absent, or not come up
  bool unpunctual = false;  ///< its process was stopped meanwhile: no bound is checked
  bool cancelled = false;
  bool died = false;          ///< the caller's process ended first
  bool must_succeed = false;  ///< nothing stands in its way (N10, and every call after healing)
  std::uint32_t outcomes = 0;
  TimePoint ended{};
  bool ok = false;
  bool may_have_arrived = false;
  std::string error{};
  TransferId id{};
};

/// What a run may be held against: every content that ever had a generation, every snapshot that was ever served, every
/// call, every delivery. Finds breaches of N1 to N6, and answers that nothing explains, and writes them down.
class Ledger {
 public:
  void published(const Incarnation& producer, Generation generation, const Content& content);
  /// The whole catalog of a node as it is from now on: name → generation.
  using Names = std::map<std::string, std::uint64_t>;
  void snapshot(lane::FakeNode node, const Incarnation& producer, Names catalog, TimePoint now);

  Call& open(Call call);  ///< its cookie is its index + 1
  Call& at(std::uint64_t cookie) { return calls_[cookie - 1]; }
  std::deque<Call>& calls() noexcept { return calls_; }
  std::uint64_t cookie_of_last() const noexcept { return calls_.size(); }
  void finished(const transfer::Outcome& outcome, TimePoint now);
  void received(const transfer::Outcome& outcome, const std::byte* into);

  /// After everything: calls without outcome, pushes told otherwise than they went.
  void close();
  void breach(std::string what);
  /// A line for whoever replays a run with --trace; `line` is only made when somebody listens.
  void note(TimePoint now, const std::string& line) const;
  bool traced = false;
  const std::vector<std::string>& breaches() const noexcept { return breaches_; }

 private:
  const Content* find(const Incarnation& producer, const std::string& name, Generation generation) const;
  void check_pulled(const Call& call, const transfer::Pulled& pulled);
  void check_item(const Call& call, std::size_t i, const transfer::Pulled& pulled);
  void check_one_snapshot(const Call& call, const transfer::Pulled& pulled);
  void check_listed(const Call& call, const transfer::Listed& listed);
  void check_error(const Call& call, const Error& error);
  /// Whether some catalog that the peer served between the call's opening and its end fits.
  template <class Fits>
  bool some_snapshot(const Call& call, const Incarnation& producer, Fits&& fits) const;

  std::map<std::tuple<Incarnation, std::string, std::uint64_t>, Content> contents_;
  struct Snapshot {
    TimePoint since{};
    Names catalog{};
  };
  struct Life {
    TimePoint since{};
    Incarnation incarnation{};
  };
  std::map<Incarnation, std::vector<Snapshot>> snapshots_;
  std::map<lane::FakeNode, std::vector<Life>> lives_;
  std::map<TransferId, std::uint32_t> deliveries_;
  std::deque<Call> calls_;
  std::vector<std::string> breaches_;
};

/// The part of a tensor that a call asked for.
Selection selection_of(const TensorMeta& meta, const transfer::PartSpec* part);
const transfer::PartSpec* part_of(const Call& call, std::size_t i);

}  // namespace weft::sim
