#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <weft/lane/fake_network.hpp>
#include <weft/transfer/entry.hpp>

namespace weft::sim {

/// Random bytes that every tensor's content is a window of, so that making a tensor costs nothing. The same for every
/// seed; immutable, any thread may read it.
class BytePool {
 public:
  static constexpr std::size_t kBytes = 24 * 1024 * 1024;
  static const BytePool& shared();
  const std::byte* at(std::uint64_t offset) const noexcept { return bytes_.data() + offset; }

 private:
  BytePool();
  std::vector<std::byte> bytes_;
};

/// How a tensor of a scenario lies at its producer.
enum class Home { kMemory, kFile, kLent };

/// What a name stands for throughout a run: only the bytes change with the generation.
struct TensorKind {
  std::string name{};
  TensorMeta meta{};         ///< as it lies, strides included
  std::uint64_t bytes = 0;   ///< dense
  std::uint64_t extent = 0;  ///< bytes of memory it reaches over
  Home home = Home::kMemory;
};
/// A kind drawn at random; `size_class` 0 … 5 from empty to some MiB.
TensorKind random_kind(std::string name, int size_class, lane::FakeRandom& random);

/// Memory on loan: overwritten when the last user lets go, so that a later read is seen.
class Loan {
 public:
  Loan(const std::byte* from, std::size_t size) : bytes_(from, from + size) {}
  std::byte* data() noexcept { return bytes_.data(); }
  void end() noexcept;

 private:
  std::vector<std::byte> bytes_;
};

/// One generation of a tensor: where its true bytes are.
struct Content {
  TensorKind kind{};
  std::uint64_t offset = 0;  ///< in the pool
  const std::byte* data() const noexcept { return BytePool::shared().at(offset); }
};
Content random_content(const TensorKind& kind, lane::FakeRandom& random);
/// An entry that serves it. `loans` keeps the memory of loans, past their end too.
std::shared_ptr<transfer::Entry> entry_of(const Content& content, std::vector<std::shared_ptr<Loan>>& loans);
/// The bytes behind an entry's file.
const std::byte* file_bytes(const transfer::FileSource& file);

}  // namespace weft::sim
