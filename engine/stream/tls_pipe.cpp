#include <weft/stream/tls_pipe.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

#include <weft/crypto/openssl_error.hpp>
#include <weft/stream/tls_error.hpp>

namespace weft::stream {
namespace {

constexpr std::size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;  // 16 KiB
constexpr std::size_t kBatchBytes = 4 * kRecordBytes;           // encrypted ahead of one system call

}  // namespace

/// A place in a list of ranges.
struct TlsPipe::Cursor {
  std::span<const std::span<const std::byte>> ranges;
  std::size_t offset = 0;  // into the first of them

  /// Drops empty ranges; false at the end.
  bool settle() {
    while (!ranges.empty() && offset == ranges.front().size()) {
      ranges = ranges.subspan(1);
      offset = 0;
    }
    return !ranges.empty();
  }
  std::span<const std::byte> run() { return settle() ? ranges.front().subspan(offset) : std::span<const std::byte>{}; }
  bool is_last_run() const {
    return std::ranges::all_of(ranges.subspan(1), [](auto range) { return range.empty(); });
  }
  /// How many of `size` bytes there were to skip.
  std::size_t skip(std::size_t size) {
    std::size_t skipped = 0;
    while (skipped < size && settle()) {
      const std::size_t part = std::min(size - skipped, ranges.front().size() - offset);
      offset += part;
      skipped += part;
    }
    return skipped;
  }
};

void TlsPipe::ConnectionTraits::close(ssl_st* connection) noexcept { SSL_free(connection); }

TlsPipe::TlsPipe(TlsContext context, Fd fd, const NodeId* expected)
    : context_(std::move(context)), socket_(std::move(fd)) {
  if (expected != nullptr) expected_ = *expected;
}

Result<void> TlsPipe::attach(bool dialling) {
  ssl_.reset(SSL_new(context_.raw()));
  BIO* bio = ssl_ ? socket_.make_bio(context_.socket_method()) : nullptr;
  if (bio == nullptr) return crypto::fail_openssl(ErrorClass::kResourceExhausted, "tls", "no memory for a connection");
  SSL_set_bio(ssl_.get(), bio, bio);
  check_.expected = expected_ ? &*expected_ : nullptr;
  set_peer_check(ssl_.get(), &check_);
  dialling ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
  return {};
}

Result<bool> TlsPipe::handshake() {
  socket_.begin_read();
  ERR_clear_error();
  const int rc = SSL_do_handshake(ssl_.get());
  const int why = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), rc);
  if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
    Error error = handshake_error(socket_);
    if (check_.refused) error = std::move(*check_.refused);
    [[maybe_unused]] const auto told = socket_.flush();  // the alert, so that the peer can tell its user why
    return fail(std::move(error));
  }
  const auto sent = socket_.flush();
  if (!sent) return fail(handshake_error(socket_));
  if (rc != 1 || !*sent) return false;
  WEFT_TRY(check_protocol());
  buffered_ = SSL_has_pending(ssl_.get()) == 1;  // what the peer said right behind its handshake
  return true;
}

Result<void> TlsPipe::check_protocol() const {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
  if (std::string_view{reinterpret_cast<const char*>(chosen), size} == kSessionProtocol) return {};
  return fail(
      Error{ErrorClass::kUnsupported, "handshake", "the peer speaks TLS, but no session protocol of ours"}.with_hint(
          "is it a Weft node?"));
}

Result<std::size_t> TlsPipe::read(std::span<std::byte> into) {
  if (failed_) return fail(*failed_);
  socket_.begin_read();
  std::size_t total = 0;
  buffered_ = false;
  while (total < into.size()) {
    std::size_t got = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &got) == 1) {
      total += got;
      // The kernel gave less than it was asked for: asking again would most likely be in vain.
      if (socket_.is_drained() && SSL_has_pending(ssl_.get()) == 0) return total;
      continue;
    }
    const int why = SSL_get_error(ssl_.get(), 0);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
      // An answer to a key update may be waiting to leave.
      if (auto sent = socket_.flush(); !sent && total == 0) return end_with(std::move(sent).error());
      return total;
    }
    if (total == 0) return end_with(stream_error(socket_, "read"));
    failed_ = stream_error(socket_, "read");
    buffered_ = true;  // the failure itself waits to be read
    return total;
  }
  buffered_ = SSL_has_pending(ssl_.get()) == 1;
  return total;
}

Result<std::size_t> TlsPipe::write(std::span<const std::span<const std::byte>> ranges) {
  if (failed_) return fail(*failed_);
  Cursor cursor{ranges};
  auto sent = socket_.flush();
  if (!sent) return end_with(std::move(sent).error());
  if (!*sent) return 0;
  if (cursor.skip(encrypted_) != encrypted_)
    return end_with(Error{ErrorClass::kInternal, "write", "bytes that were offered before are missing"});
  std::size_t written = std::exchange(encrypted_, 0);
  while (cursor.settle()) {
    auto ahead = encrypt(cursor);
    if (!ahead) return end_with(std::move(ahead).error());
    encrypted_ = *ahead;
    sent = socket_.flush();
    if (!sent) return end_with(std::move(sent).error());
    if (!*sent) return written;
    written += std::exchange(encrypted_, 0);
  }
  return written;
}

Result<std::size_t> TlsPipe::encrypt(Cursor& cursor) {
  std::size_t total = 0;
  while (total < kBatchBytes && cursor.settle()) {
    std::span<const std::byte> record = cursor.run();
    if (record.size() < kRecordBytes && !cursor.is_last_run()) {
      stage_.clear();
      Cursor ahead = cursor;
      while (stage_.size() < kRecordBytes && ahead.settle()) {
        const auto part = ahead.run().first(std::min(ahead.run().size(), kRecordBytes - stage_.size()));
        stage_.insert(stage_.end(), part.begin(), part.end());
        ahead.skip(part.size());
      }
      record = stage_;
    }
    record = record.first(std::min(record.size(), kRecordBytes));
    std::size_t took = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), record.data(), record.size(), &took) != 1) {
      // The socket always takes a batch, so there is no "later" here.
      SSL_get_error(ssl_.get(), 0);
      return fail(stream_error(socket_, "write"));
    }
    cursor.skip(took);
    total += took;
  }
  return total;
}

std::unexpected<Error> TlsPipe::end_with(Error error) {
  failed_ = std::move(error);
  return fail(*failed_);
}

Result<std::array<std::byte, 32>> TlsPipe::export_key(std::string_view label) const {
  std::array<std::byte, 32> key{};
  if (SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(key.data()), key.size(), label.data(),
                                 label.size(), nullptr, 0, 0) != 1)
    return crypto::fail_openssl(ErrorClass::kInternal, "export_key", "no key could be derived");
  return key;
}

std::string_view TlsPipe::cipher() const noexcept { return SSL_get_cipher_name(ssl_.get()); }

}  // namespace weft::stream
