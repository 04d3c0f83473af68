#include <weft/fabric/completion.hpp>

#include <fmt/format.h>
#include <rdma/fabric.h>
#include <rdma/fi_errno.h>

#include <weft/fabric/fabric_error.hpp>

namespace weft::fabric {
namespace {

[[noreturn]] void wrong_kind(const char* operation, std::string what) {
  weft::detail::abort_with(weft::Error{ErrorClass::kInternal, operation, std::move(what)}.with_hint(
      "ask is_data_entry() first, or use try_data() and try_err()"));
}

}  // namespace

std::optional<std::uint64_t> CompletionData::data() const noexcept {
  if ((flags_ & FI_REMOTE_CQ_DATA) == 0) return std::nullopt;
  return data_;
}

// Verbs reports an arriving immediate with the context of the receive it took, and in 1.17 without FI_RECV.
bool CompletionData::is_remote_write() const noexcept { return (flags_ & FI_REMOTE_WRITE) != 0; }
bool CompletionData::is_local_write() const noexcept { return (flags_ & FI_WRITE) != 0 && (flags_ & FI_RMA) != 0; }
bool CompletionData::is_send() const noexcept { return (flags_ & FI_SEND) != 0; }
bool CompletionData::is_recv() const noexcept { return (flags_ & FI_RECV) != 0; }

CompletionError::CompletionError(void* context, int code, int provider_code, std::string text)
    : context_(context),
      code_(code),
      provider_code_(provider_code),
      text_(std::make_shared<const std::string>(std::move(text))) {}

bool CompletionError::is_flushed() const noexcept { return code_ == FI_ECANCELED; }
bool CompletionError::is_interrupted() const noexcept { return code_ == FI_EINTR && context_ == nullptr; }

std::string CompletionError::to_string() const {
  return fmt::format("{} (libfabric {}), provider: {} ({})", error_text(code_), code_, *text_, provider_code_);
}

weft::Error CompletionError::to_error(std::string operation) const {
  return weft::Error{class_of_code(code_), std::move(operation), to_string()}.with_native(code_, error_text(code_));
}

const CompletionData& Completion::data() const {
  if (const Data* data = try_data()) return *data;
  wrong_kind("Completion::data", try_err()->to_string());
}

const CompletionError& Completion::err() const {
  if (const Error* error = try_err()) return *error;
  wrong_kind("Completion::err", "it is a data entry");
}

}  // namespace weft::fabric
