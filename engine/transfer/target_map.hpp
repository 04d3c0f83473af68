#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <weft/tensor/selection.hpp>
#include <weft/transfer/space.hpp>
#include <weft/transfer/types.hpp>
#include <weft/wire/message.hpp>

namespace weft::transfer {

/// Where the byte space of a transfer lies in the receiver's memory: dense from `base`, or, for one item brought by the
/// caller, by the runs of a selection whose offsets count from `base`.
class TargetMap {
 public:
  void reset() {
    base_ = nullptr;
    extent_ = 0;
    selection_.reset();
  }
  void set_dense(std::byte* base, std::uint64_t bytes) {
    base_ = base;
    extent_ = bytes;
    selection_.reset();
  }
  void set_selection(std::byte* base, std::uint64_t extent, Selection selection) {
    base_ = base;
    extent_ = extent;
    selection_ = std::move(selection);
  }
  /// For one item that the caller brings memory for: dense, or by its selection.
  void set_into(const Into& into, std::uint64_t bytes);
  /// For a batch whose entries all bring memory: blocks of one size that fill one stretch of memory between them, in
  /// any order and nothing beside them, are where the space lands. False, and nothing is set, where they are not that.
  bool set_blocks(std::span<const Into> into, std::span<const Space::Entry> entries);
  std::byte* base() const noexcept { return base_; }
  /// Bytes from base that must be exposed.
  std::uint64_t extent() const noexcept { return extent_; }
  bool dense() const noexcept { return !selection_.has_value(); }

  /// Calls visit(std::byte*, length) for the memory of a range of the space, in order.
  template <class F>
  void for_each(std::uint64_t offset, std::uint64_t length, F&& visit) const {
    if (!selection_) {
      visit(base_ + offset, length);
      return;
    }
    selection_->for_each(offset, length,
                         [&](std::uint64_t at, std::uint64_t, std::uint64_t bytes) { visit(base_ + at, bytes); });
  }

  /// How a grant tells it. `segments` and `pages` are filled when needed and borrowed by the answer.
  wire::Where where(std::vector<wire::LandingSegment>& segments, std::vector<std::uint32_t>& pages) const;

 private:
  std::byte* base_ = nullptr;
  std::uint64_t extent_ = 0;
  std::optional<Selection> selection_;
};

/// The sender's side of a grant's `where`: space offset → offset in the receiver's exposure.
class RemoteMap {
 public:
  /// Copies what `where` borrows. Malformed when it cannot hold `total` bytes.
  Result<void> set(const wire::Where& where, std::uint64_t total);
  void reset();
  struct Run {
    std::uint64_t offset = 0;  ///< in the exposure
    std::uint64_t length = 0;  ///< bytes that lie together from here
  };
  /// Where the byte at `offset` of the space goes, and how many go with it.
  Run run_at(std::uint64_t offset) const noexcept;

 private:
  wire::WhereKind kind_ = wire::WhereKind::kDense;
  std::uint64_t total_ = 0;
  std::uint64_t page_bytes_ = 0;
  std::vector<std::uint32_t> pages_;
  std::vector<wire::LandingSegment> segments_;
  std::vector<std::uint64_t> starts_;  // of each segment in the space
};

}  // namespace weft::transfer
