#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace weft::fabric::test {

/// One function table of one of libfabric's objects: the provider's, and ours in its place.
template <class Table>
struct FunctionTable {
  Table* real = nullptr;
  Table own{};

  template <class Set>
  void in(Table*& slot, Set&& set) {
    if (slot == nullptr || slot == &own) return;
    real = slot;
    const std::size_t size = std::min(sizeof own, real->size);
    std::memcpy(&own, real, size);
    own.size = size;
    set(own);
    slot = &own;
  }
  void out(Table*& slot) const {
    if (slot == &own) slot = real;
  }
};

}  // namespace weft::fabric::test
