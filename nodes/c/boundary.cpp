#include <weft/nodes/c/boundary.hpp>

#include <string>

namespace weft::c {
namespace {

/// A thread's last failure, until its next.
struct LastFailure {
  weftStatus status = WEFT_STATUS_OK;
  std::string text{};
};
thread_local LastFailure last_failure;

void keep(weftStatus status, const char* function, std::string_view message, std::string_view hint) noexcept {
  last_failure.status = status;
  try {
    std::string text(function);
    text += ": ";
    text += message;
    text += " [";
    text += weftStatusName(status);
    text += ']';
    if (!hint.empty()) {
      text += "\nhint: ";
      text += hint;
    }
    last_failure.text = std::move(text);
  } catch (...) {
    last_failure.text.clear();  // the status is still told
  }
}

}  // namespace

weftStatus remember(const char* function, const Fault& fault) noexcept {
  try {
    const Error& error = fault.error;
    std::string message;
    if (!error.operation().empty()) message.append(error.operation()).append(": ");
    message.append(error.message());
    if (!error.native_text().empty()) message.append(": ").append(error.native_text());
    if (!error.context().peer.empty()) message.append(" at ").append(error.context().peer);
    // The class's own hint speaks of Errors of the engine; what only C knows has one when there is something to add.
    keep(fault.status, function, message, error.operation().empty() ? error.own_hint() : error.hint());
  } catch (...) {
    keep(fault.status, function, "no memory to say more", {});
  }
  return fault.status;
}

weftStatus remember(const char* function, weftStatus status, const char* what) noexcept {
  keep(status, function, what, {});
  return status;
}

Outcome<void> text_out(std::string_view text, char* out, std::size_t* size) {
  const std::size_t room = *size;
  *size = text.size() + 1;
  if (out == nullptr) return {};
  if (room < text.size() + 1) return refuse(WEFT_ERR_STRLEN, "the buffer is too small; the size it needs was written");
  std::memcpy(out, text.data(), text.size());
  out[text.size()] = '\0';
  return {};
}

}  // namespace weft::c

weftStatus weftLastStatus() { return weft::c::last_failure.status; }

weftStatus weftLastError(char* out_text, size_t* in_out_size) {
  // Not guarded: what went wrong before must stay readable.
  if (in_out_size == nullptr) return WEFT_ERR_INVALID_ARG;
  const std::string& text = weft::c::last_failure.text;
  const std::size_t room = *in_out_size;
  *in_out_size = text.size() + 1;
  if (out_text == nullptr) return WEFT_STATUS_OK;
  if (room < text.size() + 1) return WEFT_ERR_STRLEN;
  std::memcpy(out_text, text.c_str(), text.size() + 1);
  return WEFT_STATUS_OK;
}
