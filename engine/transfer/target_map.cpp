#include <weft/transfer/target_map.hpp>

#include <algorithm>

#include <weft/base/checked.hpp>

namespace weft::transfer {

void TargetMap::set_into(const Into& into, std::uint64_t bytes) {
  if (into.selection)
    set_selection(into.data, into.size, *into.selection);
  else
    set_dense(into.data, bytes);
}

bool TargetMap::set_blocks(std::span<const Into> into, std::span<const Space::Entry> entries) {
  if (into.size() != entries.size() || into.empty() || into.size() > ~std::uint32_t{0}) return false;
  const std::uint64_t block = entries.front().bytes;
  if (block == 0) return false;
  std::byte* base = into.front().data;
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (into[i].data == nullptr || into[i].selection || entries[i].bytes != block || entries[i].offset != i * block)
      return false;
    base = std::min(base, into[i].data);
  }
  std::vector<std::uint32_t> place(into.size());
  std::vector<bool> taken(into.size());
  bool in_order = true;
  for (std::size_t i = 0; i < into.size(); ++i) {
    const auto from_base = static_cast<std::uint64_t>(into[i].data - base);
    const std::uint64_t at = from_base / block;
    if (from_base % block != 0 || at >= into.size() || taken[at]) return false;
    taken[at] = true;
    place[i] = static_cast<std::uint32_t>(at);
    in_order = in_order && at == i;
  }
  if (in_order) {
    set_dense(base, block * into.size());
    return true;
  }
  const auto rows = static_cast<std::int64_t>(into.size());
  auto selection = Selection::make_rows({.dtype = DType::kU8, .shape = {rows, static_cast<std::int64_t>(block)}}, 0,
                                        std::span<const std::uint32_t>(place));
  if (!selection) return false;
  set_selection(base, block * into.size(), std::move(*selection));
  return true;
}

wire::Where TargetMap::where(std::vector<wire::LandingSegment>& segments, std::vector<std::uint32_t>& pages) const {
  if (!selection_) return {};
  const std::uint64_t run = selection_->run_bytes();
  segments.clear();
  pages.clear();
  bool paged = run != 0;
  selection_->for_each(0, selection_->bytes(), [&](std::uint64_t at, std::uint64_t, std::uint64_t bytes) {
    segments.push_back({.offset = at, .length = bytes});
    paged = paged && bytes == run && at % run == 0 && at / run <= ~std::uint32_t{0};
  });
  if (!paged || segments.size() < 2) return {.kind = wire::WhereKind::kSegments, .segments = segments};
  for (const auto& segment : segments) pages.push_back(static_cast<std::uint32_t>(segment.offset / run));
  return {.kind = wire::WhereKind::kPages, .page_bytes = run, .pages = pages};
}

void RemoteMap::reset() {
  kind_ = wire::WhereKind::kDense;
  total_ = 0;
  pages_.clear();
  segments_.clear();
  starts_.clear();
}

Result<void> RemoteMap::set(const wire::Where& where, std::uint64_t total) {
  reset();
  kind_ = where.kind;
  total_ = total;
  std::uint64_t held = 0;
  switch (where.kind) {
    case wire::WhereKind::kDense:
      return {};
    case wire::WhereKind::kPages: {
      page_bytes_ = where.page_bytes;
      pages_.assign(where.pages.begin(), where.pages.end());
      const auto bytes = checked_mul<std::uint64_t>(page_bytes_, pages_.size());
      if (!bytes || checked_mul<std::uint64_t>(page_bytes_, ~std::uint32_t{0}) == std::nullopt)
        return fail(ErrorClass::kMalformed, "grant", "pages too large");
      held = *bytes;
      break;
    }
    case wire::WhereKind::kSegments:
      segments_.assign(where.segments.begin(), where.segments.end());
      for (const auto& segment : segments_) {
        starts_.push_back(held);
        const auto next = checked_add(held, segment.length);
        if (!next || !checked_add(segment.offset, segment.length) || segment.length == 0)
          return fail(ErrorClass::kMalformed, "grant", "a segment is empty or too large");
        held = *next;
      }
      break;
  }
  if (held != total) return fail(ErrorClass::kMalformed, "grant", "the landing is not as large as the transfer");
  return {};
}

RemoteMap::Run RemoteMap::run_at(std::uint64_t offset) const noexcept {
  switch (kind_) {
    case wire::WhereKind::kDense:
      break;
    case wire::WhereKind::kPages: {
      const std::uint64_t within_page = offset % page_bytes_;
      return {.offset = pages_[offset / page_bytes_] * page_bytes_ + within_page, .length = page_bytes_ - within_page};
    }
    case wire::WhereKind::kSegments: {
      const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
      const auto i = static_cast<std::size_t>(after - starts_.begin()) - 1;
      const std::uint64_t into = offset - starts_[i];
      return {.offset = segments_[i].offset + into, .length = segments_[i].length - into};
    }
  }
  return {.offset = offset, .length = total_ - offset};
}

}  // namespace weft::transfer
