#pragma once

#include <span>

#include <weft/tensor/safetensors.hpp>

namespace weft {

/// A file's metadata as attributes that each of its tensors takes along: all of it where it is within what a tensor may
/// carry; else "format", without which some libraries refuse a file, and then what fits, in order of its keys.
Attributes attributes_of(const SafetensorsMetadata& metadata);

/// The metadata of a file of such tensors: the attributes that all of them have. Of none: none.
SafetensorsMetadata common_metadata(std::span<const TensorMeta* const> tensors);

}  // namespace weft
