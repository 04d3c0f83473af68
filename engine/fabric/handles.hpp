#pragma once

#include <array>
#include <memory>

#include <weft/base/unique_handle.hpp>

struct fi_info;
struct fid;
struct fid_fabric;
struct fid_domain;
struct fid_mr;
struct fid_ep;
struct fid_pep;
struct fid_cq;
struct fid_eq;
struct fid_wait;
struct fid_av;

namespace weft::fabric {

/// Closes any libfabric object with fi_close. Instantiated for each of the types above.
template <class Fid>
struct FidTraits {
  using Handle = Fid*;
  static Handle none() noexcept { return nullptr; }
  static void close(Handle handle) noexcept;
};

/// A libfabric object and what it was opened from or bound to, which therefore outlives it: closing a parent first
/// (EBUSY, or worse) cannot be written. Shared by the children; the last of them closes it.
template <class Fid>
struct Owned {
  std::array<std::shared_ptr<const void>, 4> keeps{};  // declared first: released after the handle is closed
  UniqueHandle<FidTraits<Fid>> handle;
};
template <class Fid>
using SharedFid = std::shared_ptr<Owned<Fid>>;

}  // namespace weft::fabric
