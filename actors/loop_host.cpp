#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include <weft/actors/loop.hpp>

/// What the driver asks of its loop: landings, file reads, the inbox, outcomes.
namespace weft::actors {
namespace {

constexpr std::uint64_t kGrowInline = 2 * 1024 * 1024;  // populating so little costs less than a trip to the worker

enum class ReadNow { kDone, kWouldBlock, kFailed };

/// Reads the ranges one after the other into `into`. Without `may_block` only what the page cache holds.
ReadNow read_ranges(const transfer::Prepare& prepare, bool may_block, Error* why) {
  std::byte* at = prepare.into;
  for (const auto& read : prepare.reads) {
    std::uint32_t done = 0;
    while (done < read.length) {
      iovec piece{.iov_base = at + done, .iov_len = read.length - done};
      const ssize_t got = ::preadv2(prepare.file->fd.get(), &piece, 1, static_cast<off_t>(read.offset + done),
                                    may_block ? 0 : RWF_NOWAIT);
      if (got > 0) {
        done += static_cast<std::uint32_t>(got);
        continue;
      }
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && !may_block && (errno == EAGAIN || errno == EOPNOTSUPP)) return ReadNow::kWouldBlock;
      if (why != nullptr)
        *why = got == 0 ? Error(ErrorClass::kMalformed, "read",
                                fmt::format("{} is shorter than when it was served", prepare.file->path))
                              .with_hint("a served file must not be changed: serve it again")
                        : fail_errno(errno, "read", prepare.file->path).error();
      return ReadNow::kFailed;
    }
    at += read.length;
  }
  return ReadNow::kDone;
}

/// What a call moved, also when it was over before anybody looked at how far it was.
std::uint64_t bytes_of(const transfer::Outcome& outcome) {
  std::uint64_t bytes = 0;
  if (const auto* pushed = std::get_if<transfer::Pushed>(&outcome.result)) bytes = pushed->bytes;
  if (const auto* pulled = std::get_if<transfer::Pulled>(&outcome.result))
    for (const auto& item : pulled->items) bytes += item.error ? 0 : item.bytes;
  return bytes;
}

}  // namespace

void Loop::take_landing(transfer::TransferKey transfer, std::uint64_t bytes) {
  phase("landing");
  if (auto warm = landings_.take(bytes)) return core_.on_landing(transfer, std::move(*warm), now_);
  if (bytes <= kGrowInline) return core_.on_landing(transfer, landings_.grow(bytes), now_);
  worker_->run([this, transfer, bytes] {
    submit([this, transfer, landing = landings_.grow(bytes)](TimePoint now) mutable {
      core_.on_landing(transfer, std::move(landing), now);
    });
  });
}

void Loop::prepare(transfer::Prepare&& prepare) {
  Error why(ErrorClass::kInternal, "read", "");
  switch (read_ranges(prepare, false, &why)) {
    case ReadNow::kDone:
      return core_.on_prepared(prepare.transfer, prepare.piece, {}, now_);
    case ReadNow::kFailed:
      return core_.on_prepared(prepare.transfer, prepare.piece, fail(std::move(why)), now_);
    case ReadNow::kWouldBlock:
      break;
  }
  worker_->run([this, prepare = std::move(prepare)] {
    Error error(ErrorClass::kInternal, "read", "");
    Result<void> result;
    if (read_ranges(prepare, true, &error) != ReadNow::kDone) result = fail(std::move(error));
    submit([this, transfer = prepare.transfer, piece = prepare.piece, result = std::move(result)](
               TimePoint now) mutable { core_.on_prepared(transfer, piece, std::move(result), now); });
  });
}

void Loop::offered(transfer::AskOffer&& offer) {
  phase("offer");
  Inbox::Effects effects;
  inbox_.offered(std::move(offer), effects);
  apply(std::move(effects), now_);
}

void Loop::offer_gone(transfer::TransferKey transfer) {
  Inbox::Effects effects;
  inbox_.offer_gone(transfer, effects);
  apply(std::move(effects), now_);
}

/// A push to this very node may begin: a large one is copied by the worker.
void Loop::copy_here(LocalPushes::Copy copy, TimePoint now) {
  if (copy.entry->bytes <= kLeafBytes) {
    Inbox::Effects effects;
    local_.copied(copy.key, copy.make(landings_), effects);
    return apply(std::move(effects), now);
  }
  worker_->run([this, copy = std::move(copy)]() mutable {
    submit([this, key = copy.key, copied = copy.make(landings_)](TimePoint then) mutable {
      Inbox::Effects effects;
      local_.copied(key, std::move(copied), effects);
      apply(std::move(effects), then);
    });
  });
}

void Loop::apply(Inbox::Effects&& effects, TimePoint now) {
  for (auto& [transfer, decision] : effects.decisions) {
    if (!LocalPushes::owns(transfer)) {
      core_.on_decision(transfer, std::move(decision), now);
    } else if (auto copy = local_.decided(transfer, std::move(decision))) {
      copy_here(std::move(*copy), now);
    }
  }
  for (const transfer::TransferKey transfer : effects.cancels) cancel(transfer, ErrorClass::kCancelled, now);
  if (ask_)
    for (const auto& ask : effects.asks) ask_(ask);
  if (deliver_)
    for (auto& delivery : effects.deliveries) deliver_(std::move(delivery));
  if (expired_)
    for (const std::uint64_t cookie : effects.expired) expired_(cookie);
}

void Loop::finished(transfer::Outcome&& outcome) {
  phase("outcome");
  if (auto* received = std::get_if<transfer::Received>(&outcome.result)) {
    Inbox::Effects effects;
    inbox_.arrived(outcome.transfer, std::move(*received), effects);
    return apply(std::move(effects), now_);
  }
  if (std::holds_alternative<transfer::ReceiveFailed>(outcome.result)) {
    Inbox::Effects effects;
    inbox_.failed(outcome.transfer, effects);
    return apply(std::move(effects), now_);
  }
  if (!waiting_dials_.empty()) next_housekeeping_ = now_;  // its session may make room for another
  const auto found = calls_.find(outcome.cookie);
  if (found == calls_.end()) return;
  Call call = std::move(found->second);
  calls_.erase(found);
  if (call.cell && !std::holds_alternative<Error>(outcome.result)) {
    const std::uint64_t total = std::max(call.cell->get().total, bytes_of(outcome));
    call.cell->set({.done = total, .total = total});
    if (call.cell->changed) call.cell->changed({.done = total, .total = total}, true);
  }
  call.resolve(std::move(outcome));
}

}  // namespace weft::actors
