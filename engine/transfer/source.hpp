#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/tensor/selection.hpp>
#include <weft/transfer/entry.hpp>
#include <weft/transfer/ring.hpp>
#include <weft/transfer/space.hpp>
#include <weft/transfer/target_map.hpp>
#include <weft/transfer/types.hpp>

namespace weft::transfer {

/// What one item of a transfer is made of at its source. A failed item has no entry and no bytes.
struct SourceItem {
  EntryRef entry{};
  std::optional<Selection> part{};  ///< absent: the whole, whose leaves are those of the entry
  const Selection& selection() const noexcept { return part ? *part : *entry->whole; }
  bool direct() const noexcept { return entry->data != nullptr && selection().run_bytes() >= kPackBelowBytes; }
};

/// The bytes of one transfer as their source sees them: maps ranges of the byte space to memory. No state of the
/// protocol; see SourceSide for that.
class SourceBytes {
 public:
  void reset();
  Space space{};
  std::vector<SourceItem> items{};

  /// Whether a piece must be gathered into staging first: it lies in a file, or in runs too short to post.
  bool needs_staging(std::uint32_t piece) const noexcept;
  /// Whether it needs a file to be read.
  bool needs_file(std::uint32_t piece) const noexcept;
  /// Copies memory-backed parts of a piece into `staging` (laid out as the piece is, gaps kept).
  void pack(std::uint32_t piece, std::byte* staging) const;
  /// The reads that fill `staging` with the file-backed parts. All of one piece's files must be the same file: a piece
  /// of several files is refused at `serve` by giving each file its own batch.
  struct FileRead {
    std::shared_ptr<FileSource> file;
    std::uint64_t file_offset = 0;
    std::uint64_t into = 0;  ///< offset in staging
    std::uint64_t length = 0;
  };
  void file_reads(std::uint32_t piece, std::vector<FileRead>& reads) const;

  /// Bytes at `offset` of the space that lie together in memory: from the entry's memory, or from `staging` when the
  /// piece was staged. `skip` is the gap before them; zero `length` when nothing of the piece is left.
  struct Run {
    std::uint64_t skip = 0;
    const std::byte* data = nullptr;
    std::uint64_t length = 0;
    std::uint32_t item = 0;
  };
  Run run_at(std::uint64_t offset, std::uint64_t end, std::uint64_t piece_begin, const std::byte* staging) const;

  /// XXH3 of one leaf.
  std::uint64_t leaf(const Space::Leaf& leaf, std::uint64_t piece_begin, const std::byte* staging) const;
};

}  // namespace weft::transfer
