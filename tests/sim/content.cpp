#include <tests/sim/content.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace weft::sim {
namespace {

constexpr std::array kDTypesUsed{DType::kU8,  DType::kF32, DType::kBF16, DType::kI64,
                                 DType::kF16, DType::kI4,  DType::kBool};

}  // namespace

BytePool::BytePool() : bytes_(kBytes) {
  lane::FakeRandom random(0x5eed);
  for (std::size_t i = 0; i < kBytes; i += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(bytes_.data() + i, &word, 8);
  }
}

const BytePool& BytePool::shared() {
  static const BytePool pool;
  return pool;
}

TensorKind random_kind(std::string name, int size_class, lane::FakeRandom& random) {
  TensorKind kind{.name = std::move(name)};
  const auto between = [&](std::uint64_t low, std::uint64_t high) { return low + random.below(high - low + 1); };
  std::uint64_t wanted = 0;
  switch (size_class) {
    case 0:
      break;
    case 1:
      wanted = between(1, 8 * 1024);
      break;
    case 2:
      wanted = between(8 * 1024, 100 * 1024);
      break;
    case 3:
      wanted = 256 * 1024 + (random.below(3) - 1) * between(0, 64);
      break;
    case 4:
      wanted = between(100 * 1024, 800 * 1024);
      break;
    default:
      wanted = between(800 * 1024, 2500 * 1024);
      break;
  }
  kind.meta.dtype = kDTypesUsed[random.below(kDTypesUsed.size())];
  if (random.chance(0.1)) {
    kind.meta.dtype = DType::kOpaque;
    kind.meta.opaque_type = "sim";
  }
  const std::uint64_t elements = std::max<std::uint64_t>(wanted * 8 / bits(kind.meta.dtype), wanted != 0 ? 1 : 0);
  const std::uint64_t rows = elements < 4 ? 1 : between(1, std::min<std::uint64_t>(elements / 2, 64));
  const auto columns = static_cast<std::int64_t>(elements / rows / 2 * 2);  // even: 4-bit rows end on a byte
  kind.meta.shape = columns == 0 ? Shape{static_cast<std::int64_t>(elements & ~std::uint64_t{1})}
                                 : Shape{static_cast<std::int64_t>(rows), columns};
  kind.bytes = kind.meta.byte_size().value();
  const std::uint64_t where = random.below(10);
  kind.home = where < 6 ? Home::kMemory : where < 8 ? Home::kFile : Home::kLent;
  if (kind.home != Home::kFile && columns != 0 && random.chance(0.3)) {
    const auto padding = static_cast<std::int64_t>(2 * between(1, 8));
    kind.meta.strides = Strides{columns + padding, 1};
  }
  kind.extent = kind.meta.extent_bytes().value();
  return kind;
}

void Loan::end() noexcept { std::fill(bytes_.begin(), bytes_.end(), std::byte{0xDD}); }

Content random_content(const TensorKind& kind, lane::FakeRandom& random) {
  return {.kind = kind, .offset = 64 * random.below((BytePool::kBytes - kind.extent - 4096) / 64)};
}

std::shared_ptr<transfer::Entry> entry_of(const Content& content, std::vector<std::shared_ptr<Loan>>& loans) {
  auto entry = std::make_shared<transfer::Entry>();
  entry->name = content.kind.name;
  entry->meta = content.kind.meta;
  entry->whole = Selection::whole(entry->meta).value();
  entry->bytes = content.kind.bytes;
  switch (content.kind.home) {
    case Home::kMemory:
      entry->data = content.data();
      break;
    case Home::kFile:
      entry->file = std::make_shared<transfer::FileSource>();
      entry->file->path = std::to_string(content.offset);
      break;
    case Home::kLent: {
      auto loan = std::make_shared<Loan>(content.data(), content.kind.extent);
      loans.push_back(loan);
      entry->data = content.kind.extent == 0 ? content.data() : loan->data();
      entry->keep_alive = std::shared_ptr<const void>(loan.get(), [loan](const void*) { loan->end(); });
      break;
    }
  }
  return entry;
}

const std::byte* file_bytes(const transfer::FileSource& file) { return BytePool::shared().at(std::stoull(file.path)); }

}  // namespace weft::sim
