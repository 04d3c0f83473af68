#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <numeric>
#include <vector>

#include <weft/transfer/source.hpp>
#include <weft/transfer/target_map.hpp>

using namespace weft;
using namespace weft::transfer;

namespace {

TensorMeta bytes_meta(Shape shape, Strides strides = {}) {
  TensorMeta meta;
  meta.shape = std::move(shape);
  meta.strides = std::move(strides);
  return meta;
}

EntryRef entry_over(const std::vector<std::byte>& memory, TensorMeta meta) {
  auto entry = std::make_shared<Entry>();
  entry->meta = std::move(meta);
  entry->whole = Selection::whole(entry->meta).value();
  entry->bytes = entry->whole->bytes();
  entry->data = memory.data();
  return entry;
}

std::vector<std::byte> counting(std::size_t size) {
  std::vector<std::byte> memory(size);
  for (std::size_t i = 0; i < size; ++i) memory[i] = static_cast<std::byte>(i * 7 + i / 251);
  return memory;
}

/// What a source sends into what a target granted, without anything between.
void move_all(const SourceBytes& from, const RemoteMap& to, std::byte* landing) {
  for (std::uint64_t offset = 0; offset < from.space.total();) {
    const std::uint64_t piece = offset / from.space.piece_bytes() * from.space.piece_bytes();
    const std::uint64_t end = std::min(from.space.total(), piece + from.space.piece_bytes());
    const SourceBytes::Run run = from.run_at(offset, end, piece, nullptr);
    if (run.length == 0) {
      offset = end;
      continue;
    }
    const RemoteMap::Run where = to.run_at(offset + run.skip);
    const std::uint64_t length = std::min(run.length, where.length);
    std::memcpy(landing + where.offset, run.data, length);
    offset += run.skip + length;
  }
}

}  // namespace

TEST_CASE("maps: a strided source lands page by page in a strided target, byte for byte") {
  const std::vector<std::byte> memory = counting(40 * 9000);
  SourceBytes source;
  source.space.reset(kLeafBytes);
  source.items.push_back({.entry = entry_over(memory, bytes_meta({40, 8192}, {9000, 1})), .part = std::nullopt});
  REQUIRE(source.space.add(40 * 8192));

  std::vector<std::byte> landing(80 * 8192);
  std::vector<std::uint32_t> rows(40);
  for (std::uint32_t i = 0; i < 40; ++i) rows[i] = 2 * (39 - i);
  const Selection pages = Selection::make_rows(bytes_meta({80, 8192}), 0, rows).value();
  TargetMap target;
  target.set_selection(landing.data(), landing.size(), pages);
  std::vector<wire::LandingSegment> segments;
  std::vector<std::uint32_t> indices;
  const wire::Where where = target.where(segments, indices);
  CHECK(where.kind == wire::WhereKind::kPages);
  CHECK(where.page_bytes == 8192);
  RemoteMap remote;
  REQUIRE(remote.set(where, source.space.total()));

  move_all(source, remote, landing.data());
  for (std::size_t row = 0; row < 40; ++row)
    CHECK(std::memcmp(landing.data() + rows[row] * std::size_t{8192}, memory.data() + row * 9000, 8192) == 0);
}

TEST_CASE("maps: rows that are not pages are granted as segments") {
  std::vector<std::byte> landing(3 * 5000 + 4097);
  TargetMap target;
  target.set_selection(landing.data(), landing.size(), Selection::whole(bytes_meta({4, 4097}, {5000, 1})).value());
  std::vector<wire::LandingSegment> segments;
  std::vector<std::uint32_t> indices;
  const wire::Where where = target.where(segments, indices);
  REQUIRE(where.kind == wire::WhereKind::kSegments);
  REQUIRE(where.segments.size() == 4);
  RemoteMap remote;
  REQUIRE(remote.set(where, 4 * 4097));
  CHECK(remote.run_at(0).offset == 0);
  CHECK(remote.run_at(4096).length == 1);
  CHECK(remote.run_at(4097).offset == 5000);
  CHECK(remote.run_at(3 * 4097 + 4000).length == 97);
}

TEST_CASE("maps: blocks that fill one stretch are where a batch lands; others are not") {
  constexpr std::uint64_t kBlock = 8192;
  std::vector<std::byte> memory(kBlock * 6);
  Space space;
  space.reset(kLeafBytes);
  for (int i = 0; i < 4; ++i) REQUIRE(space.add(kBlock));
  const auto at = [&](std::vector<std::uint64_t> offsets) {
    std::vector<Into> into;
    for (const std::uint64_t offset : offsets)
      into.push_back({.data = memory.data() + kBlock + offset, .size = kBlock});
    return into;
  };
  std::vector<wire::LandingSegment> segments;
  std::vector<std::uint32_t> pages;
  TargetMap map;
  REQUIRE(map.set_blocks(at({0, kBlock, 2 * kBlock, 3 * kBlock}), space.entries()));
  CHECK(map.dense());
  CHECK(map.base() == memory.data() + kBlock);
  CHECK(map.extent() == 4 * kBlock);
  REQUIRE(map.set_blocks(at({2 * kBlock, 0, 3 * kBlock, kBlock}), space.entries()));
  CHECK(map.base() == memory.data() + kBlock);
  CHECK(map.extent() == 4 * kBlock);
  const wire::Where where = map.where(segments, pages);
  CHECK(where.kind == wire::WhereKind::kPages);
  CHECK(pages == std::vector<std::uint32_t>{2, 0, 3, 1});

  CHECK(!map.set_blocks(at({0, kBlock, 2 * kBlock}), space.entries()));                   // one has no memory
  CHECK(!map.set_blocks(at({0, kBlock, 2 * kBlock, 4 * kBlock}), space.entries()));       // a gap
  CHECK(!map.set_blocks(at({0, kBlock, kBlock, 3 * kBlock}), space.entries()));           // two in one place
  CHECK(!map.set_blocks(at({0, kBlock, 2 * kBlock, 3 * kBlock - 64}), space.entries()));  // one over another
  auto none = at({0, kBlock, 2 * kBlock, 3 * kBlock});
  none[2].data = nullptr;
  CHECK(!map.set_blocks(none, space.entries()));
  REQUIRE(space.add(kBlock - 64));
  CHECK(!map.set_blocks(at({0, kBlock, 2 * kBlock, 3 * kBlock, 4 * kBlock}), space.entries()));  // not of one size
}

TEST_CASE("maps: a grant that cannot hold the transfer, or overflows, is refused") {
  RemoteMap remote;
  const std::vector<wire::LandingSegment> short_one{{.offset = 0, .length = 10}};
  CHECK(!remote.set({.kind = wire::WhereKind::kSegments, .segments = short_one}, 11));
  const std::vector<wire::LandingSegment> empty{{.offset = 0, .length = 0}};
  CHECK(!remote.set({.kind = wire::WhereKind::kSegments, .segments = empty}, 0));
  const std::vector<wire::LandingSegment> far{{.offset = ~std::uint64_t{0}, .length = 2}};
  CHECK(!remote.set({.kind = wire::WhereKind::kSegments, .segments = far}, 2));
  const std::vector<std::uint32_t> pages{0, 1};
  CHECK(!remote.set({.kind = wire::WhereKind::kPages, .page_bytes = std::uint64_t{1} << 63, .pages = pages}, 0));
  CHECK(!remote.set({.kind = wire::WhereKind::kPages, .page_bytes = 0, .pages = pages}, 1));
  CHECK(remote.set({.kind = wire::WhereKind::kPages, .page_bytes = 8, .pages = pages}, 16));
}

TEST_CASE("source: short runs and files need staging, long runs in memory do not; packing is the canonical order") {
  const std::vector<std::byte> memory = counting(300 * 2000);
  SourceBytes source;
  source.space.reset(kLeafBytes);
  source.items.push_back({.entry = entry_over(memory, bytes_meta({300, 1000}, {2000, 1})), .part = std::nullopt});
  REQUIRE(source.space.add(300'000));
  CHECK(source.needs_staging(0));
  CHECK(!source.needs_file(0));
  std::vector<std::byte> staging(kLeafBytes);
  source.pack(0, staging.data());
  for (std::size_t row = 0; row < 262; ++row)
    CHECK(std::memcmp(staging.data() + row * 1000, memory.data() + row * 2000, 1000) == 0);

  const std::uint64_t packed = source.leaf(source.space.leaf(0), 0, staging.data());
  CHECK(source.leaf(source.space.leaf(0), 0, nullptr) == packed);

  auto file = std::make_shared<Entry>();
  file->meta = bytes_meta({300'000});
  file->whole = Selection::whole(file->meta).value();
  file->bytes = 300'000;
  file->file = std::make_shared<FileSource>();
  file->file_offset = 77;
  SourceBytes served;
  served.space.reset(kLeafBytes);
  served.items.push_back({.entry = file, .part = std::nullopt});
  REQUIRE(served.space.add(300'000));
  CHECK(served.needs_file(1));
  std::vector<SourceBytes::FileRead> reads;
  served.file_reads(1, reads);
  REQUIRE(reads.size() == 1);
  CHECK(reads[0].file_offset == 77 + kLeafBytes);
  CHECK(reads[0].into == 0);
  CHECK(reads[0].length == 300'000 - kLeafBytes);
}
