#pragma once

#include <weft/python/python.hpp>

namespace weft::python {

/// `inspect.signature`, help() and IPython show the parameters of the extension's functions: weft._signature tells
/// them. When all of the module is bound.
void give_signatures(const nb::module_& module);

}  // namespace weft::python
