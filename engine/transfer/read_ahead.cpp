#include <algorithm>
#include <utility>

#include <weft/transfer/core_impl.hpp>

/// Pieces that must lie in staging before they are posted: packed at once, or read from files by a worker.
namespace weft::transfer {

bool Core::Impl::next_wanted(Source& src, std::uint32_t& piece) {
  if (src.wanted_at == src.wanted.size()) return false;
  const wire::PieceRange& range = src.wanted[src.wanted_at];
  piece = range.first + src.wanted_piece;
  if (++src.wanted_piece == range.count) {
    src.wanted_piece = 0;
    ++src.wanted_at;
  }
  return true;
}

/// Pieces that must be staged are begun before a rail asks for them: files are read by a worker meanwhile.
void Core::Impl::read_ahead(Transfer& t) {
  Source& src = t.source;
  if (!src.round_open || src.ending) return;
  // While others wait for a buffer, one piece ahead is enough.
  while (src.staged.size() < (hungry_.empty() ? kReadAhead : 1) && src.wanted_at < src.wanted.size()) {
    const std::uint32_t next = src.wanted[src.wanted_at].first + src.wanted_piece;
    if (!src.bytes.needs_staging(next)) return;
    const std::int32_t buffer = staging_.take(t.session.value);
    if (buffer < 0) {
      if (src.staged.empty() && !std::exchange(src.hungry, true)) hungry_.push(t.key);
      return;
    }
    std::uint32_t piece = 0;
    next_wanted(src, piece);
    Staged staged{.piece = piece, .staging = buffer};
    src.bytes.pack(piece, staging_.data(buffer));
    reads_.clear();
    src.bytes.file_reads(piece, reads_);
    // One Prepare per file and contiguous stretch of staging: a piece of a batch may touch several files.
    for (std::size_t i = 0; i < reads_.size();) {
      Prepare prepare{.transfer = t.key,
                      .piece = piece,
                      .staging = static_cast<std::uint32_t>(buffer),
                      .into = staging_.data(buffer) + reads_[i].into,
                      .file = reads_[i].file,
                      .reads = {}};
      std::uint64_t end = reads_[i].into;
      for (; i < reads_.size() && reads_[i].file == prepare.file && reads_[i].into == end; ++i) {
        prepare.reads.push_back(
            {.offset = reads_[i].file_offset, .length = static_cast<std::uint32_t>(reads_[i].length)});
        end += reads_[i].length;
      }
      ++staged.reads_left;
      actions_.push(std::move(prepare));
    }
    src.staged.push(staged);
  }
  if (Session* s = session_of(t); s != nullptr && !src.staged.empty() && src.staged.front().reads_left == 0)
    for (const SourceRail& sr : src.rails) set_ready(*s, sr.rail);
}

void Core::Impl::wake_readers() {
  for (std::size_t n = std::min<std::size_t>(hungry_.size(), 64); n > 0; --n) {
    Transfer* t = transfers_.find(hungry_.pop());
    if (t == nullptr) continue;
    t->source.hungry = false;
    read_ahead(*t);
  }
}

void Core::Impl::on_prepared(TransferKey key, std::uint32_t piece, Result<void> result, TimePoint now) {
  Transfer* t = transfers_.find(key);
  if (t == nullptr) return;
  Source& src = t->source;
  for (std::size_t i = 0; i < src.staged.size(); ++i) {
    Staged& staged = src.staged.at(i);
    if (staged.piece != piece || staged.reads_left == 0) continue;
    --staged.reads_left;
    if (!result) staged.failed = true;
    break;
  }
  if (src.ending) {
    while (!src.staged.empty() && src.staged.front().reads_left == 0) staging_.let_go(src.staged.pop().staging);
    return maybe_drained(*t, now);
  }
  if (!result) return fail(*t, std::move(result).error(), now);
  if (Session* s = session_of(*t)) {
    for (const SourceRail& sr : src.rails) set_ready(*s, sr.rail);
    maybe_done(*s, *t, now);
  }
}

}  // namespace weft::transfer
