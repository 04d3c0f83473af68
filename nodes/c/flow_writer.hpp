#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include <weft/nodes/c/flow_file.hpp>
#include <weft/nodes/c/handle_table.hpp>

namespace weft::c {

/// Behind a weftFlowWriter: the one that a flow has. Any thread; one grain, or one range, is open at a time.
class FlowWriter final : public Object {
 public:
  static constexpr const char* kNoun = "flow writer";
  /// Takes back what a writer before it had open when it died.
  explicit FlowWriter(std::shared_ptr<FlowFile> file);

  void close() noexcept override;
  const std::shared_ptr<FlowFile>& file() const noexcept { return file_; }

  Outcome<weftGrainInfo> open_grain(std::uint64_t index);
  Outcome<void> commit_grain(const weftGrainInfo& info);
  Outcome<void> cancel_grain();
  std::uint8_t* payload(std::uint64_t index) const noexcept;

  Outcome<SampleRange> open_samples(std::uint64_t head, std::uint64_t count);
  Outcome<void> commit_samples();
  Outcome<void> cancel_samples();

 private:
  /// Announces to readers that the slot's grain is being replaced, or is replaced.
  void take_back(FlowSlot& slot) noexcept;
  void show() noexcept;
  Outcome<void> expect(bool discrete) const;
  std::uint32_t slot_of(std::uint64_t index) const noexcept {
    return static_cast<std::uint32_t>(index % file_->layout().shape().grain_count);
  }

  std::shared_ptr<FlowFile> file_;
  std::mutex mutex_;
  std::optional<std::uint64_t> open_;  ///< the grain's index, or the range's head
};

}  // namespace weft::c
