#include <weft/stream/handshake.hpp>

#include <utility>

namespace weft::stream {

Handshake::Handshake(std::unique_ptr<TlsPipe> pipe, TimePoint deadline) : pipe_(std::move(pipe)), deadline_(deadline) {}

Result<Handshake> Handshake::begin(const TlsContext& context, Fd fd, const NodeId* expected, TimePoint deadline) {
  std::unique_ptr<TlsPipe> pipe{new TlsPipe{context, std::move(fd), expected}};
  WEFT_TRY(pipe->attach(expected != nullptr));
  return Handshake{std::move(pipe), deadline};
}

Result<Handshake> Handshake::dial(const TlsContext& context, Fd fd, const NodeId& expected, TimePoint deadline) {
  return begin(context, std::move(fd), &expected, deadline);
}

Result<Handshake> Handshake::accept(const TlsContext& context, Fd fd, TimePoint deadline) {
  return begin(context, std::move(fd), nullptr, deadline);
}

Result<std::unique_ptr<TlsPipe>> Handshake::step(TimePoint now) {
  WEFT_LET(const bool done, pipe_->handshake());
  if (done) return std::move(pipe_);
  if (now >= deadline_)
    return fail(
        Error{ErrorClass::kDeadlineExceeded, "handshake", "the peer did not finish the handshake in time"}.with_hint(
            "is it a Weft node, and is its host overloaded?"));
  return std::unique_ptr<TlsPipe>{};
}

}  // namespace weft::stream
