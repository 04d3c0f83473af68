#include <weft/actors/inbox.hpp>

#include <algorithm>

#include <weft/base/text.hpp>

namespace weft::actors {

/// Somebody waits for such a name, or an application that receives now and then took one not long ago: the next one
/// travels while it works on the last.
bool Inbox::wanted(const std::string& name) const {
  return std::any_of(waiters_.begin(), waiters_.end(), [&](const Waiter& w) { return glob_match(w.pattern, name); }) ||
         std::any_of(recent_.begin(), recent_.end(), [&](const std::string& p) { return glob_match(p, name); });
}

void Inbox::remember(std::string pattern) {
  std::erase(recent_, pattern);
  recent_.push_front(std::move(pattern));
  if (recent_.size() > kRecentPatterns) recent_.pop_back();
}

Inbox::Handlers::const_iterator Inbox::handler_of(const Held& held) const {
  return std::find_if(handlers_.begin(), handlers_.end(),
                      [&](const auto& entry) { return !held.is_left && glob_match(entry.second, held.offer.name); });
}

/// Whether there may ever be room for it; else it is refused.
bool Inbox::fits(const Held& held, Effects& effects) const {
  const transfer::AskOffer& offer = held.offer;
  if (handler_of(held) != handlers_.end() || offer.bytes <= budget_) return true;
  effects.decisions.emplace_back(
      offer.transfer,
      Error(ErrorClass::kOverloaded, "push", "larger than all of the receiver's inbox (" + human_bytes(budget_) + ")")
          .with_hint("on the other side: raise inbox_bytes, or choose where it lands"));
  return false;
}

void Inbox::offered(transfer::AskOffer offer, Effects& effects) {
  Held held{.offer = std::move(offer), .order = next_order_};
  if (!fits(held, effects)) return;
  ++next_order_;
  held_.push_back(std::move(held));
  consider(effects);
}

void Inbox::offer_gone(transfer::TransferKey transfer, Effects& effects) {
  std::erase_if(held_, [&](const Held& held) { return held.offer.transfer == transfer; });
  std::erase_if(asking_, [&](const Moving& moving) { return moving.transfer == transfer; });
  failed(transfer, effects);  // accepted too late
}

/// Accepts what is wanted and fits, in the order it was offered. Behind an offer that must wait for room, those of the
/// same sender wait too: small ones would pass it for ever.
void Inbox::consider(Effects& effects) {
  std::vector<NodeId> full;
  for (auto it = held_.begin(); it != held_.end();) {
    const transfer::AskOffer& offer = it->offer;
    Moving moving{.transfer = offer.transfer, .from = offer.from, .name = offer.name, .order = it->order};
    const auto handler = handler_of(*it);
    if (handler != handlers_.end()) {
      moving.bytes = offer.bytes;
      moving.handler = handler->first;
      asking_.push_back(std::move(moving));
      effects.asks.push_back({.offer = std::move(it->offer), .handler = handler->first});
      it = held_.erase(it);
      continue;
    }
    if (std::find(full.begin(), full.end(), offer.from) != full.end() || !wanted(offer.name)) {
      ++it;
      continue;
    }
    if (used_ + offer.bytes > budget_) {
      full.push_back(offer.from);
      ++it;
      continue;
    }
    used_ += moving.bytes = offer.bytes;
    effects.decisions.emplace_back(offer.transfer, transfer::Accept{});
    moving_.push_back(std::move(moving));
    it = held_.erase(it);
  }
}

std::optional<Inbox::Moving> Inbox::take_asked(transfer::TransferKey transfer) {
  const auto asked =
      std::find_if(asking_.begin(), asking_.end(), [&](const Moving& m) { return m.transfer == transfer; });
  if (asked == asking_.end()) return std::nullopt;
  Moving taken = std::move(*asked);
  asking_.erase(asked);
  return taken;
}

void Inbox::decided(transfer::TransferKey transfer, transfer::Decision decision, Placing placing, Effects& effects) {
  auto asked = take_asked(transfer);
  if (!asked) return;
  Moving& moving = *asked;
  const auto* accept = std::get_if<transfer::Accept>(&decision);
  if (accept != nullptr) {
    moving.into = accept->into;
    if (moving.into != nullptr) {
      moving.bytes = 0;  // the application's own memory
      moving.placing = std::move(placing);
    }
    used_ += moving.bytes;
    moving_.push_back(std::move(moving));
  }
  effects.decisions.emplace_back(transfer, std::move(decision));
  if (accept == nullptr) hand_out(effects);  // what came behind it
}

void Inbox::unanswered(Ask ask, Effects& effects) {
  const auto asked = take_asked(ask.offer.transfer);
  if (!asked) return;
  remove_handler(ask.handler, effects);
  hold_again({.offer = std::move(ask.offer), .order = asked->order}, effects);
}

void Inbox::left(Ask ask, Effects& effects) {
  const auto asked = take_asked(ask.offer.transfer);
  if (!asked) return;
  hold_again({.offer = std::move(ask.offer), .order = asked->order, .is_left = true}, effects);
}

void Inbox::hold_again(Held held, Effects& effects) {
  if (fits(held, effects)) {
    const auto place = std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.order > held.order; });
    held_.insert(place, std::move(held));
  }
  consider(effects);
  hand_out(effects);  // what came behind it
}

void Inbox::arrived(transfer::TransferKey transfer, transfer::Received received, Effects& effects) {
  const auto moving =
      std::find_if(moving_.begin(), moving_.end(), [&](const Moving& m) { return m.transfer == transfer; });
  if (moving == moving_.end()) return;
  insert({.received = std::move(received), .into = moving->into, .order = moving->order});
  moving_.erase(moving);
  hand_out(effects);
}

void Inbox::insert(Arrived arrived) {
  const auto place =
      std::find_if(arrived_.rbegin(), arrived_.rend(), [&](const Arrived& a) { return a.order < arrived.order; });
  arrived_.insert(place.base(), std::move(arrived));
}

void Inbox::put_back(Arrived arrived, Effects& effects) {
  used_ += charge(arrived);
  insert(std::move(arrived));
  hand_out(effects);
}

void Inbox::failed(transfer::TransferKey transfer, Effects& effects) {
  const auto moving =
      std::find_if(moving_.begin(), moving_.end(), [&](const Moving& m) { return m.transfer == transfer; });
  if (moving != moving_.end()) {
    used_ -= std::min(used_, moving->bytes);
    moving_.erase(moving);
  }
  consider(effects);
  hand_out(effects);
}

void Inbox::receive(Waiter waiter, Effects& effects) {
  waiters_.push_back(std::move(waiter));
  consider(effects);  // first: one that was held longer goes before what has arrived
  hand_out(effects);
}

std::optional<Inbox::Arrived> Inbox::try_receive(std::string_view pattern, Effects& effects) {
  remember(std::string(pattern));
  consider(effects);
  const auto found = first_for(pattern);
  if (found == arrived_.end()) return std::nullopt;
  std::optional<Arrived> taken = take(found);
  consider(effects);
  return taken;
}

/// Whether an earlier push of the same sender, which the pattern matches as well, is still under way.
bool Inbox::is_preceded(const Arrived& arrived, std::string_view pattern) const {
  const auto precedes = [&](const Moving& m) {
    return m.order < arrived.order && m.from == arrived.received.from && glob_match(pattern, m.name);
  };
  return std::any_of(moving_.begin(), moving_.end(), precedes) || std::any_of(asking_.begin(), asking_.end(), precedes);
}

std::deque<Inbox::Arrived>::iterator Inbox::first_for(std::string_view pattern) {
  std::vector<NodeId> waiting;  // senders whose next one is still under way
  return std::find_if(arrived_.begin(), arrived_.end(), [&](const Arrived& a) {
    if (!glob_match(pattern, a.received.item.name)) return false;
    if (std::find(waiting.begin(), waiting.end(), a.received.from) != waiting.end()) return false;
    if (!is_preceded(a, pattern)) return true;
    waiting.push_back(a.received.from);
    return false;
  });
}

Inbox::Arrived Inbox::take(const std::deque<Arrived>::iterator& place) {
  Arrived taken = std::move(*place);
  arrived_.erase(place);
  used_ -= std::min(used_, charge(taken));
  return taken;
}

void Inbox::hand_out(Effects& effects) {
  bool any = false;
  std::vector<std::string> nothing;  // patterns for which there is none: a thousand may wait for the same
  for (auto waiter = waiters_.begin(); waiter != waiters_.end() && !arrived_.empty();) {
    const bool asked = std::find(nothing.begin(), nothing.end(), waiter->pattern) != nothing.end();
    const auto found = asked ? arrived_.end() : first_for(waiter->pattern);
    if (found == arrived_.end()) {
      if (!asked) nothing.push_back(waiter->pattern);
      ++waiter;
      continue;
    }
    effects.deliveries.push_back({.cookie = waiter->cookie, .arrived = take(found)});
    remember(std::move(waiter->pattern));
    waiter = waiters_.erase(waiter);
    any = true;
  }
  if (any) consider(effects);
}

bool Inbox::cancel(std::uint64_t cookie) {
  return std::erase_if(waiters_, [&](const Waiter& w) { return w.cookie == cookie; }) != 0;
}

void Inbox::add_handler(std::uint64_t id, std::string pattern, Effects& effects) {
  handlers_.emplace_back(id, std::move(pattern));
  consider(effects);
}

void Inbox::remove_handler(std::uint64_t id, Effects& effects) {
  std::erase_if(handlers_, [&](const auto& entry) { return entry.first == id; });
  for (const Moving& moving : moving_)
    if (moving.handler == id && moving.into != nullptr) effects.cancels.push_back(moving.transfer);
}

void Inbox::expire(TimePoint now, Effects& effects) {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (it->deadline > now) {
      ++it;
      continue;
    }
    effects.expired.push_back(it->cookie);
    it = waiters_.erase(it);
  }
}

TimePoint Inbox::next_deadline() const {
  TimePoint next = kNever;
  for (const Waiter& waiter : waiters_) next = std::min(next, waiter.deadline);
  return next;
}

std::vector<std::uint64_t> Inbox::end_waiters() {
  std::vector<std::uint64_t> cookies;
  cookies.reserve(waiters_.size());
  for (const Waiter& waiter : waiters_) cookies.push_back(waiter.cookie);
  waiters_.clear();
  return cookies;
}

}  // namespace weft::actors
