#pragma once

namespace weft::fabric {

/// Lambdas as one visitor: `std::visit(overloaded{[](const Event::Connected&) {…}, …}, event)`.
template <class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace weft::fabric
