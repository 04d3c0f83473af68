#include <weft/actors/local_pushes.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <weft/base/limits.hpp>
#include <weft/wire/digest.hpp>

namespace weft::actors {
namespace {

constexpr Duration kAutomatic = std::chrono::seconds(30);  // as of every call: so long without progress

}  // namespace

Result<LocalPushes::Copied> LocalPushes::Copy::make(memory::LandingPool& landings) {
  const std::uint64_t bytes = entry->bytes;
  if (into == nullptr && !landing && bytes != 0) {
    WEFT_LET(landing, landings.grow(bytes));
  }
  std::byte* to = into != nullptr ? into : landing.data();
  std::vector<std::uint64_t> leaves;
  for (std::uint64_t at = 0; at < bytes; at += kLeafBytes) {
    if (stop->load(std::memory_order_relaxed)) return fail(ErrorClass::kCancelled, "push", "cancelled by the caller");
    const std::uint64_t length = std::min(kLeafBytes, bytes - at);
    entry->whole->for_each(at, length, [&](std::uint64_t from, std::uint64_t dense, std::uint64_t run) {
      std::memcpy(to + dense, entry->data + from, run);
    });
    leaves.push_back(wire::leaf_of({to + at, static_cast<std::size_t>(length)}));
  }
  return Copied{.landing = std::move(landing), .digest = wire::root_of(bytes, entry->generation, leaves)};
}

transfer::TransferKey LocalPushes::push(transfer::PushSpec spec, TimePoint now, Inbox::Effects& effects) {
  const transfer::TransferKey key{{(static_cast<std::uint64_t>(next_++) << 32) | kIndex}};
  transfer::AskOffer offer{.transfer = key,
                           .from = self_,
                           .name = spec.entry->name,
                           .meta = spec.entry->whole->meta(),
                           .bytes = spec.entry->bytes,
                           .generation = spec.entry->generation};
  const TimePoint until = spec.bound.explicit_end.value_or(now + kAutomatic);
  const bool full = pushes_.size() >= kMaxHeldOffers;
  pushes_[key] = {.spec = std::move(spec), .end = until};
  if (shut_down_)
    end(key, Error(ErrorClass::kShuttingDown, "push", "this node is stopping"));
  else if (full)
    end(key, Error(ErrorClass::kOverloaded, "push", "too many offers wait here").with_hint("try again later"));
  else
    inbox_->offered(std::move(offer), effects);
  return key;
}

std::optional<LocalPushes::Copy> LocalPushes::decided(transfer::TransferKey key, transfer::Decision&& decision) {
  const auto found = pushes_.find(key);
  if (found == pushes_.end()) return std::nullopt;
  Push& push = found->second;
  if (auto* refused = std::get_if<Error>(&decision)) {
    end(key, std::move(*refused));
    return std::nullopt;
  }
  push.stop = std::make_shared<std::atomic<bool>>(false);
  Copy copy{.key = key, .entry = push.spec.entry, .into = std::get<transfer::Accept>(decision).into, .stop = push.stop};
  if (copy.into == nullptr && copy.entry->bytes != 0)
    if (auto warm = landings_->take(copy.entry->bytes)) copy.landing = std::move(*warm);
  return copy;
}

void LocalPushes::copied(transfer::TransferKey key, Result<Copied> copied, Inbox::Effects& effects) {
  const auto found = pushes_.find(key);
  if (found == pushes_.end()) return;
  Push& push = found->second;
  if (!push.error && !copied) push.error = copied.error();
  if (push.error) {
    inbox_->failed(key, effects);
    return end(key, std::move(*push.error));
  }
  const transfer::EntryRef entry = push.spec.entry;
  end(key, transfer::Pushed{.bytes = entry->bytes,
                            .generation = entry->generation,
                            .digest = copied->digest,
                            .lane = Lane::kLocal,
                            .verify = push.spec.verify});
  inbox_->arrived(key,
                  {.from = self_,
                   .lane = Lane::kLocal,
                   .landing = std::move(copied->landing),
                   .item = {.name = entry->name,
                            .meta = entry->whole->meta(),
                            .bytes = entry->bytes,
                            .generation = entry->generation,
                            .digest = copied->digest}},
                  effects);
}

void LocalPushes::cancel(transfer::TransferKey key, Error why, Inbox::Effects& effects) {
  const auto found = pushes_.find(key);
  if (found == pushes_.end()) return;
  if (found->second.stop) {  // its memory is being read: the copy says when that is over
    if (!found->second.error) found->second.error = std::move(why);
    return found->second.stop->store(true, std::memory_order_relaxed);
  }
  end(key, std::move(why));
  inbox_->offer_gone(key, effects);
}

void LocalPushes::expire(TimePoint now, Inbox::Effects& effects) {
  std::vector<transfer::TransferKey> due;
  for (auto& [key, push] : pushes_)
    if (push.end <= now) {
      push.end = kNever;
      due.push_back(key);
    }
  for (const auto key : due)
    cancel(key, Error(ErrorClass::kDeadlineExceeded, "push", "nobody received it in time"), effects);
}

void LocalPushes::shut_down(Inbox::Effects& effects) {
  shut_down_ = true;
  std::vector<transfer::TransferKey> all;
  all.reserve(pushes_.size());
  for (const auto& [key, push] : pushes_) all.push_back(key);
  for (const auto key : all) cancel(key, Error(ErrorClass::kShuttingDown, "push", "this node is stopping"), effects);
}

TimePoint LocalPushes::next_deadline() const {
  TimePoint next = kNever;
  for (const auto& [key, push] : pushes_) next = std::min(next, push.end);
  return next;
}

std::optional<transfer::Outcome> LocalPushes::next_outcome() {
  if (outcomes_.empty()) return std::nullopt;
  std::optional<transfer::Outcome> first = std::move(outcomes_.front());
  outcomes_.pop_front();
  return first;
}

void LocalPushes::end(transfer::TransferKey key, decltype(transfer::Outcome::result) result) {
  const auto found = pushes_.find(key);
  outcomes_.push_back({.transfer = key, .cookie = found->second.spec.cookie, .result = std::move(result)});
  pushes_.erase(found);
}

}  // namespace weft::actors
