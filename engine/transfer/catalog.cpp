#include <weft/transfer/catalog.hpp>

#include <algorithm>

#include <weft/base/text.hpp>

namespace weft::transfer {
namespace {

struct ByName {
  bool operator()(const EntryRef& entry, std::string_view name) const { return entry->name < name; }
};

}  // namespace

std::size_t CatalogSnapshot::shard_of(std::string_view name) noexcept {
  return std::hash<std::string_view>{}(name) % kShards;
}

EntryRef CatalogSnapshot::find(std::string_view name) const {
  const auto& shard = by_name_[shard_of(name)];
  if (!shard) return nullptr;
  const auto at = std::lower_bound(shard->begin(), shard->end(), name, ByName{});
  return at != shard->end() && (*at)->name == name ? *at : nullptr;
}

EntryRef CatalogSnapshot::find(std::uint32_t index) const {
  const auto& shard = by_index_[index % kShards];
  const std::size_t place = index / kShards;
  return shard && place < shard->size() ? (*shard)[place] : nullptr;
}

std::vector<EntryRef> CatalogSnapshot::list(std::string_view pattern, std::string_view after, std::size_t limit,
                                            const std::function<bool(std::string_view)>& shown) const {
  std::vector<EntryRef> found;
  for (const auto& shard : by_name_) {
    if (!shard) continue;
    for (const EntryRef& entry : *shard)
      if (entry->name > after && glob_match(pattern, entry->name) && (!shown || shown(entry->name)))
        found.push_back(entry);
  }
  const auto in_order = [](const EntryRef& a, const EntryRef& b) { return a->name < b->name; };
  if (limit != 0 && found.size() > limit) {
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(limit), found.end(), in_order);
    found.resize(limit);
  } else {
    std::sort(found.begin(), found.end(), in_order);
  }
  return found;
}

std::vector<std::string> CatalogSnapshot::names(std::size_t limit) const {
  std::vector<std::string> all;
  for (const auto& shard : by_name_) {
    if (!shard) continue;
    for (const EntryRef& entry : *shard) {
      if (all.size() == limit) return all;
      all.push_back(entry->name);
    }
  }
  return all;
}

Catalog::Catalog() : current_(std::make_shared<CatalogSnapshot>()) {}

Generation Catalog::publish(std::vector<std::shared_ptr<Entry>> entries) {
  const std::lock_guard lock(mutex_);
  auto next = std::make_shared<CatalogSnapshot>(*current_);
  next->generation_ = Generation{++generation_};
  for (auto& entry : entries) put_locked(*next, std::move(entry));
  store_locked(next);
  return next->generation_;
}

void Catalog::put_locked(CatalogSnapshot& next, std::shared_ptr<Entry> entry) {
  const std::size_t where = CatalogSnapshot::shard_of(entry->name);
  auto shard = next.by_name_[where] ? std::make_shared<CatalogSnapshot::Shard>(*next.by_name_[where])
                                    : std::make_shared<CatalogSnapshot::Shard>();
  entry->generation = next.generation_;
  const auto at = std::lower_bound(shard->begin(), shard->end(), entry->name, ByName{});
  if (at != shard->end() && (*at)->name == entry->name) {
    entry->index = (*at)->index;
    next.bytes_ -= (*at)->bytes;
    *at = entry;
  } else {
    if (free_indices_.empty()) {
      entry->index = next_index_++;
    } else {
      entry->index = free_indices_.back();
      free_indices_.pop_back();
    }
    shard->insert(at, entry);
    ++next.size_;
  }
  next.bytes_ += entry->bytes;
  next.by_name_[where] = std::move(shard);
  const std::uint32_t index = entry->index;
  set_by_index(next, index, std::move(entry));
}

void Catalog::set_by_index(CatalogSnapshot& next, std::uint32_t index, EntryRef entry) {
  auto& old = next.by_index_[index % CatalogSnapshot::kShards];
  auto shard = old ? std::make_shared<CatalogSnapshot::Shard>(*old) : std::make_shared<CatalogSnapshot::Shard>();
  const std::size_t place = index / CatalogSnapshot::kShards;
  if (shard->size() <= place) shard->resize(place + 1);
  (*shard)[place] = std::move(entry);
  old = std::move(shard);
}

bool Catalog::erase_locked(CatalogSnapshot& next, std::string_view name, EntryRef* taken) {
  const std::size_t where = CatalogSnapshot::shard_of(name);
  if (!next.by_name_[where]) return false;
  const auto& old = *next.by_name_[where];
  const auto at = std::lower_bound(old.begin(), old.end(), name, ByName{});
  if (at == old.end() || (*at)->name != name) return false;
  *taken = *at;
  auto shard = std::make_shared<CatalogSnapshot::Shard>(old);
  shard->erase(shard->begin() + (at - old.begin()));
  next.by_name_[where] = std::move(shard);
  set_by_index(next, (*taken)->index, nullptr);
  free_indices_.push_back((*taken)->index);
  --next.size_;
  next.bytes_ -= (*taken)->bytes;
  return true;
}

std::vector<EntryRef> Catalog::remove(std::span<const std::string_view> names) {
  const std::lock_guard lock(mutex_);
  std::vector<EntryRef> removed;
  auto next = std::make_shared<CatalogSnapshot>(*current_);
  for (const std::string_view name : names) {
    EntryRef taken;
    if (erase_locked(*next, name, &taken)) removed.push_back(std::move(taken));
  }
  if (removed.empty()) return removed;
  next->generation_ = Generation{++generation_};
  store_locked(std::move(next));
  return removed;
}

bool Catalog::remove_entry(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  if (const EntryRef now = current_->find(entry.name); now.get() != &entry) return false;
  auto next = std::make_shared<CatalogSnapshot>(*current_);
  EntryRef taken;
  erase_locked(*next, entry.name, &taken);
  next->generation_ = Generation{++generation_};
  store_locked(std::move(next));
  return true;
}

Generation Catalog::draw() {
  const std::lock_guard lock(mutex_);
  return Generation{++generation_};
}

std::shared_ptr<const CatalogSnapshot> Catalog::snapshot() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void Catalog::store_locked(std::shared_ptr<const CatalogSnapshot> next) {
  current_ = std::move(next);
  // Pairs with the acquire in Reader::current: who sees the new version takes the lock and finds the new pointer.
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const CatalogSnapshot> Catalog::Reader::refresh() {
  auto before = cached_;
  return current() == before ? nullptr : before;
}

const std::shared_ptr<const CatalogSnapshot>& Catalog::Reader::current() {
  // Pairs with the release in store_locked.
  const std::uint64_t now = catalog_->version_.load(std::memory_order_acquire);
  if (now != version_) {
    cached_ = catalog_->snapshot();
    version_ = now;
  }
  return cached_;
}

}  // namespace weft::transfer
