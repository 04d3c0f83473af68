#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <weft/base/fd.hpp>
#include <weft/base/result.hpp>
#include <weft/base/unique_handle.hpp>

struct bio_st;
struct bio_method_st;

namespace weft::stream {

/// The descriptor under a TLS connection, as OpenSSL is shown it. Encrypted records are collected here and sent some at
/// a time: fewer system calls, and OpenSSL never has to stop in the middle of a record. One loop owns it, at one place.
class TlsSocket {
 public:
  struct MethodTraits {
    using Handle = bio_method_st*;
    static Handle none() noexcept { return nullptr; }
    static void close(Handle method) noexcept;
  };
  using Method = UniqueHandle<MethodTraits>;
  /// OpenSSL's table of the callbacks, to be kept as long as any BIO made with it.
  static Result<Method> make_method();

  explicit TlsSocket(Fd fd);
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  /// A BIO over this object, for SSL_set_bio. Null when out of memory.
  bio_st* make_bio(const bio_method_st* method);

  /// Sends what is collected. True: all of it is with the kernel; false: the kernel takes no more now; PeerLost else.
  Result<bool> flush();
  bool has_unsent() const noexcept { return sent_ < records_.size(); }

  /// From here on the kernel may be asked for more, until it gives less than was asked for.
  void begin_read() noexcept { drained_ = false; }
  bool is_drained() const noexcept { return drained_; }
  /// The peer's end of stream was read.
  bool has_ended() const noexcept { return ended_; }
  /// errno of the read or write that failed; 0: none did.
  int failure() const noexcept { return failure_; }

  int descriptor() const noexcept { return fd_.get(); }

  /// For the callbacks. What BIO_read and BIO_write return; -1 with `retry` set: not now.
  int receive(std::span<std::byte> into, bool& retry);
  int collect(std::span<const std::byte> record, bool& retry);

 private:
  Fd fd_;
  std::vector<std::byte> records_{};  ///< [sent_, size) waits for the kernel
  std::size_t sent_ = 0;
  bool drained_ = false;
  bool ended_ = false;
  int failure_ = 0;
};

}  // namespace weft::stream
