#include <memory>
#include <vector>

#include <weft/python/dtypes.hpp>
#include <weft/python/tensor.hpp>

/// The buffer protocol: memoryview(t), numpy.asarray(t).
namespace weft::python {
namespace {

struct Axes {
  std::vector<Py_ssize_t> shape{}, strides{};
};

bool fail_buffer(const char* why) {
  PyErr_SetString(PyExc_BufferError, why);
  return false;
}

Axes axes_of(const Tensor& tensor, std::size_t item) {
  Axes axes;
  const auto shape = tensor.meta().shape.values();
  const Strides strides = tensor.meta().strides.empty() ? row_major(tensor.meta().shape) : tensor.meta().strides;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    axes.shape.push_back(shape[i]);
    axes.strides.push_back(strides[i] * static_cast<Py_ssize_t>(item));
  }
  return axes;
}

bool check(const PyTensor& self, const char* format, int flags) {
  if (format == nullptr)
    return fail_buffer("elements of this type have no buffer format; use t.bytes(), t.torch() or t.numpy()");
  if (self.tensor.meta().dtype == DType::kOpaque) return fail_buffer("it is opaque bytes; use t.bytes()");
  if ((flags & PyBUF_WRITABLE) != 0 && self.read_only) return fail_buffer("this tensor is read-only");
  if (!self.tensor.is_dense() &&
      ((flags & PyBUF_STRIDES) != PyBUF_STRIDES || (flags & (PyBUF_C_CONTIGUOUS & ~PyBUF_STRIDES)) != 0))
    return fail_buffer("this tensor is strided");
  return true;
}

}  // namespace

int get_buffer(PyObject* object, Py_buffer* buffer, int flags) {
  buffer->obj = nullptr;
  const auto& self = *nb::inst_ptr<PyTensor>(object);
  const Tensor& tensor = self.tensor;
  const char* const format = format_of(tensor.meta().dtype);
  if (!check(self, format, flags)) return -1;
  const std::size_t item = bits(tensor.meta().dtype) / 8;
  auto axes = std::make_unique<Axes>(axes_of(tensor, item));
  static char nothing = 0;
  buffer->buf = tensor.view().data() == nullptr ? &nothing : const_cast<void*>(tensor.view().data());
  buffer->len = static_cast<Py_ssize_t>(tensor.view().byte_size());
  buffer->itemsize = static_cast<Py_ssize_t>(item);
  buffer->readonly = self.read_only ? 1 : 0;
  buffer->ndim = static_cast<int>(axes->shape.size());
  buffer->format = (flags & PyBUF_FORMAT) != 0 ? const_cast<char*>(format) : nullptr;
  buffer->shape = (flags & PyBUF_ND) != 0 ? axes->shape.data() : nullptr;
  buffer->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? axes->strides.data() : nullptr;
  buffer->suboffsets = nullptr;
  buffer->internal = axes.release();
  buffer->obj = Py_NewRef(object);
  return 0;
}

void release_buffer(PyObject*, Py_buffer* buffer) { delete static_cast<Axes*>(buffer->internal); }

}  // namespace weft::python
