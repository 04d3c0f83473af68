#include <tests/sim/memory.hpp>

#include <algorithm>
#include <cstring>

#include <weft/wire/digest.hpp>

namespace weft::sim {
namespace {

constexpr std::size_t kSmallCell = 2 * 1024 * 1024;
constexpr std::size_t kLargeCell = 16 * 1024 * 1024;

/// Eight bytes in each KiB: what was not written shows, and the rest costs nothing.
void poison(std::byte* data, std::size_t size) {
  for (std::size_t at = 0; at < size; at += 1024) std::memset(data + at, 0xA5, std::min<std::size_t>(8, size - at));
}

}  // namespace

LandingBank& LandingBank::of_this_thread() {
  thread_local LandingBank bank;
  return bank;
}

bool LandingBank::Cell::leased() const {
  pool->collect();
  return pool->idle_bytes() == 0;
}

memory::Landing LandingBank::take(std::size_t bytes, std::uint32_t owner) {
  const std::size_t size = bytes <= kSmallCell ? kSmallCell : std::max(bytes, kLargeCell);
  for (auto& [data, cell] : cells_) {
    if (cell.size < bytes || cell.size > 4 * size || cell.leased()) continue;
    memory::Landing landing = std::move(*cell.pool->take(cell.size));
    poison(cell.data, bytes);  // not before: what lies in the pool is nobody's to write
    cell.writable = true;
    cell.owner = owner;
    cell.asked = bytes;
    return landing;
  }
  Cell cell{.pool = std::make_unique<memory::LandingPool>(memory::LandingPool::Options{})};
  memory::Landing landing = cell.pool->grow(size).value();
  cell.data = landing.data();
  cell.size = size;
  cell.writable = true;
  cell.owner = owner;
  cell.asked = bytes;
  poison(cell.data, bytes);
  cells_.emplace(cell.data, std::move(cell));
  return landing;
}

LandingBank::Cell* LandingBank::find(const std::byte* address) {
  auto after = cells_.upper_bound(address);
  if (after == cells_.begin()) return nullptr;
  Cell& cell = std::prev(after)->second;
  return address < cell.data + cell.size ? &cell : nullptr;
}

std::size_t LandingBank::leased() const {
  return static_cast<std::size_t>(
      std::count_if(cells_.begin(), cells_.end(), [](const auto& each) { return each.second.leased(); }));
}

std::size_t LandingBank::leased_bytes(std::uint32_t owner) const {
  std::size_t bytes = 0;
  for (const auto& [data, cell] : cells_)
    if (cell.owner == owner && cell.leased()) bytes += cell.asked;
  return bytes;
}

std::byte* CallerMemory::add(std::size_t size) {
  Block block{.bytes = std::make_unique_for_overwrite<std::byte[]>(size + 64), .size = size + 64};
  std::byte* data = block.bytes.get();
  poison(data, block.size);
  blocks_.emplace(data, std::move(block));
  return data;
}

void CallerMemory::close(const std::byte* data) {
  if (const auto found = blocks_.find(data); found != blocks_.end())
    found->second.closed_as = wire::leaf_of({data, found->second.size});
}

bool CallerMemory::find(const std::byte* address, bool& open) const {
  auto after = blocks_.upper_bound(address);
  if (after == blocks_.begin()) return false;
  const Block& block = std::prev(after)->second;
  if (address >= block.bytes.get() + block.size) return false;
  open = !block.closed_as.has_value();
  return true;
}

std::size_t CallerMemory::changed() const {
  return static_cast<std::size_t>(std::count_if(blocks_.begin(), blocks_.end(), [](const auto& each) {
    return each.second.closed_as &&
           *each.second.closed_as != wire::leaf_of({each.second.bytes.get(), each.second.size});
  }));
}

}  // namespace weft::sim
