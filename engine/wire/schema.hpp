// Cap'n Proto and the types it generated. Everything of ours includes them by this name.
#pragma once

#include <capnp/common.h>
#include <kj/string.h>

// Cap'n Proto 0.9 leans on C++20's reversed operator==, which a declared operator!= has ruled out since (P2468, in
// clang). Declared before its other headers, these stand in for it.
#if CAPNP_VERSION < 1000000
namespace kj {
inline bool operator==(const char* left, const StringPtr& right) { return right == StringPtr(left); }
inline bool operator!=(const char* left, const StringPtr& right) { return !(right == StringPtr(left)); }
}  // namespace kj
#endif

#include <capnp/message.h>
#include <message.capnp.h>
