#include <weft/actors/inbox.hpp>

#include <algorithm>

#include <weft/base/text.hpp>

namespace weft::actors {

bool Inbox::wanted(const std::string& name) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& p) { return glob_match(p, name); });
}

void Inbox::listen_for(std::string_view pattern) {
  if (std::find(patterns_.begin(), patterns_.end(), pattern) == patterns_.end()) patterns_.emplace_back(pattern);
}

void Inbox::offered(transfer::AskOffer offer, Effects& effects) {
  if (offer.bytes > budget_) {
    effects.decisions.emplace_back(
        offer.transfer,
        Error(ErrorClass::kOverloaded, "push", "larger than all of the receiver's inbox (" + human_bytes(budget_) + ")")
            .with_hint("on the other side: raise inbox_bytes, or choose where it lands"));
    return;
  }
  held_.push_back(std::move(offer));
  consider(effects);
}

void Inbox::offer_gone(transfer::TransferKey transfer) {
  std::erase_if(held_, [&](const transfer::AskOffer& offer) { return offer.transfer == transfer; });
  std::erase_if(asking_, [&](const Moving& moving) { return moving.transfer == transfer; });
}

/// Accepts what is wanted and fits, in the order it was offered.
void Inbox::consider(Effects& effects) {
  for (auto it = held_.begin(); it != held_.end();) {
    const auto handler = std::find_if(handlers_.begin(), handlers_.end(),
                                      [&](const auto& entry) { return glob_match(entry.second, it->name); });
    if (handler != handlers_.end()) {
      asking_.push_back({.transfer = it->transfer, .bytes = it->bytes});
      effects.asks.push_back({.offer = std::move(*it), .handler = handler->first});
      it = held_.erase(it);
      continue;
    }
    if (!wanted(it->name) || used_ + it->bytes > budget_) {
      ++it;
      continue;
    }
    used_ += it->bytes;
    moving_.push_back({.transfer = it->transfer, .bytes = it->bytes});
    effects.decisions.emplace_back(it->transfer, transfer::Accept{});
    it = held_.erase(it);
  }
}

void Inbox::decided(transfer::TransferKey transfer, transfer::Decision decision, Effects& effects) {
  const auto asked =
      std::find_if(asking_.begin(), asking_.end(), [&](const Moving& m) { return m.transfer == transfer; });
  if (asked == asking_.end()) return;
  Moving moving = *asked;
  asking_.erase(asked);
  if (const auto* accept = std::get_if<transfer::Accept>(&decision)) {
    moving.into = accept->into;
    used_ += moving.bytes;
    moving_.push_back(moving);
  }
  effects.decisions.emplace_back(transfer, std::move(decision));
}

void Inbox::arrived(transfer::TransferKey transfer, transfer::Received received, Effects& effects) {
  const auto moving =
      std::find_if(moving_.begin(), moving_.end(), [&](const Moving& m) { return m.transfer == transfer; });
  std::byte* into = nullptr;
  if (moving != moving_.end()) {
    into = moving->into;
    moving_.erase(moving);
  } else {
    used_ += received.item.bytes;  // from this very node: nothing was asked before
  }
  arrived_.push_back({.received = std::move(received), .into = into});
  hand_out(effects);
}

void Inbox::put_back(Arrived arrived, Effects& effects) {
  used_ += arrived.received.item.bytes;
  arrived_.push_front(std::move(arrived));
  hand_out(effects);
}

void Inbox::failed(transfer::TransferKey transfer, Effects& effects) {
  const auto moving =
      std::find_if(moving_.begin(), moving_.end(), [&](const Moving& m) { return m.transfer == transfer; });
  if (moving == moving_.end()) return;
  used_ -= std::min(used_, moving->bytes);
  moving_.erase(moving);
  consider(effects);
}

void Inbox::receive(Waiter waiter, Effects& effects) {
  listen_for(waiter.pattern);
  waiters_.push_back(std::move(waiter));
  hand_out(effects);
  consider(effects);
}

std::optional<Inbox::Arrived> Inbox::try_receive(std::string_view pattern, Effects& effects) {
  listen_for(pattern);
  std::optional<Arrived> taken;
  const auto found = std::find_if(arrived_.begin(), arrived_.end(),
                                  [&](const Arrived& a) { return glob_match(pattern, a.received.item.name); });
  if (found != arrived_.end()) {
    taken = std::move(*found);
    used_ -= std::min(used_, taken->received.item.bytes);
    arrived_.erase(found);
  }
  consider(effects);
  return taken;
}

void Inbox::hand_out(Effects& effects) {
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    const auto found = std::find_if(arrived_.begin(), arrived_.end(), [&](const Arrived& a) {
      return glob_match(waiter->pattern, a.received.item.name);
    });
    if (found == arrived_.end()) {
      ++waiter;
      continue;
    }
    used_ -= std::min(used_, found->received.item.bytes);
    effects.deliveries.push_back({.cookie = waiter->cookie, .arrived = std::move(*found)});
    arrived_.erase(found);
    waiter = waiters_.erase(waiter);
  }
  if (!effects.deliveries.empty()) consider(effects);
}

bool Inbox::cancel(std::uint64_t cookie) {
  return std::erase_if(waiters_, [&](const Waiter& w) { return w.cookie == cookie; }) != 0;
}

void Inbox::add_handler(std::uint64_t id, std::string pattern, Effects& effects) {
  handlers_.emplace_back(id, std::move(pattern));
  consider(effects);
}

void Inbox::remove_handler(std::uint64_t id) {
  std::erase_if(handlers_, [&](const auto& entry) { return entry.first == id; });
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

std::vector<std::uint64_t> Inbox::waiting() const {
  std::vector<std::uint64_t> cookies;
  for (const Waiter& waiter : waiters_) cookies.push_back(waiter.cookie);
  return cookies;
}

}  // namespace weft::actors
