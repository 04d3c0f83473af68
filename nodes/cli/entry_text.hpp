#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>
#include <weft/nodes/cli/output.hpp>
#include <weft/nodes/tensor.hpp>

namespace weft::cli {

/// "float32", or for an opaque tensor its own type's name.
std::string dtype_text(const TensorMeta& meta);
/// {name, dtype, shape, bytes, generation}.
Json entry_json(const Entry& entry);
Json shape_json(const Shape& shape);

}  // namespace weft::cli
