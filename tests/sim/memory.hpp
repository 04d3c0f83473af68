#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/memory/landing_pool.hpp>

namespace weft::sim {

/// Landings of which it is known at every moment who has them: one pool each. Kept from seed to seed, since mapping
/// memory costs more than a run. One thread owns it.
class LandingBank {
 public:
  struct Cell {
    std::unique_ptr<memory::LandingPool> pool;
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::size_t asked = 0;
    bool writable = false;    ///< between the core's asking and its outcome
    std::uint32_t owner = 0;  ///< the node that took it last
    /// Whether somebody holds the lease.
    bool leased() const;
  };
  static LandingBank& of_this_thread();

  /// Filled with poison.
  memory::Landing take(std::size_t bytes, std::uint32_t owner);
  /// The cell an address lies in, or null.
  Cell* find(const std::byte* address);
  std::size_t leased() const;
  /// Bytes asked for by that node and not handed back.
  std::size_t leased_bytes(std::uint32_t owner) const;

 private:
  std::map<const std::byte*, Cell> cells_;
};

/// The memory that callers bring: what may be written, and what was there when they got it back.
class CallerMemory {
 public:
  std::byte* add(std::size_t size);
  /// The caller has it back: from now on nobody writes it.
  void close(const std::byte* data);
  /// Whether the address lies in caller's memory; `open` whether it may still be written.
  bool find(const std::byte* address, bool& open) const;
  /// How many blocks changed after they were closed.
  std::size_t changed() const;

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
    std::optional<std::uint64_t> closed_as{};
  };
  std::map<const std::byte*, Block> blocks_;
};

}  // namespace weft::sim
