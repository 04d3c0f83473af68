#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <weft/nodes/c/fabrics_instance.hpp>
#include <weft/nodes/c/flow_source.hpp>
#include <weft/nodes/c/grain_shape.hpp>
#include <weft/nodes/c/sample_batch.hpp>
#include <weft/nodes/grains.hpp>
#include <weft/transfer/ring.hpp>

namespace weft::c {

/// One set-up of an initiator: its targets, and what became of what it sent them. Any thread.
class InitiatorLinks {
 public:
  struct Slices {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
  };

  static Outcome<std::shared_ptr<InitiatorLinks>> open(FabricsInstance& fabrics, SideConfig config);

  Outcome<void> add(const TargetInfo& info);
  Outcome<void> remove(const TargetInfo& info);
  /// All of it, or some slices; to every target, or to one. OVERLOADED: none of them has room, nothing was sent.
  Outcome<void> send(std::uint64_t index, std::optional<Slices> slices, const TargetInfo* only);
  Outcome<void> send_samples(const SampleBatch& batch);
  /// NOT_READY: nothing new.
  Outcome<weftFabricsResult> next_result();
  /// NOT_READY when the time is over and something is under way, or is being connected for the first time. A target
  /// that was lost is connected again without being waited for.
  Outcome<void> progress(std::uint32_t timeout_ms);
  void close() { initiator_->close(); }

 private:
  /// A ring of a node is one target, whatever else its info says: the token opens it, its name only labels it.
  using Name = std::pair<NodeId, std::array<std::byte, TargetInfo::kTokenBytes>>;
  /// What a batch of samples needs beside the flow's memory, until each of its targets has told its end.
  struct Sent {
    std::uint64_t head = 0;
    std::array<std::byte, SampleBatch::kHeaderBytes> header{};
    std::size_t results_left = 0;
  };

  InitiatorLinks(SideConfig config, std::shared_ptr<SharedNode> node)
      : config_(std::move(config)), node_(std::move(node)) {}
  Outcome<void> shape();
  Outcome<void> reaches(const TargetInfo& info) const;
  Outcome<TargetInfo> uncovered(const TargetInfo& info) const;
  Outcome<std::span<const std::byte>> grain(std::uint64_t index) const;
  Fault unsent(Error error, std::optional<std::size_t> only) const;
  void take(const GrainResult& result);
  void drain();
  bool busy() const;

  SideConfig config_;
  std::shared_ptr<SharedNode> node_;
  GrainShape shape_{};
  bool samples_ = false;
  std::shared_ptr<FlowSource> source_{};  ///< of grains of a flow
  std::vector<std::byte> padding_{};      ///< behind batches that are not full

  mutable std::mutex mutex_;
  std::map<Name, std::size_t> targets_;
  std::map<std::uint64_t, Sent> sent_;  ///< batches under way, by their number
  std::uint64_t next_batch_ = 0;
  transfer::Ring<weftFabricsResult> results_;  ///< the oldest goes when it is full
  std::optional<Initiator> initiator_;         ///< from `open` on; closed before what it reads from goes
};

}  // namespace weft::c
