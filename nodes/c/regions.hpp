#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <weft/nodes/c/fabrics.h>
#include <weft/nodes/c/flow_file.hpp>
#include <weft/nodes/c/handle_table.hpp>

namespace weft::c {

/// Behind weftRegions: the buffers of a ring, and what keeps them. Immutable; any thread.
class Regions final : public Object {
 public:
  static constexpr const char* kNoun = "regions object";
  /// INVALID_ARG says which and why.
  static Outcome<std::shared_ptr<Regions>> of_buffers(std::span<const weftFabricsMemoryRegion> buffers);
  static std::shared_ptr<Regions> of_flow(std::shared_ptr<FlowFile> file);

  explicit Regions(std::vector<weftFabricsMemoryRegion> buffers, std::shared_ptr<FlowFile> file = nullptr)
      : buffers_(std::move(buffers)), file_(std::move(file)) {}

  const std::vector<weftFabricsMemoryRegion>& buffers() const noexcept { return buffers_; }
  /// The flow they are of; none for buffers of the caller's.
  const FlowFile* flow() const noexcept { return file_.get(); }
  bool writable() const noexcept { return file_ == nullptr || file_->use() == FlowFile::Use::kWrite; }
  bool on_device() const noexcept;
  /// The size that all of them have. INVALID_ARG: they differ.
  Outcome<std::size_t> equal_size() const;
  std::span<std::byte> bytes(std::size_t index) const noexcept;

 private:
  std::vector<weftFabricsMemoryRegion> buffers_;
  std::shared_ptr<FlowFile> file_;
};

}  // namespace weft::c
