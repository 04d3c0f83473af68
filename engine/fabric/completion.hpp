#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <weft/base/result.hpp>

namespace weft::fabric {

/// A finished operation. A value.
class CompletionData {
 public:
  CompletionData() = default;
  CompletionData(void* context, std::uint64_t flags, std::size_t length, std::uint64_t data) noexcept
      : context_(context), flags_(flags), length_(length), data_(data) {}
  /// Immediate data, where the peer sent any.
  std::optional<std::uint64_t> data() const noexcept;
  bool is_remote_write() const noexcept;  ///< a peer wrote into our memory
  bool is_local_write() const noexcept;   ///< our write no longer needs its memory. Not delivery
  bool is_send() const noexcept;
  bool is_recv() const noexcept;
  /// What the operation was posted with; null for a remote write, which does not name its endpoint.
  void* context() const noexcept { return context_; }
  /// The same as a number: Endpoint::id, unless it was posted with a context of its own.
  std::uintptr_t fid() const noexcept { return reinterpret_cast<std::uintptr_t>(context_); }
  std::size_t length() const noexcept { return length_; }  ///< bytes received

 private:
  void* context_ = nullptr;
  std::uint64_t flags_ = 0;
  std::size_t length_ = 0;
  std::uint64_t data_ = 0;
};

/// A failed operation, or a failed read of the queue (context null). A value, cheap to copy.
class CompletionError {
 public:
  CompletionError(void* context, int code, int provider_code, std::string text);
  void* context() const noexcept { return context_; }
  std::uintptr_t fid() const noexcept { return reinterpret_cast<std::uintptr_t>(context_); }  ///< as of CompletionData
  int code() const noexcept { return code_; }                                                 ///< libfabric's, positive
  int provider_code() const noexcept { return provider_code_; }
  /// Whether it failed only because its endpoint went away.
  bool is_flushed() const noexcept;
  /// Whether a signal ended a blocking read; the queue is as it was.
  bool is_interrupted() const noexcept;
  /// Both codes and both texts.
  std::string to_string() const;
  weft::Error to_error(std::string operation) const;

 private:
  void* context_;
  int code_;
  int provider_code_;
  std::shared_ptr<const std::string> text_;  // errors are rare: keeps the variant small
};

/// What a completion queue says. Use std::visit, or the questions below.
class Completion : public std::variant<CompletionData, CompletionError> {
 public:
  using Data = CompletionData;
  using Error = CompletionError;
  using std::variant<Data, Error>::variant;

  bool is_data_entry() const noexcept { return index() == 0; }
  bool is_err_entry() const noexcept { return index() == 1; }
  const Data* try_data() const noexcept { return std::get_if<Data>(this); }
  const Error* try_err() const noexcept { return std::get_if<Error>(this); }
  /// Of a data entry, which has been asked for before: the other kind has none, and ends the process saying so.
  const Data& data() const;
  /// Of an error entry, likewise.
  const Error& err() const;
};

}  // namespace weft::fabric
