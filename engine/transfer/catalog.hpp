#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/transfer/entry.hpp>

namespace weft::transfer {

/// The named tensors at one moment. Immutable; what a batch reads comes from one of these.
class CatalogSnapshot {
 public:
  /// By name, or null.
  EntryRef find(std::string_view name) const;
  /// By handle: the entry with this index, whatever its generation is now, or null when nothing has it.
  EntryRef find(std::uint32_t index) const;
  /// Names that match the glob, come after `after` and are `shown` (empty: all are), in byte order, at most `limit` (0:
  /// all).
  std::vector<EntryRef> list(std::string_view pattern, std::string_view after, std::size_t limit,
                             const std::function<bool(std::string_view name)>& shown = {}) const;
  std::vector<std::string> names(std::size_t limit) const;
  Generation generation() const noexcept { return generation_; }
  std::size_t size() const noexcept { return size_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  friend class Catalog;
  static constexpr std::size_t kShards = 256;
  using Shard = std::vector<EntryRef>;  // sorted by name; copied when one of its entries changes
  static std::size_t shard_of(std::string_view name) noexcept;

  std::array<std::shared_ptr<const Shard>, kShards> by_name_{};
  std::array<std::shared_ptr<const Shard>, kShards>
      by_index_{};  // index → shard index % kShards, place index / kShards
  Generation generation_;
  std::size_t size_ = 0;
  std::uint64_t bytes_ = 0;
};

/// What a node serves. Any thread may publish; a loop reads through a Reader, which takes the lock only when the
/// version word has moved since it last looked.
class Catalog {
 public:
  Catalog();

  /// Publishes `entries` (name, meta, bytes and memory filled in) together: one snapshot, one generation, which is
  /// returned. A name that was there is replaced; its old entry lives until the last transfer that reads it ends.
  Generation publish(std::vector<std::shared_ptr<Entry>> entries);
  /// Takes names out. Returns those that were there.
  std::vector<EntryRef> remove(std::span<const std::string_view> names);
  /// Takes one entry out if it is still what its name stands for.
  bool remove_entry(const Entry& entry);
  /// The next generation without publishing anything: pushes draw theirs here.
  Generation draw();
  std::shared_ptr<const CatalogSnapshot> snapshot() const;

  /// One loop's view: a cached pointer and the version it was read at.
  class Reader {
   public:
    explicit Reader(const Catalog& catalog) : catalog_(&catalog) {}
    const std::shared_ptr<const CatalogSnapshot>& current();
    /// The same, and what was current before, or null.
    std::shared_ptr<const CatalogSnapshot> refresh();

   private:
    const Catalog* catalog_;
    std::uint64_t version_ = ~std::uint64_t{0};
    std::shared_ptr<const CatalogSnapshot> cached_;
  };

 private:
  void put_locked(CatalogSnapshot& next, std::shared_ptr<Entry> entry);
  bool erase_locked(CatalogSnapshot& next, std::string_view name, EntryRef* taken);
  void set_by_index(CatalogSnapshot& next, std::uint32_t index, EntryRef entry);
  void store_locked(std::shared_ptr<const CatalogSnapshot> next);

  mutable std::mutex mutex_;
  std::shared_ptr<const CatalogSnapshot> current_;
  std::atomic<std::uint64_t> version_{0};
  std::uint64_t generation_ = 0;
  std::uint32_t next_index_ = 0;
  std::vector<std::uint32_t> free_indices_;
};

}  // namespace weft::transfer
