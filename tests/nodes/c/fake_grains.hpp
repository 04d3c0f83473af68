#pragma once

#include <atomic>

/// An engine of grains inside one process, for the tests of the C functions where the real one is not built: rings are
/// found by their names, and a send is a copy. It keeps the contract of nodes/grains.hpp; it is no part of the library.
namespace weft::test {

/// What the next sends find: a link that is still connecting, or a result that is this failure.
struct FakeGrains {
  std::atomic<bool> connecting = false;
  std::atomic<bool> lose = false;
};
FakeGrains& fake_grains();

}  // namespace weft::test
