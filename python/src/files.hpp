#pragma once

#include <weft/python/python.hpp>

namespace weft::python {

/// What weft/safetensors.py reads and writes files by.
void bind_files(nb::module_& module);

}  // namespace weft::python
