#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/transfer/core_impl.hpp>
#include <weft/wire/digest.hpp>

/// The initiator of grains, at its rail: each grain placed in the ring and written there.
namespace weft::transfer {
namespace {

constexpr std::uint64_t kMostAttached = 1ull << 30;

/// Whether what was sent of this grain before ends where this begins.
bool continues(const GrainFeed& f, const GrainSend& send) {
  return send.first_slice == (f.part_open && f.part_index == send.index ? f.part_slices : 0);
}

void copy_parts(GrainFeed& f, const GrainSend& send, std::byte* into) {
  for_each_part(f, send, 0, send.bytes, [&](const lane::Gather& part, std::uint64_t, std::uint64_t length) {
    std::memcpy(into, part.data, length);
    into += length;
    return true;
  });
}

}  // namespace

/// Whether the send is still to go. One that does not continue what went before it is told to have failed.
bool Core::Impl::may_go(Transfer& t, GrainSend& send) {
  if (send.over) return false;
  if (send.placed || continues(*t.feed, send)) return true;
  send.over = true;
  grain_events_.push(GrainEnded{
      .feed = t.key,
      .cookie = send.cookie,
      .index = send.index,
      .error = Error(ErrorClass::kInvalidArgument, "grains", "the slices before these are not there")
                   .with_hint("send a grain's slices in order, and anew from the first after one has failed")});
  return false;
}

/// Gives the next send its place in the ring. False: its slot is not free yet.
bool Core::Impl::place(GrainFeed& f, GrainSend& send) {
  if (send.placed) return true;
  if (f.posted >= f.headers.size()) return false;
  if (f.part_open && f.part_index == send.index) {
    send.ordinal = f.part_ordinal;
  } else {
    // A grain of which no more slices come is written over, once what came of it has been told to its reader.
    if (f.part_open && f.arrived != f.sent) return false;
    std::uint64_t ordinal = f.part_open ? f.part_ordinal : f.next;
    if (f.by_index)
      ordinal += (send.index % f.places.size() + f.places.size() - ordinal % f.places.size()) % f.places.size();
    if (ordinal >= f.granted) return false;
    send.ordinal = ordinal;
    f.next = ordinal + 1;
  }
  f.part_open = (send.flags & GrainHeader::kComplete) == 0;
  f.part_index = send.index;
  f.part_ordinal = send.ordinal;
  f.part_slices = send.valid_slices;
  send.number = f.sent++;
  send.placed = true;
  return true;
}

/// Passes over sends that are told already, or have to be told that they cannot go. False: that leaves none to post,
/// and the feed may be over.
bool Core::Impl::pass_over(Transfer& t, TimePoint now) {
  GrainFeed& f = *t.feed;
  while (f.posted < f.sends.size()) {
    if (may_go(t, f.sends.at(f.posted))) return true;
    ++f.posted;
  }
  // With nothing else out no arrival would come to take them away.
  end_arrived(t);
  maybe_left(t, now);
  return false;
}

/// The next write of the grain at hand: a stretch of its bytes, the header behind the last of them.
bool Core::Impl::build_grain(Session& s, Rail& r, Transfer& t, TimePoint now) {
  GrainFeed& f = *t.feed;
  Source& src = t.source;
  if (!src.round_open || src.ending || f.rail < 0) return false;
  SourceRail& sr = src.rails[static_cast<std::size_t>(f.rail)];
  if (sr.gone || sr.rail != r.number || (f.move && f.offset == 0) || !pass_over(t, now)) return false;
  GrainSend& send = f.sends.at(f.posted);
  if (!place(f, send)) return false;
  const bool copies = r.traits.gathers_attached;
  if (copies && !attach_feed(s, r, f, now)) return false;

  const std::size_t max_gather = std::min<std::size_t>(r.traits.gather, pending_.gather.size());
  const std::size_t max_scatter = std::min<std::size_t>(r.traits.scatter, pending_.remote.size());
  const auto position = static_cast<std::size_t>(send.ordinal % f.places.size());
  const wire::Place& where = f.places[position];
  std::size_t gathers = 0;
  std::uint64_t bytes = 0;
  if (copies && send.bytes > f.offset) {
    std::byte* memory = f.attached.data() + position * f.grain_bytes + send.begin;
    if (!std::exchange(send.copied, true)) copy_parts(f, send, memory);
    bytes = std::min(send.bytes - f.offset, r.traits.piece_bytes);
    pending_.gather[gathers++] = {.data = memory + f.offset,
                                  .size = bytes,
                                  .descriptor = attachments_.find(f.attached_key)->attachment->descriptor()};
  }
  const auto gather = [&](const lane::Gather& part, std::uint64_t skip, std::uint64_t length) {
    pending_.gather[gathers++] = {.data = part.data + skip, .size = length, .descriptor = part.descriptor};
    bytes += length;
    return gathers < max_gather;
  };
  if (!copies) for_each_part(f, send, f.offset, r.traits.piece_bytes, gather);
  std::size_t scatters = 0;
  if (bytes != 0) {
    const wire::RegionKey& region = f.regions[where.region];
    pending_.remote[scatters++] = {
        .key = region.key, .offset = region.base + where.offset + send.begin + f.offset, .length = bytes};
  }
  const bool last = f.offset + bytes == send.bytes && gathers < max_gather && scatters < max_scatter;
  if (last) {
    const bool asks = f.posted + 1 == f.sends.size() || (send.flags & GrainHeader::kComplete) == 0;
    GrainHeader& header = f.headers[static_cast<std::size_t>(send.number % f.headers.size())];
    header = {.ordinal = send.ordinal,
              .send = send.number,
              .index = send.index,
              .bytes = send.begin + send.bytes,
              .valid_slices = send.valid_slices,
              .flags = send.flags | (asks ? GrainHeader::kAskCredit : 0)};
    header.check = wire::leaf_of(std::as_bytes(std::span(&header, 1)).first(offsetof(GrainHeader, check)));
    pending_.gather[gathers++] = {
        .data = reinterpret_cast<const std::byte*>(&header),
        .size = sizeof header,
        .descriptor = copies ? attachments_.find(f.headers_key)->attachment->descriptor() : nullptr};
    pending_.remote[scatters++] = {
        .key = f.regions[0].key, .offset = f.regions[0].base + position * sizeof header, .length = sizeof header};
  }
  if (!spare_post_) spare_post_ = posts_.take();
  pending_.transfer = t.key;
  pending_.source_rail = static_cast<std::size_t>(f.rail);
  pending_.next_offset = f.offset + bytes;
  pending_.bytes = bytes + (last ? sizeof(GrainHeader) : 0);
  pending_.last_of_piece = last;
  pending_.post = Post{
      .is_message = false,
      .gather = std::span(pending_.gather.data(), gathers),
      .remote = std::span(pending_.remote.data(), scatters),
      .immediate = last ? std::optional(Slots::immediate(sr.slot, static_cast<std::uint32_t>(position))) : std::nullopt,
      .token = spare_post_.value};
  return true;
}

/// Memory of the feed's own, registered with the rail's lane: what is sent over it is copied there first. False: it is
/// not registered yet, or cannot be, and then the session goes on without that lane.
bool Core::Impl::attach_feed(Session& s, Rail& r, GrainFeed& f, TimePoint now) {
  if (f.attached_lane != r.lane) {
    let_go_feed(f);
    if (f.grain_bytes > kMostAttached / f.places.size()) {
      give_up_lane(
          s, r.lane,
          Error(ErrorClass::kResourceExhausted, "grains", "the ring is larger than what is copied for this lane"), now);
      return false;
    }
    f.attached.resize(f.places.size() * f.grain_bytes);
    f.attached_lane = r.lane;
    f.attached_key = attachments_.hold(r.lane, {.data = f.attached.data(), .size = f.attached.size()});
    f.headers_key = attachments_.hold(r.lane, {.data = reinterpret_cast<std::byte*>(f.headers.data()),
                                               .size = f.headers.size() * sizeof(GrainHeader)});
  }
  bool ready = true;
  for (const Key key : {f.attached_key, f.headers_key}) {
    Attached& attached = *attachments_.find(key);
    if (attached.error) {
      const Error why = *std::exchange(attached.error, std::nullopt);
      attached.asked = false;
      give_up_lane(s, r.lane, why, now);
      return false;
    }
    if (attached.attachment) continue;
    ready = false;
    if (!std::exchange(attached.asked, true))
      actions_.push(Attach{.attachment = AttachmentKey{key}, .lane = attached.lane, .region = attached.region});
  }
  return ready;
}

void Core::Impl::let_go_feed(GrainFeed& f) {
  if (f.attached_lane == Lane::kAuto) return;
  attachments_.let_go(std::exchange(f.attached_key, Key{}));
  attachments_.let_go(std::exchange(f.headers_key, Key{}));
  f.attached_lane = Lane::kAuto;
}

void Core::Impl::grain_posted(Transfer& t) {
  GrainFeed& f = *t.feed;
  f.offset = pending_.next_offset;
  ++f.posts;
  if (!pending_.last_of_piece) return;
  f.offset = 0;
  f.sends.at(f.posted).last_post = f.posts;
  ++f.posted;
}

}  // namespace weft::transfer
