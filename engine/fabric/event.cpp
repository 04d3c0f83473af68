#include <weft/fabric/event.hpp>

#include <fmt/format.h>

#include <weft/fabric/fabric_error.hpp>

namespace weft::fabric {

std::string EventError::to_string() const {
  return fmt::format("{} (libfabric {}), provider: {} ({})", error_text(code_), code_, text_, provider_code_);
}

weft::Error EventError::to_error(std::string operation) const {
  return weft::Error{class_of_code(code_), std::move(operation), to_string()}.with_native(code_, error_text(code_));
}

}  // namespace weft::fabric
