#include <weft/memory/landing_pool.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/memory/landing_core.hpp>

namespace weft::memory {

using detail::LandingBlock;
using detail::LandingCore;
using detail::LandingSlab;

std::byte* Landing::data() const noexcept { return block_ == nullptr ? nullptr : block_->data; }

void Landing::reset() noexcept {
  if (block_ != nullptr) core_->give_back(std::exchange(block_, nullptr));
  core_.reset();
  size_ = 0;
}

LandingPool::LandingPool(Options options) : options_(options), core_(std::make_shared<LandingCore>()) {}

LandingPool::~LandingPool() {
  core_->collect();
  while (core_->evict().size() > 0) {  // what is leased goes with its last lease
  }
}

std::uint64_t LandingPool::live_bytes() const noexcept { return core_->live_bytes(); }
std::uint64_t LandingPool::idle_bytes() const noexcept { return core_->idle_bytes(); }

std::optional<Landing> LandingPool::take(std::size_t bytes) {
  core_->collect();
  const auto size_class = LandingCore::class_of(bytes);
  LandingBlock* block = size_class ? core_->take(*size_class) : nullptr;
  if (core_->idle_bytes() > options_.warm_bytes) collect();
  if (block != nullptr) return Landing{core_, block, bytes};
  if (size_class) give_up_for(LandingCore::slab_bytes(*size_class));
  return std::nullopt;
}

void LandingPool::give_up_for(std::uint64_t bytes) {
  while (core_->live_bytes() + bytes > options_.max_bytes) {
    Buffer memory = core_->evict();
    if (memory.size() == 0) return;
    excess_.push_back(std::move(memory));
  }
}

void LandingPool::collect() {
  core_->collect();
  while (core_->idle_bytes() > options_.warm_bytes) {
    Buffer memory = core_->evict();
    if (memory.size() == 0) return;  // every slab is partly leased
    excess_.push_back(std::move(memory));
  }
}

std::vector<Buffer> LandingPool::drain_excess() { return std::exchange(excess_, {}); }

Result<Landing> LandingPool::grow(std::size_t bytes) {
  const auto size_class = LandingCore::class_of(bytes);
  if (!size_class) return fail(ErrorClass::kInvalidArgument, "landing", "a landing of no bytes, or of too many");
  const std::size_t total = LandingCore::slab_bytes(*size_class);
  if (!core_->reserve(total, options_.max_bytes)) {
    return fail(Error{ErrorClass::kResourceExhausted, "landing",
                      fmt::format("{} more would pass the limit of {} ({} are in use)", human_bytes(total),
                                  human_bytes(options_.max_bytes), human_bytes(core_->live_bytes()))}
                    .with_hint("drop tensors that are no longer needed, or raise memory_bytes"));
  }
  auto memory = Buffer::allocate(total);
  auto populated = memory ? memory->populate() : Result<void>{};
  if (!memory || !populated) {
    core_->unreserve(total);
    return fail(memory ? std::move(populated).error() : std::move(memory).error());
  }
  auto slab = std::make_unique<LandingSlab>();
  slab->memory = std::move(*memory);
  slab->size_class = *size_class;
  const std::size_t block_bytes = LandingCore::class_bytes(*size_class);
  slab->blocks.resize(total / block_bytes);
  for (std::size_t i = 0; i < slab->blocks.size(); ++i) {
    slab->blocks[i].data = slab->memory.data() + i * block_bytes;
    slab->blocks[i].size = block_bytes;
    slab->blocks[i].slab = slab.get();
  }
  LandingBlock* first = &slab->blocks.front();
  core_->hand_over(std::move(slab));
  return Landing{core_, first, bytes};
}

}  // namespace weft::memory
