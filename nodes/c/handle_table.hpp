#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <vector>

#include <weft/nodes/c/fault.hpp>

namespace weft::c {

/// What a handle stands for. `close` is called once, when the handle is destroyed, by whoever does it and with no lock
/// held; calls of other threads may still be inside the object, which goes when the last of them has left.
class Object {
 public:
  virtual ~Object() = default;
  virtual void close() noexcept {}
};

/// The process's handles. A handle is a number in a pointer's clothes, a slot and the generation of its use, and is
/// never followed: whatever a caller passes is looked up and found or not. There is one table, because a stale handle
/// must be told from a live one without knowing whose it was. Any thread.
class HandleTable {
 public:
  static HandleTable& instance();

  /// Gives an object a handle below a parent's, or below none. NO_MEMORY: 2^20 are in use.
  Outcome<void*> add(std::shared_ptr<Object> object, const void* parent = nullptr);
  /// The object of a live handle of that type, else INVALID_ARG.
  template <class T>
  Outcome<std::shared_ptr<T>> find(const void* handle) const {
    if (auto typed = std::dynamic_pointer_cast<T>(look_up(handle))) return typed;
    return bad_handle(T::kNoun);
  }
  /// Ends a handle of that type and all below it, children first.
  template <class T>
  Outcome<void> destroy(const void* handle) {
    return destroy_if(handle, T::kNoun, [](Object* object) { return dynamic_cast<T*>(object) != nullptr; });
  }
  /// Whether `child` was made below `parent`. Both live.
  bool is_child(const void* child, const void* parent) const;

 private:
  struct Entry {
    std::shared_ptr<Object> object{};
    std::uint64_t generation = 1;
    const void* parent = nullptr;
    std::vector<const void*> children{};
  };
  static constexpr unsigned kSlotBits = 20;

  static std::unexpected<Fault> bad_handle(const char* noun);
  static void* handle_of(std::size_t slot, std::uint64_t generation) noexcept;
  const Entry* entry_of(const void* handle) const noexcept;
  std::shared_ptr<Object> look_up(const void* handle) const;
  Outcome<void> destroy_if(const void* handle, const char* noun, bool (*is)(Object*));
  void take_out(const void* handle, std::vector<std::shared_ptr<Object>>& out);

  mutable std::shared_mutex mutex_;
  std::vector<Entry> entries_;
  std::vector<std::size_t> free_;
};

/// The C type of a handle that was just added.
template <class Handle>
Outcome<void> give(Outcome<void*> added, Handle* out) {
  if (!added) return std::unexpected(std::move(added).error());
  *out = static_cast<Handle>(*added);
  return {};
}

}  // namespace weft::c
