#pragma once

#include <array>
#include <span>

#include <weft/fabric/local_region_group.hpp>
#include <weft/fabric/remote_region_group.hpp>
#include <weft/fabric/write_options.hpp>

namespace weft::fabric {

class Endpoint;

/// One logical write of any number of ranges, posted as as many operations as the provider's limits make of it, the
/// immediate on the last. Borrows the ranges until is_posted. Belongs to its endpoint's thread.
/// Invariant: what was posted is never posted again, so that it may be retried after a full queue without a duplicate.
class GroupWrite {
 public:
  /// Local ranges fill the remote ones from the front. InvalidArgument when they are larger than those, or when there
  /// is no remote range at all. Allocates nothing.
  static Result<GroupWrite> of(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote,
                               const WriteOptions& options = {});
  static Result<GroupWrite> of(std::span<const LocalRegion> local, const RemoteRegion& remote,
                               const WriteOptions& options = {});

  /// Posts what fits. kAgain: read completions, then call it again; kPosted: all of it is posted. Where the provider
  /// keeps no order, a notification of several operations is fenced; Unsupported, with nothing posted, without fences.
  Result<PostResult> post(Endpoint& endpoint);
  bool is_posted() const noexcept { return posted_; }
  /// Operations so far. Each ends in one completion, all with the same context.
  std::size_t operations() const noexcept { return operations_; }

 private:
  /// A place in a list of ranges.
  struct Place {
    std::size_t index = 0;
    std::uint64_t offset = 0;  ///< bytes into the range at index
  };
  struct Step;  // one operation

  GroupWrite(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote, const WriteOptions& options)
      : local_(local), many_(remote), options_(options) {}
  std::span<const RemoteRegion> remote() const noexcept { return one_ ? std::span{&*one_, 1} : many_; }
  Step next_step(const WriteLimits& limits) const noexcept;
  static Result<void> check(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote);

  std::span<const LocalRegion> local_;
  std::span<const RemoteRegion> many_;
  std::optional<RemoteRegion> one_;
  WriteOptions options_;
  Place from_;
  Place to_;
  std::size_t operations_ = 0;
  bool posted_ = false;
};

}  // namespace weft::fabric
