#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/transfer/core_impl.hpp>

/// What goes in and out of the core: messages encoded and decoded, events routed, posts handed to the driver.
namespace weft::transfer {

std::byte* Core::Impl::send_with_payload(Session& s, const wire::Message& message, std::size_t payload_bytes,
                                         TimePoint now, TransferKey owner, std::uint16_t by) {
  auto head = encoder_.encode(message, payload_bytes);
  if (!head || head->size() + payload_bytes > s.max_message) return nullptr;
  const Key key = posts_.take();
  PostRecord& post = *posts_.find(key);
  post.is_message = true;
  post.session = s.key;
  post.transfer = owner;
  post.message.resize(head->size() + payload_bytes);
  std::memcpy(post.message.data(), head->data(), head->size());
  post.bytes = post.message.size();
  said_by_ = queue_on_rail(s, by, key) ? by : 0;
  if (said_by_ != 0) return post.message.data() + head->size();
  s.queued_bytes += post.bytes;
  s.out.push(key);
  s.last_said = now;
  set_ready(s, 0);
  if ((s.out.size() > kMaxQueuedMessages || s.queued_bytes > kMaxQueuedBytes) && !s.closing) {
    s.closing = true;
    actions_.push(
        CloseSession{.session = s.key, .why = Error(ErrorClass::kOverloaded, "session", "the peer does not read")});
  }
  return post.message.data() + head->size();
}

void Core::Impl::send(Session& s, const wire::Message& message, TimePoint now, std::span<const std::byte> payload,
                      TransferKey owner, std::uint16_t by) {
  std::byte* at = send_with_payload(s, message, payload.size(), now, owner, by);
  if (at != nullptr && !payload.empty()) std::memcpy(at, payload.data(), payload.size());
}

wire::TransferRef Core::Impl::ref_of(const Transfer& t) const {
  return {.sequence = t.id.sequence, .opened_by_sender = t.ours()};
}

Transfer* Core::Impl::find(Session& s, wire::TransferRef ref) {
  TransferKey* key = ref.opened_by_sender ? s.theirs.find(ref.sequence) : ours_.find(ref.sequence);
  Transfer* t = key == nullptr ? nullptr : transfers_.find(*key);
  return t != nullptr && t->session == s.key ? t : nullptr;
}

void Core::Impl::on_message(SessionKey key, std::span<const std::byte> frame, TimePoint now) {
  Session* s = sessions_.find(key);
  if (s == nullptr) return;
  s->last_heard = now;
  auto decoded = decoder_.decode(frame);
  if (!decoded) return close_session(key, decoded.error(), now);
  if (!s->established && !s->closing && !std::holds_alternative<wire::Hello>(decoded->message))
    return close_session(key, Error(ErrorClass::kMalformed, "session", "a message before hello"), now);
  if (s->closing && !std::holds_alternative<wire::Bye>(decoded->message) &&
      !std::holds_alternative<wire::Done>(decoded->message))
    return;

  const auto with = [&](wire::TransferRef ref, auto&& act) {
    if (Transfer* t = find(*s, ref)) act(*t);
  };
  struct Visitor {
    Impl& core;
    Session& s;
    std::span<const std::byte> payload;
    TimePoint now;
    decltype(with)& route;
    void operator()(const wire::Hello& m) { core.on_hello(s, m, now); }
    void operator()(const wire::RailRequest& m) { core.on_rail_request(s, m, now); }
    void operator()(const wire::Request& m) { core.on_request(s, m, now, 0); }
    void operator()(const wire::Offer& m) {
      if (m.transfer.opened_by_sender) return core.on_push_offer(s, m, payload, now, 0);
      if (Transfer* t = core.find(s, m.transfer)) return core.on_pull_offer(s, *t, m, now);
      // Of a request that came late or twice: whoever offers would wait for a grant.
      const wire::TransferRef over{.sequence = m.transfer.sequence, .opened_by_sender = true};
      if (s.exchanged) core.send(s, wire::Cancel{.transfer = over, .why = ErrorClass::kCancelled}, now);
    }
    void operator()(const wire::Grant& m) {
      route(m.transfer, [&](Transfer& t) { core.on_grant(s, t, m, now); });
    }
    void operator()(const wire::Response& m) { core.on_response(s, m, payload, now, 0); }
    void operator()(const wire::Digests& m) {
      route(m.transfer, [&](Transfer& t) { core.on_digests(t, m, now); });
    }
    void operator()(const wire::Done& m) {
      route(m.transfer, [&](Transfer& t) { core.on_done(t, m, now); });
    }
    void operator()(const wire::Receipt& m) {
      route(m.transfer, [&](Transfer& t) { core.on_receipt(s, t, m, now); });
    }
    /// The source's last word about a round that it has not opened: nothing was posted.
    void nothing_posted(Transfer& t) {
      if (t.is_source() || !t.target.round_open || t.target.done) return;
      t.target.done = true;
      for (RoundRail& rr : t.target.rails) rr.posted = 0;
      if (t.phase == Phase::kQuieting) core.check_round(t, now);
    }
    void operator()(const wire::Cancel& m) {
      if (m.transfer.opened_by_sender) core.note_cancel(s, m.transfer.sequence);
      route(m.transfer, [&](Transfer& t) {
        const TransferKey key = t.key;
        nothing_posted(t);
        if (core.transfers_.find(key) == nullptr) return;
        const Error why(m.why, "transfer", "the other side cancelled it");
        if (t.role == Role::kServe || t.role == Role::kReceive) t.told = t.told || t.role == Role::kServe;
        core.fail(t, why, now);
      });
    }
    void operator()(const wire::RingOpen& m) { core.on_ring(s, m, now); }
    void operator()(const wire::Slots& m) {
      route({.sequence = m.sequence, .opened_by_sender = false}, [&](Transfer& t) { core.on_slots(s, t, m, now); });
    }
    void operator()(const wire::Credit& m) {
      route({.sequence = m.sequence, .opened_by_sender = false}, [&](Transfer& t) { core.on_credit(s, t, m, now); });
    }
    void operator()(const wire::Failure& m) {
      route(m.transfer, [&](Transfer& t) {
        const TransferKey key = t.key;
        nothing_posted(t);
        if (core.transfers_.find(key) == nullptr) return;
        Error error = Error(m.error, "transfer", std::string(m.text)).with_peer(s.label());
        if (!m.hint.empty()) error = std::move(error).with_hint(std::string(m.hint));
        t.cancel_sent = true;
        core.hear_refusal(t, m.error);
        core.fail(t, std::move(error), now);
      });
    }
    void operator()(const wire::Ping& m) { core.on_ping(s, m, now); }
    void operator()(const wire::Bye& m) { core.on_bye(s, m, now); }
  };
  std::visit(Visitor{*this, *s, decoded->payload, now, with}, decoded->message);
}

void Core::Impl::on_arrived(std::uint32_t immediate, std::optional<RailRef> from, TimePoint now) {
  const Slots::Use* use = slots_.find(Slots::slot_of(immediate));
  Transfer* t = use == nullptr ? nullptr : transfers_.find(use->transfer);
  if (t == nullptr || use->rail_index >= t->target.rails.size()) {
    ++stats_.stray_arrivals;
    return;
  }
  RoundRail& rr = t->target.rails[use->rail_index];
  if (from && (from->session != t->session || from->number != rr.rail)) {
    ++stats_.stray_arrivals;
    return;
  }
  if (Session* s = sessions_.find(t->session)) s->last_heard = now;
  const std::uint32_t piece = Slots::piece_of(immediate);
  if (t->role == Role::kMember) return grain_arrived(*t, rr, piece, now);
  const Rail* r = nullptr;
  if (Session* s = session_of(*t)) r = rail(*s, rr.rail);
  const bool ordered = r != nullptr && r->traits.ordered;
  if (piece >= t->target.space.pieces() || (ordered && bit(t->target.arrived, piece))) {
    ++stats_
          .stray_arrivals;  // an ordered rail tells each piece of a round once: this is a duplicate, and counts nothing
    return;
  }
  ++rr.arrived;
  piece_arrived(*t, piece, ordered, now);
  check_round(*t, now);
}

void Core::Impl::on_finished(lane::Token token, bool failed, TimePoint now) {
  const Key key{token};
  PostRecord* post = posts_.find(key);
  if (post == nullptr) return;
  const PostRecord done{.is_message = post->is_message,
                        .session = post->session,
                        .rail = post->rail,
                        .transfer = post->transfer,
                        .staging = post->staging,
                        .bytes = post->bytes,
                        .message = {}};
  posts_.give_back(key);
  if (!done.is_message) --piece_posts_;
  if (done.staging >= 0) staging_.let_go(done.staging);
  if (Session* s = sessions_.find(done.session)) {
    if (Rail* r = rail(*s, done.rail)) {
      if (!done.is_message && r->posts > 0) --r->posts;
      if (done.is_message && r->messages > 0) {
        --r->messages;
        if (r->messages == 0 && s->closing) set_ready(*s, 0);
      }
      if (!failed) r->last_finish = now;
      set_ready(*s, *r);
    }
  }
  Transfer* t = transfers_.find(done.transfer);
  if (t == nullptr || done.is_message) return;
  if (t->source.outstanding > 0) --t->source.outstanding;
  if (!failed) t->progress_at = now;
  if (t->feed) {
    ++t->feed->finished;
    end_arrived(*t);
    if (Session* s = session_of(*t)) maybe_move(*s, *t);
    if (!t->source.ending) return maybe_left(*t, now);
  }
  maybe_drained(*t, now);
}

const Post* Core::Impl::peek(RailRef ref, std::uint64_t room, TimePoint now) {
  Session* s = sessions_.find(ref.session);
  Rail* r = s == nullptr ? nullptr : rail(*s, ref.number);
  if (r == nullptr || !r->up()) return nullptr;
  pending_.rail = ref;
  Ring<Key>& out = ref.number == 0 ? s->out : r->out;
  pending_.queued = !out.empty();
  if (pending_.queued) pending_.message = out.front();
  if (ref.number == 0 && s->closing && bye_waits(*s)) return nullptr;
  if (pending_.queued || (ref.number != 0 && !s->closing && build_credit(*s, *r))) {
    PostRecord& post = *posts_.find(pending_.message);
    pending_.gather[0] = {.data = post.message.data(), .size = post.message.size()};
    pending_.post = Post{.is_message = true,
                         .gather = std::span(pending_.gather.data(), 1),
                         .remote = {},
                         .immediate = std::nullopt,
                         .token = pending_.message.value};
    return &pending_.post;
  }
  if (s->closing || s->sources.empty() || (ref.number == 0 && s->stream_sources == 0)) return nullptr;
  if (room == 0) {
    // Full of others' posts: no end of a post of its own will bring it back.
    if (r->posts == 0) set_ready(*s, *r);
    return nullptr;
  }
  for (std::size_t tried = 0; tried < s->sources.size(); ++tried) {
    if (s->turn >= s->sources.size()) s->turn = 0;
    Transfer* t = transfers_.find(s->sources[s->turn]);
    if (t != nullptr && (t->feed ? build_grain(*s, *r, *t, now) : build_write(*s, *r, *t, now))) {
      if (pending_.bytes > room && r->posts > 0) return nullptr;  // asked again when a post finishes
      return &pending_.post;
    }
    ++s->turn;
  }
  return nullptr;
}

void Core::Impl::posted(TimePoint now) {
  Session* s = sessions_.find(pending_.rail.session);
  if (s == nullptr) return;
  if (pending_.post.is_message) {
    if (pending_.rail.number != 0) {
      Rail& r = *rail(*s, pending_.rail.number);
      if (r.messages++ == 0 && r.posts == 0) r.last_finish = now;
      if (!pending_.queued) return credit_posted(r, now);
      r.out.pop();
      return;
    }
    s->queued_bytes -= posts_.find(s->out.pop())->bytes;
    return;
  }
  Rail& r = *rail(*s, pending_.rail.number);
  if (r.posts++ == 0) r.last_finish = now;
  Transfer& t = *transfers_.find(pending_.transfer);
  SourceRail& sr = t.source.rails[pending_.source_rail];
  PostRecord& record = *posts_.find(spare_post_);
  record.is_message = false;
  record.session = s->key;
  record.rail = r.number;
  record.transfer = t.key;
  record.staging = sr.staging;
  record.bytes = pending_.bytes;
  spare_post_ = {};
  if (sr.staging >= 0) staging_.hold(sr.staging);
  ++t.source.outstanding;
  ++piece_posts_;
  t.used = r.lane;
  t.progress_at = now;
  stats_.bytes_out += pending_.bytes;
  if (pending_.post.immediate) ++sr.posted;
  if (t.feed) {
    if (pending_.last_of_piece) ++s->turn;
    return grain_posted(t);
  }
  sr.offset = pending_.next_offset;
  if (pending_.last_of_piece) {
    if (sr.staging >= 0) staging_.let_go(sr.staging);
    sr.staging = -1;
    sr.has_piece = false;
    ++t.source.pieces_posted;
    ++s->turn;  // a piece a turn
    maybe_done(*s, t, now);
  }
}

}  // namespace weft::transfer
