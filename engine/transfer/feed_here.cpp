#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/transfer/core_impl.hpp>

/// An initiator of this node at a ring of this node: grains are copied from their parts into the slots. Nothing
/// travels; shares, order, slots that are waited for, deadlines and ends are those of every feed.
namespace weft::transfer {
namespace {

constexpr std::uint64_t kCopiedAtOnce = 1024 * 1024;  // then the loop looks at the others

/// The next bytes of a grain, at most so many. They may lie in the slot already.
void copy_some(GrainFeed& f, const GrainSend& send, std::byte* slot, std::uint64_t most) {
  for_each_part(f, send, f.offset, most, [&](const lane::Gather& part, std::uint64_t skip, std::uint64_t length) {
    std::memmove(slot + f.offset, part.data + skip, length);
    f.offset += length;
    return true;
  });
}

}  // namespace

void Core::Impl::join_here(Transfer& t, TimePoint now) {
  GrainFeed& f = *t.feed;
  const auto place =
      free_share({.token = f.token, .grains = f.grains, .slices = f.slices, .grain_bytes = f.grain_bytes});
  if (!place) return fail(t, place.error(), now);
  GrainRing& ring = *place->ring;
  RingShare& share = ring.shares[place->share];
  t.ring = ring.key;
  t.share = place->share;
  t.used = Lane::kLocal;
  t.phase = Phase::kMoving;
  f.here = f.up = true;
  f.by_index = ring.by_index();
  f.places.resize(share.count);
  f.headers.resize(1);
  share.begin(t.key);
  grain_events_.push(InitiatorJoined{.ring = ring.key, .peer = t.peer});
  grain_events_.push(FeedUp{.feed = t.key});
}

void Core::Impl::want_copy(Transfer& t) {
  if (!std::exchange(t.feed->copying, true)) copying_.push(t.key);
}

/// Each of those that have something to copy, once.
void Core::Impl::copy_grains(TimePoint now) {
  for (std::size_t left = copying_.size(); left != 0; --left) {
    Transfer* t = transfers_.find(copying_.pop());
    if (t == nullptr) continue;
    t->feed->copying = false;
    write_here(*t, now);
  }
}

/// What was sent and has a slot, until that is all, or enough for one turn.
void Core::Impl::write_here(Transfer& t, TimePoint now) {
  GrainFeed& f = *t.feed;
  GrainRing* ring = rings_.find(t.ring);
  if (ring == nullptr || t.source.ending) return;
  RingShare& share = ring->shares[t.share];
  std::uint64_t left = kCopiedAtOnce;
  while (!f.sends.empty()) {
    GrainSend& send = f.sends.front();
    if (!may_go(t, send)) {
      drop_send(f);
      continue;
    }
    f.granted = share.granted;
    if (!place(f, send)) break;
    const std::uint32_t slot = share.first + static_cast<std::uint32_t>(send.ordinal % share.count);
    const std::uint64_t before = f.offset;
    copy_some(f, send, ring->slots[slot].data() + send.begin, left);
    left -= f.offset - before;
    if (f.offset < send.bytes) {
      want_copy(t);
      break;
    }
    f.offset = 0;
    ++f.arrived;
    take_arrival(*ring, share,
                 {.ordinal = send.ordinal,
                  .send = send.number,
                  .index = send.index,
                  .bytes = send.begin + send.bytes,
                  .valid_slices = send.valid_slices,
                  .flags = send.flags},
                 t.peer);
    grain_events_.push(GrainEnded{.feed = t.key, .cookie = send.cookie, .index = send.index, .error = {}});
    drop_send(f);
  }
  maybe_left(t, now);
}

}  // namespace weft::transfer
