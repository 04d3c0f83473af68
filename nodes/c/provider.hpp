#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <weft/nodes/c/fabrics.h>
#include <weft/base/lane_name.hpp>
#include <weft/fabric/provider.hpp>
#include <weft/nodes/c/fault.hpp>

namespace weft::c {

/// INVALID_ARG for a number that is none.
Outcome<std::string_view> provider_text(weftFabricsProvider provider);
std::optional<weftFabricsProvider> provider_of(std::string_view text) noexcept;
weftFabricsProvider provider_of(fabric::Provider provider) noexcept;

/// The lanes that a node may use for it; none named: every one. UNSUPPORTED_OPERATION: no lane of Weft's uses it.
Outcome<std::vector<Lane>> lanes_of(weftFabricsProvider provider);

}  // namespace weft::c
