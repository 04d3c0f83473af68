#pragma once

#include <weft/nodes/tensor.hpp>
#include <weft/python/python.hpp>
#include <weft/tensor/tensor_view.hpp>

namespace weft::python {

/// Memory that Python gave, as it lies there: strided memory stays strided, nothing is copied.
struct Input {
  TensorMeta meta{};
  void* data = nullptr;
  bool read_only = true;
  KeepAlive hold{};
};

/// Reads weft.Tensor, the buffer protocol, DLPack, __array_interface__, in this order. Raises InvalidArgumentError for
/// what is none of them, UnsupportedError for memory of a device, an element type that Weft has no name for, and
/// strides that run backwards.
Input read_input(nb::handle object);
/// The same to write to: InvalidArgumentError where it is read-only.
Input read_output(nb::handle object);
/// The same in a call, and for a tensor, that errors name.
Input read_input(nb::handle object, const char* operation, std::string_view name);
Input read_output(nb::handle object, const char* operation, std::string_view name);

TensorView view_of(const Input& input);
MutableTensorView mutable_view_of(const Input& input);

}  // namespace weft::python
