#include <weft/transfer/source.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/wire/digest.hpp>

namespace weft::transfer {

void SourceBytes::reset() {
  space.reset(kLeafBytes);
  items.clear();
}

namespace {

/// Calls visit(item, entry of the space, begin, end) for the parts of [begin, end) that are bytes of entries.
template <class F>
void for_each_part(const SourceBytes& bytes, std::uint64_t begin, std::uint64_t end, F&& visit) {
  const auto entries = bytes.space.entries();
  for (std::uint32_t i = bytes.space.entry_at(begin); i < entries.size() && entries[i].offset < end; ++i) {
    const std::uint64_t from = std::max(begin, entries[i].offset);
    const std::uint64_t to = std::min(end, entries[i].offset + entries[i].bytes);
    if (from < to) visit(bytes.items[i], entries[i], from, to);
  }
}

}  // namespace

bool SourceBytes::needs_staging(std::uint32_t piece) const noexcept {
  bool needed = false;
  for_each_part(
      *this, space.piece_begin(piece), space.piece_end(piece),
      [&](const SourceItem& item, const Space::Entry&, std::uint64_t, std::uint64_t) { needed |= !item.direct(); });
  return needed;
}

bool SourceBytes::needs_file(std::uint32_t piece) const noexcept {
  bool needed = false;
  for_each_part(*this, space.piece_begin(piece), space.piece_end(piece),
                [&](const SourceItem& item, const Space::Entry&, std::uint64_t, std::uint64_t) {
                  needed |= item.entry->data == nullptr;
                });
  return needed;
}

void SourceBytes::pack(std::uint32_t piece, std::byte* staging) const {
  const std::uint64_t begin = space.piece_begin(piece);
  for_each_part(*this, begin, space.piece_end(piece),
                [&](const SourceItem& item, const Space::Entry& entry, std::uint64_t from, std::uint64_t to) {
                  if (item.entry->data == nullptr) return;
                  item.selection().for_each(
                      from - entry.offset, to - from, [&](std::uint64_t at, std::uint64_t dense, std::uint64_t length) {
                        std::memcpy(staging + (entry.offset + dense - begin), item.entry->data + at, length);
                      });
                });
}

void SourceBytes::file_reads(std::uint32_t piece, std::vector<FileRead>& reads) const {
  const std::uint64_t begin = space.piece_begin(piece);
  for_each_part(*this, begin, space.piece_end(piece),
                [&](const SourceItem& item, const Space::Entry& entry, std::uint64_t from, std::uint64_t to) {
                  if (item.entry->data != nullptr) return;
                  item.selection().for_each(from - entry.offset, to - from,
                                            [&](std::uint64_t at, std::uint64_t dense, std::uint64_t length) {
                                              reads.push_back({.file = item.entry->file,
                                                               .file_offset = item.entry->file_offset + at,
                                                               .into = entry.offset + dense - begin,
                                                               .length = length});
                                            });
                });
}

SourceBytes::Run SourceBytes::run_at(std::uint64_t offset, std::uint64_t end, std::uint64_t piece_begin,
                                     const std::byte* staging) const {
  const std::uint32_t i = space.entry_at(offset);
  const auto entries = space.entries();
  if (i == entries.size() || entries[i].offset >= end) return {};
  const Space::Entry& entry = entries[i];
  const std::uint64_t from = std::max(offset, entry.offset);
  const std::uint64_t to = std::min(end, entry.offset + entry.bytes);
  Run run{.skip = from - offset, .data = nullptr, .length = to - from, .item = i};
  if (staging != nullptr) {
    run.data = staging + (from - piece_begin);
    return run;
  }
  const SourceItem& item = items[i];
  if (item.selection().contiguous()) {
    std::uint64_t start = 0;
    item.selection().for_each(from - entry.offset, 1,
                              [&](std::uint64_t at, std::uint64_t, std::uint64_t) { start = at; });
    run.data = item.entry->data + start;
    return run;
  }
  bool first = true;
  item.selection().for_each(from - entry.offset, std::min(to - from, item.selection().run_bytes()),
                            [&](std::uint64_t at, std::uint64_t, std::uint64_t length) {
                              if (!std::exchange(first, false)) return;
                              run.data = item.entry->data + at;
                              run.length = length;
                            });
  return run;
}

std::uint64_t SourceBytes::leaf(const Space::Leaf& leaf, std::uint64_t piece_begin, const std::byte* staging) const {
  const Run run = run_at(leaf.offset, leaf.offset + leaf.bytes, piece_begin, staging);
  if (run.length == leaf.bytes) return wire::leaf_of({run.data, leaf.bytes});
  const SourceItem& item = items[leaf.entry];
  const std::uint64_t into = leaf.offset - space.entries()[leaf.entry].offset;
  wire::LeafStream stream;
  item.selection().for_each(into, leaf.bytes, [&](std::uint64_t at, std::uint64_t, std::uint64_t length) {
    stream.add({item.entry->data + at, length});
  });
  return stream.leaf();
}

}  // namespace weft::transfer
