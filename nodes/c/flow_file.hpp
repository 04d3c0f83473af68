#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <weft/base/fd.hpp>
#include <weft/nodes/c/domain.hpp>
#include <weft/nodes/c/flow_layout.hpp>

namespace weft::c {

struct MappingTraits {
  struct Handle {
    std::byte* data = nullptr;
    std::size_t size = 0;
    bool operator==(const Handle&) const = default;
  };
  static Handle none() noexcept { return {}; }
  static void close(Handle mapping) noexcept { ::munmap(mapping.data, mapping.size); }
};
using Mapping = UniqueHandle<MappingTraits>;

/// A flow's file, open and mapped. What it says about sizes was checked against the file and is never read again.
/// Shared by readers, writers and regions; any thread.
class FlowFile {
 public:
  enum class Use : std::uint8_t { kRead, kWrite };

  /// EXISTS, NO_MEMORY, PERMISSION_DENIED. Under its name the file is there whole, or not at all.
  static Outcome<void> create(const Domain& domain, const char* name, const FlowLayout& layout);
  /// FLOW_NOT_FOUND, FLOW_INVALID, PERMISSION_DENIED; for kWrite CONFLICT: a writer that lives has it.
  static Outcome<std::shared_ptr<FlowFile>> open(const Domain& domain, const char* name, Use use);
  static Outcome<void> remove(const Domain& domain, const char* name);

  FlowFile(Fd fd, Mapping mapping, FlowLayout layout, Use use)
      : fd_(std::move(fd)), mapping_(std::move(mapping)), layout_(layout), use_(use) {}

  const FlowLayout& layout() const noexcept { return layout_; }
  Use use() const noexcept { return use_; }
  FlowHead& head() const noexcept { return *reinterpret_cast<FlowHead*>(mapping_.get().data); }
  FlowSlot& slot(std::uint32_t slot) const noexcept {
    return *reinterpret_cast<FlowSlot*>(mapping_.get().data + layout_.slot_at(slot));
  }
  FlowGrainHeader& grain(std::uint32_t slot) const noexcept {
    return *reinterpret_cast<FlowGrainHeader*>(mapping_.get().data + layout_.grain_at(slot));
  }
  /// Header and payload of a grain; or, of a continuous flow, the buffers of all channels.
  std::span<std::byte> region(std::uint32_t slot) const noexcept;
  std::span<std::byte> buffers() const noexcept;

  /// FLOW_INVALID when the file was cut while it is mapped: what lies behind its end may not be touched.
  Outcome<void> whole() const;
  /// Whether it still lies under a name.
  bool named() const;
  bool has_writer() const;
  weftFlowInfo info() const;

 private:
  Fd fd_;  // holds the writer's lock, which ends with the process however that ends
  Mapping mapping_;
  FlowLayout layout_;
  Use use_;
};

}  // namespace weft::c
