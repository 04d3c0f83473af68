#pragma once

#include <string_view>

#include <weft/base/error.hpp>

namespace weft::detail {

/// What a person can do where whoever failed did not say: by the system's code where the failure is of this host, else
/// by the class. Never empty for a class that there is.
std::string_view default_hint(ErrorClass kind, int native_code, bool of_peer) noexcept;

}  // namespace weft::detail
