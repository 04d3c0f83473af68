#pragma once

#include <string>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/transfer/access.hpp>

namespace weft::detail {

/// An access rule as a person writes it: local, any, or node ids; none: local. InvalidArgument.
Result<Access> parse_access(const std::vector<std::string>& allow);

}  // namespace weft::detail
