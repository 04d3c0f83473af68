#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/entry_text.hpp>

namespace weft::cli {

std::string dtype_text(const TensorMeta& meta) {
  if (meta.dtype == DType::kOpaque && !meta.opaque_type.empty()) return "opaque:" + escaped(meta.opaque_type);
  return std::string(to_string(meta.dtype));
}

Json shape_json(const Shape& shape) {
  Json axes = Json::array();
  for (std::size_t at = 0; at < shape.rank(); ++at) axes.push_back(shape[at]);
  return axes;
}

Json entry_json(const Entry& entry) {
  return {{"name", entry.name},
          {"dtype", dtype_text(entry.meta)},
          {"shape", shape_json(entry.meta.shape)},
          {"bytes", entry.bytes},
          {"generation", entry.generation.value}};
}

}  // namespace weft::cli
