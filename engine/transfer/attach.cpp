#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <weft/transfer/canary.hpp>
#include <weft/transfer/core_impl.hpp>

/// Memory that must be attached to a lane before pieces leave from it: asked for, answered, let go, given up.
namespace weft::transfer {

/// What an item of a source is read from over a lane: only the part that travels, which may be little of its tensor.
Key Core::Impl::attachment_of(Transfer& t, Lane lane, std::uint32_t item) {
  Source& src = t.source;
  auto of_lane = std::find_if(src.attached.begin(), src.attached.end(),
                              [&](const SourceMemory& memory) { return memory.lane == lane; });
  if (of_lane == src.attached.end())
    of_lane = src.attached.insert(src.attached.end(), {.lane = lane, .items = {src.bytes.items.size(), Key{}}});
  Key& key = of_lane->items[item];
  if (!key) {
    const SourceItem& source = src.bytes.items[item];
    const std::uint64_t begin = source.selection().source_begin();
    // Read only; lanes know memory by one kind of region.
    std::byte* data =
        const_cast<std::byte*>(source.entry->data) + begin;  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    key = attachments_.hold(
        lane, {.data = data, .size = static_cast<std::size_t>(source.selection().source_extent() - begin)});
  }
  return key;
}

void* Core::Impl::descriptor_of(Transfer& t, const Rail& r, const SourceRail& sr, std::uint32_t item) {
  if (!r.traits.gathers_attached || WEFT_CANARY(kForgetToAttach)) return nullptr;
  if (sr.staging >= 0) return sr.descriptor;
  return attachments_.find(attachment_of(t, r.lane, item))->attachment->descriptor();
}

/// Whether the piece that this rail has in hand may be posted from where it lies. What is missing is asked for; the
/// rail is ready again once it was answered.
bool Core::Impl::attach_piece(Session& s, Rail& r, Transfer& t, SourceRail& sr, TimePoint now) {
  if (sr.attached || !r.traits.gathers_attached || WEFT_CANARY(kForgetToAttach)) return true;
  bool ready = true;
  Key failed{};
  const auto look = [&](Key key) {
    Attached& attached = *attachments_.find(key);
    if (attached.error) failed = key;
    if (attached.attachment) return attached.attachment->descriptor();
    ready = false;
    if (!attached.error && !std::exchange(attached.asked, true))
      actions_.push(Attach{.attachment = AttachmentKey{key}, .lane = attached.lane, .region = attached.region});
    return static_cast<void*>(nullptr);
  };
  if (sr.staging >= 0) {
    sr.descriptor =
        look(attachments_.keep(r.lane, {.data = staging_.data(sr.staging), .size = staging_.buffer_bytes()}));
  } else {
    const Space& space = t.source.bytes.space;
    const auto entries = space.entries();
    const std::uint64_t end = space.piece_end(sr.piece);
    for (std::uint32_t i = space.entry_at(space.piece_begin(sr.piece)); i < entries.size() && entries[i].offset < end;
         ++i)
      if (entries[i].bytes != 0) look(attachment_of(t, r.lane, i));
  }
  if (failed) {
    // Asked for again by whoever needs it next: there may be room then.
    Attached& attached = *attachments_.find(failed);
    const Error why = *std::exchange(attached.error, std::nullopt);
    attached.asked = false;
    give_up_lane(s, r.lane, why, now);
    return false;
  }
  return sr.attached = ready;
}

void Core::Impl::on_attached(AttachmentKey key, Result<std::unique_ptr<lane::Attachment>> attachment, TimePoint) {
  Attached* attached = attachments_.find(key);
  if (attached == nullptr) return;
  if (attachment)
    attached->attachment = std::move(*attachment);
  else
    attached->error = std::move(attachment).error();
  sessions_.for_each([&](Key, Session& s) {
    for (Rail& r : s.rails)
      if (r.lane == attached->lane && r.up()) set_ready(s, r);
  });
}

void Core::Impl::let_go_attachments(Source& src) {
  for (SourceMemory& memory : src.attached)
    for (const Key key : memory.items) attachments_.let_go(key);
  src.attached.clear();
}

/// Memory cannot be registered with a lane: this session goes on without it, as if it had never been offered. What its
/// rails carried is asked for over others; a push that named this lane ends.
void Core::Impl::give_up_lane(Session& s, Lane lane, const Error& why, TimePoint now) {
  const std::string reason =
      why.own_hint().empty() ? std::string(why.message()) : fmt::format("{} ({})", why.message(), why.own_hint());
  s.refused.emplace_back(lane, reason);
  std::erase_if(s.spec.rail_lanes, [&](const wire::LaneOffer& offer) { return offer.lane == lane; });
  transfers_.for_each([&](Key, Transfer& t) {
    if (t.session == s.key && t.role == Role::kPush && t.lane == lane)
      fail(t, Error(why).with_lane(std::string(to_string(lane))), now);
  });
  for (Rail& r : s.rails)
    if (r.number != 0 && r.lane == lane) close_rail(s, r, reason, now);
}

}  // namespace weft::transfer
