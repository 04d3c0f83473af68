#include <weft/nodes/c/handle_table.hpp>

#include <algorithm>
#include <mutex>
#include <string>

namespace weft::c {

static_assert(sizeof(void*) == 8, "a handle is a slot of 20 bits and a generation of 44");

HandleTable& HandleTable::instance() {
  // Never destroyed: threads and exit handlers of the process may still call in while it ends.
  static auto& table = *new HandleTable;
  return table;
}

void* HandleTable::handle_of(std::size_t slot, std::uint64_t generation) noexcept {
  return reinterpret_cast<void*>(generation << kSlotBits | slot);  // NOLINT(performance-no-int-to-ptr)
}

const HandleTable::Entry* HandleTable::entry_of(const void* handle) const noexcept {
  const auto value = reinterpret_cast<std::uintptr_t>(handle);
  const std::size_t slot = value & ((std::size_t{1} << kSlotBits) - 1);
  if (slot >= entries_.size() || entries_[slot].generation != value >> kSlotBits) return nullptr;
  return entries_[slot].object ? &entries_[slot] : nullptr;
}

std::unexpected<Fault> HandleTable::bad_handle(const char* noun) {
  return bad_argument(std::string("the handle is no ") + noun + ", or is destroyed already");
}

std::shared_ptr<Object> HandleTable::look_up(const void* handle) const {
  const std::shared_lock lock(mutex_);
  const Entry* const entry = entry_of(handle);
  return entry != nullptr ? entry->object : nullptr;
}

Outcome<void*> HandleTable::add(std::shared_ptr<Object> object, const void* parent) {
  const std::unique_lock lock(mutex_);
  auto* const above = const_cast<Entry*>(entry_of(parent));  // of this very table
  if (parent != nullptr && above == nullptr) return bad_handle("parent that lives");
  if (free_.empty() && entries_.size() == std::size_t{1} << kSlotBits)
    return refuse(WEFT_ERR_NO_MEMORY, "2^20 handles are in use");
  const std::size_t parent_slot = above != nullptr ? static_cast<std::size_t>(above - entries_.data()) : 0;
  if (free_.empty()) {
    entries_.emplace_back();
    free_.reserve(entries_.capacity());  // so that destroying never allocates
    free_.push_back(entries_.size() - 1);
  }
  const std::size_t slot = free_.back();
  void* const handle = handle_of(slot, entries_[slot].generation);
  if (parent != nullptr) entries_[parent_slot].children.push_back(handle);
  free_.pop_back();
  entries_[slot].object = std::move(object);
  entries_[slot].parent = parent;
  return handle;
}

bool HandleTable::is_child(const void* child, const void* parent) const {
  const std::shared_lock lock(mutex_);
  const Entry* const entry = entry_of(child);
  return entry != nullptr && entry->parent == parent;
}

Outcome<void> HandleTable::destroy_if(const void* handle, const char* noun, bool (*is)(Object*)) {
  std::vector<std::shared_ptr<Object>> gone;
  {
    const std::unique_lock lock(mutex_);
    const Entry* const entry = entry_of(handle);
    if (entry == nullptr || !is(entry->object.get())) return bad_handle(noun);
    if (auto* const above = const_cast<Entry*>(entry_of(entry->parent))) std::erase(above->children, handle);
    take_out(handle, gone);
  }
  for (auto& object : gone) {
    object->close();
    object.reset();
  }
  return {};
}

void HandleTable::take_out(const void* handle, std::vector<std::shared_ptr<Object>>& out) {
  const Entry* const found = entry_of(handle);
  if (found == nullptr) return;
  Entry& entry = entries_[static_cast<std::size_t>(found - entries_.data())];
  for (const void* const child : std::exchange(entry.children, {})) take_out(child, out);
  out.push_back(std::move(entry.object));
  entry.object.reset();
  entry.parent = nullptr;
  ++entry.generation;
  free_.push_back(static_cast<std::size_t>(found - entries_.data()));
}

}  // namespace weft::c
