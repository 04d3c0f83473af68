#pragma once

#include <string>

#include <weft/nodes/tensor.hpp>
#include <weft/python/held.hpp>
#include <weft/python/python.hpp>

namespace weft::python {

/// weft.Tensor: bytes that were received, and the lease on them; or memory that Python gave, viewed as a tensor.
struct PyTensor {
  Tensor tensor{};
  KeepAlive owner{};  ///< of memory that is not the lease's: what `into` was, what a view is of
  bool read_only = false;
  bool given = false;  ///< by Python: weft.view
  unsigned born = fork_count();

  PyTensor(Tensor held, KeepAlive memory, bool read_only = false, bool given = false)
      : tensor(std::move(held)), owner(std::move(memory)), read_only(read_only), given(given) {}
  PyTensor(PyTensor&&) noexcept = default;
  PyTensor& operator=(PyTensor&&) = delete;
  /// In a fork's child the lease is left alone: its pool is the parent's.
  ~PyTensor();
  PyTensor share() const { return {tensor.share(), owner, read_only, given}; }
  KeepAlive hold() const;
};

/// Null where it is none.
const PyTensor* tensor_in(nb::handle object);
/// `name`: what it was asked for by handle, where the answer has no name.
nb::object make_tensor(Tensor tensor, KeepAlive owner = {}, const std::string& name = {});

// The ways out: tensor_buffer.cpp, tensor_dlpack.cpp.
int get_buffer(PyObject* self, Py_buffer* buffer, int flags);
void release_buffer(PyObject* self, Py_buffer* buffer);
nb::object to_dlpack(const PyTensor& tensor, nb::handle max_version, nb::handle device, nb::handle copy);

void bind_tensor(nb::module_& module);

}  // namespace weft::python
