#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <weft/base/clock.hpp>
#include <weft/nodes/c/flow_file.hpp>
#include <weft/nodes/c/handle_table.hpp>

namespace weft::c {

/// Behind a weftFlowReader. Any number of threads may wait and read.
class FlowReader final : public Object {
 public:
  static constexpr const char* kNoun = "flow reader";
  explicit FlowReader(std::shared_ptr<FlowFile> file) : file_(std::move(file)) {}

  /// Those who wait are told SHUTTING_DOWN.
  void close() noexcept override;
  const std::shared_ptr<FlowFile>& file() const noexcept { return file_; }

  struct GrainRequest {
    std::uint64_t index = 0;
    std::uint32_t least_slices = 0;  ///< 0: whatever is there of a committed grain
    std::uint32_t timeout_ms = 0;    ///< 0: at once
  };
  Outcome<weftGrainInfo> grain(const GrainRequest& request) const;
  /// Whether the grain is still the one that was given.
  Outcome<void> check(const weftGrainInfo& info) const;
  const std::uint8_t* payload(std::uint64_t index) const noexcept;

  struct SampleRequest {
    std::uint64_t head = 0;
    std::uint64_t count = 0;
    std::uint32_t timeout_ms = 0;
  };
  Outcome<SampleRange> samples(const SampleRequest& request) const;
  Outcome<void> check_samples(std::uint64_t head, std::uint64_t count) const;

 private:
  Outcome<weftGrainInfo> grain_now(std::uint64_t index, std::uint32_t least_slices) const;
  Outcome<void> samples_now(std::uint64_t head, std::uint64_t count) const;
  /// Tries until it succeeds, or fails with more than TOO_EARLY, or the time is over.
  template <class Try>
  auto wait(std::uint32_t timeout_ms, Try attempt) const -> decltype(attempt());
  Outcome<void> sleep(std::uint32_t seen, TimePoint until) const;
  std::uint32_t slot_of(std::uint64_t index) const noexcept {
    return static_cast<std::uint32_t>(index % file_->layout().shape().grain_count);
  }

  std::shared_ptr<FlowFile> file_;
  std::atomic<bool> closed_ = false;
};

}  // namespace weft::c
