#include <weft/stream/tls_socket.hpp>

#include <openssl/bio.h>

#include <utility>

#include <weft/crypto/openssl_error.hpp>
#include <weft/stream/socket.hpp>

namespace weft::stream {
namespace {

// Four records are a batch (TlsPipe); beyond them only handshake messages and answers to key updates come here.
constexpr std::size_t kMaxCollected = std::size_t{256} * 1024;

TlsSocket* socket_of(BIO* bio) { return static_cast<TlsSocket*>(BIO_get_data(bio)); }

int on_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  bool retry = false;
  const int got = socket_of(bio)->receive({reinterpret_cast<std::byte*>(data), static_cast<std::size_t>(size)}, retry);
  if (retry) BIO_set_retry_read(bio);
  return got;
}

int on_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  bool retry = false;
  const int took =
      socket_of(bio)->collect({reinterpret_cast<const std::byte*>(data), static_cast<std::size_t>(size)}, retry);
  if (retry) BIO_set_retry_write(bio);
  return took;
}

long on_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;  // TlsPipe flushes after each of OpenSSL's calls
    case BIO_CTRL_EOF:
      return socket_of(bio)->has_ended() ? 1 : 0;
    default:
      return 0;
  }
}

}  // namespace

void TlsSocket::MethodTraits::close(bio_method_st* method) noexcept { BIO_meth_free(method); }

Result<TlsSocket::Method> TlsSocket::make_method() {
  // OpenSSL has 127 of them for a process's whole life: all of ours are of one kind.
  static const int index = BIO_get_new_index();
  Method method{index == -1 ? nullptr : BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "weft")};
  if (!method || BIO_meth_set_read(method.get(), on_read) != 1 || BIO_meth_set_write(method.get(), on_write) != 1 ||
      BIO_meth_set_ctrl(method.get(), on_control) != 1)
    return crypto::fail_openssl(ErrorClass::kInternal, "tls", "OpenSSL has no room for a kind of socket");
  return method;
}

TlsSocket::TlsSocket(Fd fd) : fd_(std::move(fd)) {}

bio_st* TlsSocket::make_bio(const bio_method_st* method) {
  BIO* bio = BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

Result<bool> TlsSocket::flush() {
  while (has_unsent()) {
    const Moved moved = transmit(fd_.get(), std::span{records_}.subspan(sent_));
    if (moved.code != 0) {
      failure_ = moved.code;
      Error told = fail_errno(moved.code, "write").error();
      return fail(Error{ErrorClass::kPeerLost, "write", "the connection broke"}.with_native(
          moved.code, std::string{told.native_text()}));
    }
    sent_ += moved.size;
    if (moved.would_block) return false;
  }
  records_.clear();
  sent_ = 0;
  return true;
}

int TlsSocket::receive(std::span<std::byte> into, bool& retry) {
  if (drained_) {
    retry = true;
    return -1;
  }
  const Moved moved = stream::receive(fd_.get(), into);
  drained_ = moved.size < into.size();
  ended_ = moved.ended;
  retry = moved.would_block;
  if (moved.ended) return 0;
  if (moved.code != 0) failure_ = moved.code;
  return moved.code != 0 || moved.would_block ? -1 : static_cast<int>(moved.size);
}

int TlsSocket::collect(std::span<const std::byte> record, bool& retry) {
  if (records_.size() - sent_ + record.size() > kMaxCollected) {
    retry = true;
    return -1;
  }
  records_.insert(records_.end(), record.begin(), record.end());
  return static_cast<int>(record.size());
}

}  // namespace weft::stream
