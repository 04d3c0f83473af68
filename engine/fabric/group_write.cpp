#include <weft/fabric/group_write.hpp>

#include <algorithm>

#include <weft/fabric/endpoint.hpp>

namespace weft::fabric {
namespace {

template <class Ranges>
std::optional<std::uint64_t> sum_of(const Ranges& ranges) noexcept {
  std::uint64_t sum = 0;
  for (const auto& range : ranges) {
    const auto next = checked_add<std::uint64_t>(sum, range.len);
    if (!next) return std::nullopt;
    sum = *next;
  }
  return sum;
}

}  // namespace

struct GroupWrite::Step {
  std::array<LocalRegion, kMaxRanges> local;
  std::array<RemoteRegion, kMaxRanges> remote;
  std::size_t locals = 0;
  std::size_t remotes = 0;
  Place from;  // where the next one begins
  Place to;
  bool last = false;
};

Result<void> GroupWrite::check(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote) {
  const auto bytes = sum_of(local);
  const auto room = sum_of(remote);
  if (remote.empty() || !bytes || !room || *bytes > *room)
    return fail(ErrorClass::kInvalidArgument, "write", "the remote ranges are smaller than the local ones");
  return {};
}

Result<GroupWrite> GroupWrite::of(std::span<const LocalRegion> local, std::span<const RemoteRegion> remote,
                                  const WriteOptions& options) {
  WEFT_TRY(check(local, remote));
  return GroupWrite{local, remote, options};
}

Result<GroupWrite> GroupWrite::of(std::span<const LocalRegion> local, const RemoteRegion& remote,
                                  const WriteOptions& options) {
  WEFT_TRY(check(local, {&remote, 1}));
  GroupWrite write{local, {}, options};
  write.one_ = remote;
  return write;
}

GroupWrite::Step GroupWrite::next_step(const WriteLimits& limits) const noexcept {
  Step step;
  step.from = from_;
  step.to = to_;
  std::uint64_t bytes = 0;
  const auto remote = this->remote();
  bool new_local = true;  // the place is at the start of a range of this step
  bool new_remote = true;
  while (true) {
    while (step.from.index < local_.size() && step.from.offset == local_[step.from.index].len) {
      step.from = {step.from.index + 1, 0};
      new_local = true;
    }
    step.last = step.from.index == local_.size();
    if (step.last) break;
    while (step.to.offset == remote[step.to.index].len) {
      step.to = {step.to.index + 1, 0};
      new_remote = true;
    }
    const LocalRegion& source = local_[step.from.index];
    const RemoteRegion& target = remote[step.to.index];
    const std::uint64_t take =
        std::min({source.len - step.from.offset, target.len - step.to.offset, limits.max_bytes - bytes});
    if (take == 0 || (new_local && step.locals == limits.gather) || (new_remote && step.remotes == limits.scatter))
      break;
    if (new_local) step.local[step.locals++] = {source.addr + step.from.offset, 0, source.desc};
    if (new_remote) step.remote[step.remotes++] = {target.addr + step.to.offset, 0, target.rkey};
    new_local = new_remote = false;
    step.local[step.locals - 1].len += take;
    step.remote[step.remotes - 1].len += take;
    step.from.offset += take;
    step.to.offset += take;
    bytes += take;
  }
  // Nothing to move, and yet something to tell.
  if (step.remotes == 0) step.remote[step.remotes++] = {remote.front().addr, 0, remote.front().rkey};
  return step;
}

Result<PostResult> GroupWrite::post(Endpoint& endpoint) {
  const WriteLimits& limits = endpoint.limits();
  while (!posted_) {
    const Step step = next_step(limits);
    const bool split = operations_ > 0 || !step.last;
    const bool must_fence = split && options_.immediate && !limits.ordered;
    if (must_fence && !limits.can_fence)
      return fail(ErrorClass::kUnsupported, "write",
                  "this provider neither orders nor fences writes: wait for the parts, then write the immediate");
    WriteOptions options = options_;
    if (!step.last) options.immediate.reset();
    options.delivered = options.delivered || (must_fence && !step.last);
    options.fence = (options.fence && operations_ == 0) || (must_fence && step.last);
    WEFT_LET(const PostResult result, endpoint.write(std::span{step.local.data(), step.locals},
                                                     std::span{step.remote.data(), step.remotes}, options));
    if (result == PostResult::kAgain) return result;
    ++operations_;
    from_ = step.from;
    to_ = step.to;
    posted_ = step.last;
  }
  return PostResult::kPosted;
}

}  // namespace weft::fabric
