#include <weft/transfer/core.hpp>

#include <weft/transfer/core_impl.hpp>

namespace weft::transfer {

namespace {

/// Recycled lists keep what the ordinary transfer needs, not what the largest one ever had.
template <class T>
void keep_small(std::vector<T>& list) {
  constexpr std::size_t kKeptBytes = 256 * 1024;
  if (list.capacity() * sizeof(T) > kKeptBytes) std::vector<T>().swap(list);
}

}  // namespace

void Session::reset() { *this = Session{}; }

std::string Session::label() const {
  return host_name.empty() ? spec.peer.short_string() : host_name + " (" + spec.peer.short_string() + ")";
}

void Target::reset() {
  space.reset(kLeafBytes);
  map.reset();
  landing = {};
  items.clear();
  for (auto* bits : {&arrived, &scattered, &expected, &actual, &told, &hashed}) keep_small(*bits);
  keep_small(items);
  keep_small(into);
  into.clear();
  direct_into = scatter = is_inline = early = again = false;
  inline_bytes.clear();
  arrived_count = told_count = 0;
  round = 0;
  round_open = done = reasked = false;
  done_ok = true;
  done_error.reset();
  bytes_arrived = 0;
  rails.clear();
  wanted.clear();
}

/// `attached` stays: posts over a session that was lost may still use it.
void Source::reset() {
  bytes.reset();
  remote.reset();
  round = 0;
  round_open = done_sent = ever_done = ending = false;
  end_error.reset();
  for (auto* words : {&leaves, &known}) keep_small(*words);
  wanted.clear();
  wanted_at = 0;
  wanted_piece = 0;
  pieces_posted = 0;
  rails.clear();
  staged.clear();
  leaves.clear();
  known_count = 0;
  leaves_told = false;
  unsent_first = unsent_count = pieces_since_digests = 0;
  outstanding = 0;
  active = on_stream = hungry = false;
  total = 0;
}

void Transfer::reset() {
  target.reset();
  source.reset();
  Target kept_target = std::move(target);
  Source kept_source = std::move(source);
  const TimePoint kept_scheduled = scheduled;
  *this = Transfer{};
  scheduled = kept_scheduled;
  target = std::move(kept_target);
  source = std::move(kept_source);
}

void PostRecord::reset() {
  keep_small(message);
  is_message = false;
  rail = 0;
  transfer = {};
  staging = -1;
  bytes = 0;
  message.clear();
}

Core::Impl::Impl(CoreOptions options, const Catalog& catalog)
    : options_(std::move(options)),
      catalog_(&catalog),
      reader_(catalog),
      staging_(options_.staging_buffers, options_.piece_bytes) {
  // With nothing between two heartbeats time would stand still.
  Liveness& liveness = options_.liveness;
  liveness.heartbeat = std::max<Duration>(liveness.heartbeat, std::chrono::milliseconds(1));
  liveness.silent_after = std::max(liveness.silent_after, 2 * liveness.heartbeat);
}

Core::Core(CoreOptions options, const Catalog& catalog) : impl_(std::make_unique<Impl>(std::move(options), catalog)) {}
Core::~Core() = default;
Core::Core(Core&&) noexcept = default;

TransferKey Core::pull(PullSpec spec, TimePoint now) { return impl_->pull(std::move(spec), now); }
TransferKey Core::list(ListSpec spec, TimePoint now) { return impl_->list(std::move(spec), now); }
TransferKey Core::push(PushSpec spec, TimePoint now) { return impl_->push(std::move(spec), now); }
TransferKey Core::ping(PingSpec spec, TimePoint now) { return impl_->ping(spec, now); }
void Core::cancel(TransferKey transfer, ErrorClass why, TimePoint now) { impl_->cancel(transfer, why, now); }
void Core::cancel_reading(const Entry& entry, TimePoint now) { impl_->cancel_reading(entry, now); }
void Core::shut_down(TimePoint now) { impl_->shut_down(now); }
bool Core::shutting_down() const noexcept { return impl_->shutting_down_; }

Progress Core::progress(TransferKey transfer) const {
  const Transfer* t = impl_->transfers_.find(transfer);
  if (t == nullptr) return {};
  return {
      .done = t->is_source() ? t->source.pieces_posted * t->source.bytes.space.piece_bytes() : t->target.bytes_arrived,
      .total = t->total};
}

TransferId Core::id(TransferKey transfer) const {
  const Transfer* t = impl_->transfers_.find(transfer);
  return t == nullptr ? TransferId{} : t->id;
}

SessionKey Core::session_up(SessionSpec spec, TimePoint now) { return impl_->session_up(std::move(spec), now); }
void Core::session_down(SessionKey session, const Error& why, TimePoint now) { impl_->session_down(session, why, now); }
void Core::heard(SessionKey key, TimePoint now) {
  if (Session* s = impl_->sessions_.find(key)) s->last_heard = now;
}
std::shared_ptr<const CatalogSnapshot> Core::refresh_catalog() { return impl_->reader_.refresh(); }
void Core::dial_failed(const NodeId& peer, const Error& why, TimePoint now) { impl_->dial_failed(peer, why, now); }
void Core::close_session(SessionKey session, const Error& why, TimePoint now) {
  impl_->close_session(session, why, now);
}

std::vector<SessionInfo> Core::sessions() const {
  std::vector<SessionInfo> all;
  impl_->sessions_.for_each([&](Key, Session& s) { all.push_back(impl_->info(s)); });
  return all;
}

std::optional<SessionInfo> Core::session(SessionKey key) const {
  Session* s = impl_->sessions_.find(key);
  if (s == nullptr) return std::nullopt;
  return impl_->info(*s);
}

std::optional<SessionKey> Core::session_with(const NodeId& peer) const {
  const auto found = impl_->peers_.find(peer);
  if (found == impl_->peers_.end() || !found->second.session) return std::nullopt;
  return found->second.session;
}

std::optional<std::array<std::byte, 16>> Core::session_id(SessionKey key) const {
  const Session* s = impl_->sessions_.find(key);
  if (s == nullptr || !s->established) return std::nullopt;
  return s->spec.id;
}

void Core::on_rail_listening(RailRef rail, const Result<std::string>& address, TimePoint now) {
  impl_->on_rail_listening(rail, address, now);
}
bool Core::admit_rail(SessionKey session, std::uint16_t number, std::uint64_t nonce, TimePoint now) {
  return impl_->admit_rail(session, number, nonce, now);
}
void Core::on_rail_up(RailRef rail, const lane::Traits& traits, TimePoint now) { impl_->on_rail_up(rail, traits, now); }
void Core::on_rail_down(RailRef rail, const Error& why, TimePoint now) { impl_->on_rail_down(rail, why, now); }

void Core::on_message(SessionKey session, std::span<const std::byte> frame, TimePoint now) {
  impl_->on_message(session, frame, now);
}
void Core::on_rail_message(RailRef rail, std::span<const std::byte> frame, TimePoint now) {
  impl_->on_rail_message(rail, frame, now);
}
void Core::on_arrived(std::uint32_t immediate, std::optional<RailRef> rail, TimePoint now) {
  impl_->on_arrived(immediate, rail, now);
}
void Core::on_finished(lane::Token token, bool failed, TimePoint now) { impl_->on_finished(token, failed, now); }

void Core::on_landing(TransferKey transfer, Result<memory::Landing> landing, TimePoint now) {
  impl_->on_landing(transfer, std::move(landing), now);
}
void Core::on_prepared(TransferKey transfer, std::uint32_t piece, Result<void> result, TimePoint now) {
  impl_->on_prepared(transfer, piece, std::move(result), now);
}
void Core::on_attached(AttachmentKey attachment, Result<std::unique_ptr<lane::Attachment>> attached, TimePoint now) {
  impl_->on_attached(attachment, std::move(attached), now);
}
void Core::on_exposed(TransferKey transfer, RailRef rail, Result<lane::ExposurePtr> exposure, TimePoint now) {
  impl_->on_exposed(transfer, rail, std::move(exposure), now);
}
void Core::on_decision(TransferKey transfer, Decision decision, TimePoint now) {
  impl_->on_decision(transfer, std::move(decision), now);
}

Result<RingKey> Core::open_ring(RingSpec spec) { return impl_->open_ring(std::move(spec)); }
void Core::close_ring(RingKey ring, TimePoint now) { impl_->close_ring(ring, now); }
bool Core::release_slot(RingKey ring, std::uint32_t slot, TimePoint now) {
  return impl_->release_slot(ring, slot, now);
}
TransferKey Core::open_feed(const FeedSpec& spec, TimePoint now) { return impl_->open_feed(spec, now); }
bool Core::send_grain(TransferKey feed, const GrainSpec& spec) { return impl_->send_grain(feed, spec); }
void Core::leave_feed(TransferKey feed, TimePoint now) { impl_->leave_feed(feed, now); }
std::optional<GrainEvent> Core::next_grain_event() {
  if (impl_->grain_events_.empty()) return std::nullopt;
  return impl_->grain_events_.pop();
}

void Core::on_timer(TimePoint now) { impl_->on_timer(now); }
TimePoint Core::next_timer() const { return impl_->copying_.empty() ? impl_->timers_.next() : TimePoint{}; }

const Post* Core::peek(RailRef rail, std::uint64_t room, TimePoint now) { return impl_->peek(rail, room, now); }
void Core::posted(TimePoint now) { impl_->posted(now); }
void Core::declined(TimePoint now) { impl_->declined(now); }

std::optional<RailRef> Core::next_ready_rail() {
  if (impl_->staging_.take_freed()) impl_->wake_readers();
  while (!impl_->ready_.empty()) {
    const RailRef ref = impl_->ready_.pop();
    Session* s = impl_->sessions_.find(ref.session);
    if (s == nullptr) continue;
    if (Rail* r = impl_->rail(*s, ref.number)) {
      r->ready = false;
      return ref;
    }
  }
  return std::nullopt;
}

void Core::still_ready(RailRef ref) {
  if (Session* s = impl_->sessions_.find(ref.session)) impl_->set_ready(*s, ref.number);
}

bool Core::nothing_posted(RailRef ref) const {
  Session* s = impl_->sessions_.find(ref.session);
  const Rail* r = s == nullptr ? nullptr : impl_->rail(*s, ref.number);
  return r != nullptr && r->posts == 0;
}

std::uint64_t Core::bytes_in() const noexcept { return impl_->stats_.bytes_in; }

bool Core::moves_pieces() const noexcept {
  return impl_->open_rounds_ != 0 || impl_->active_sources_ != 0 || impl_->piece_posts_ != 0;
}

bool Core::awaits_messages() const noexcept { return impl_->transfers_.live() != impl_->grain_transfers_; }

std::optional<Action> Core::next_action() {
  while (!impl_->actions_.empty()) {
    Action action = impl_->actions_.pop();
    // The memory may be gone with the source that asked.
    const auto* attach = std::get_if<Attach>(&action);
    if (attach == nullptr || impl_->attachments_.find(attach->attachment) != nullptr) return action;
  }
  return std::nullopt;
}

std::optional<Outcome> Core::next_outcome() {
  if (impl_->outcomes_.empty()) return std::nullopt;
  return impl_->outcomes_.pop();
}

void Core::recycle(Outcome&& outcome) {
  auto* pulled = std::get_if<Pulled>(&outcome.result);
  if (pulled == nullptr || pulled->items.capacity() == 0) return;
  keep_small(pulled->items);
  pulled->items.clear();
  impl_->spare_items_ = std::move(pulled->items);
}

CoreStats Core::stats() const {
  CoreStats stats = impl_->stats_;
  stats.transfers_live = impl_->transfers_.live();
  stats.slots_free = impl_->slots_.free_count();
  stats.held_offers = impl_->held_;
  stats.staging_taken = impl_->staging_.taken();
  stats.attached = impl_->attachments_.live();
  return stats;
}

}  // namespace weft::transfer
