#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <weft/nodes/c/fabrics_instance.hpp>
#include <weft/nodes/c/grain_shape.hpp>
#include <weft/nodes/c/sample_batch.hpp>
#include <weft/nodes/grains.hpp>

namespace weft::c {

/// One set-up of a target: its ring at a node. Any thread; its end closes the ring.
class TargetRing {
 public:
  using OnGrain = std::function<void(const weftFabricsGrain&)>;
  static Outcome<std::shared_ptr<TargetRing>> open(FabricsInstance& fabrics, SideConfig config, OnGrain on_grain);
  ~TargetRing();

  TargetInfo info() const { return info_; }
  bool of_samples() const noexcept { return samples_; }
  int event_fd() const { return target_->event_fd(); }
  void close() { target_->close(); }

  /// The next grain, after the one read before it was released. NOT_READY, INTERRUPTED, SHUTTING_DOWN.
  Outcome<weftFabricsGrain> read(std::uint32_t timeout_ms);
  Outcome<SampleBatch> read_samples(std::uint32_t timeout_ms);
  Outcome<weftFabricsGrain> held(std::uint64_t index) const;
  Outcome<void> release(std::uint64_t index);

 private:
  TargetRing(SideConfig config, std::shared_ptr<SharedNode> node)
      : config_(std::move(config)), node_(std::move(node)) {}
  Outcome<TargetOptions> options(OnGrain on_grain);
  Outcome<void> divide(TargetOptions& options);
  Outcome<void> make_batches(TargetOptions& options);
  Outcome<Grain> next(std::uint32_t timeout_ms);
  void let_go(const Grain& grain);
  /// The grain as C sees it; a flow's header is brought up to date, for its local readers. Of another grain's content
  /// only the header is shown, as invalid. Once for each that is told.
  weftFabricsGrain shown(const Grain& grain) const;

  SideConfig config_;
  std::shared_ptr<SharedNode> node_;
  std::string ring_;
  GrainShape shape_{};
  bool samples_ = false;
  std::vector<std::byte> batches_{};  ///< where samples land before they are copied into the flow
  TargetInfo info_{};
  std::optional<Target> target_;  ///< from `open` on; after what it writes into

  mutable std::mutex mutex_;
  struct Held {
    Grain grain{};
    weftFabricsGrain seen{};
  };
  std::optional<Held> held_;  ///< read last, and not released
};

}  // namespace weft::c
