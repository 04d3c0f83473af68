#include <weft/python/input.hpp>

#include <string>
#include <typeinfo>

#include <fmt/format.h>

#include <weft/python/dtypes.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/held.hpp>
#include <weft/python/input_parts.hpp>
#include <weft/python/tensor.hpp>

namespace weft::python {
namespace {

[[noreturn]] void refuse_device(nb::handle object) {
  raise(ErrorClass::kUnsupported, "input",
        fmt::format("{} is in the memory of a device; Weft moves host memory yet", Py_TYPE(object.ptr())->tp_name),
        "give x.cpu()");
}

/// What raises anything but AttributeError has it, and says why it cannot be had.
bool has(nb::handle object, const char* name) {
  const nb::object member = nb::steal(PyObject_GetAttrString(object.ptr(), name));
  if (member) return true;
  if (PyErr_ExceptionMatches(PyExc_AttributeError) == 0) throw nb::python_error();
  PyErr_Clear();
  return false;
}

/// numpy.ma's, whose buffer says nothing of the mask.
void check_mask(nb::handle object) {
  if (PyObject_HasAttrString(object.ptr(), "mask") == 0 || PyObject_HasAttrString(object.ptr(), "filled") == 0) return;
  if (nb::cast<bool>(nb::module_::import_("weft._inputs").attr("is_masked")(object))) refuse_mask();
}

/// What the object's own protocol raised is the cause of an error of ours. Ours, and what ends a program, go on.
[[noreturn]] void refuse_for(nb::handle object, nb::python_error& cause) {
  const nb::object ours = nb::module_::import_("weft._errors").attr("Error");
  if (cause.matches(ours) || cause.matches(PyExc_MemoryError) || !cause.matches(PyExc_Exception)) throw cause;
  raise(nb::object(nb::module_::import_("weft._inputs").attr("refusal")(object, cause.value())));
}

Input of_buffer(Py_buffer* buffer) {
  Input input;
  input.hold = hold(buffer, [](void* held) {
    auto* const view = static_cast<Py_buffer*>(held);
    PyBuffer_Release(view);
    delete view;
  });
  const char* format = buffer->format == nullptr ? "B" : buffer->format;
  const auto item = static_cast<std::size_t>(buffer->itemsize);
  const auto dtype = dtype_of_format(format, item);
  if (!dtype) refuse_dtype(format);
  input.meta.dtype = *dtype;
  input.data = buffer->buf;
  input.read_only = buffer->readonly != 0;
  for (int axis = 0; axis < buffer->ndim; ++axis) input.meta.shape.append(buffer->shape[axis]);
  if (buffer->strides != nullptr)
    set_byte_strides(input.meta, {buffer->strides, static_cast<std::size_t>(buffer->ndim)}, item);
  return input;
}

/// None: it has no buffer that can be read so, and may have another way.
std::optional<Input> try_buffer(nb::handle object) {
  if (PyObject_CheckBuffer(object.ptr()) == 0) return std::nullopt;
  check_mask(object);
  auto buffer = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(object.ptr(), buffer.get(), PyBUF_STRIDED_RO | PyBUF_FORMAT) != 0) {
    if (!has(object, "__array_interface__") && !has(object, "__dlpack__")) throw nb::python_error();
    PyErr_Clear();
    return std::nullopt;
  }
  return of_buffer(buffer.release());
}

Input of_tensor(const PyTensor& tensor) {
  return {.meta = tensor.tensor.meta(),
          .data = const_cast<void*>(tensor.tensor.view().data()),
          .read_only = tensor.read_only,
          .hold = tensor.hold()};
}

}  // namespace

void refuse_dtype(std::string_view what) {
  raise(ErrorClass::kUnsupported, "input", fmt::format("elements of type \"{}\" have no name in Weft", what),
        "convert them (x.astype(…), x.to(…)), or send their bytes, x.view(\"uint8\"), under a name: "
        "weft.view(x.view(\"uint8\"), dtype=\"NAME\")");
}

void refuse_mask() {
  raise(ErrorClass::kUnsupported, "input", "it is masked, and a mask does not travel with it",
        "x.filled(VALUE), or x.data and x.mask under two names");
}

void set_byte_strides(TensorMeta& meta, std::span<const Py_ssize_t> strides, std::size_t item_bytes) {
  std::vector<std::int64_t> elements;
  for (const Py_ssize_t stride : strides) {
    if (item_bytes == 0 || stride % static_cast<Py_ssize_t>(item_bytes) != 0)
      raise(ErrorClass::kUnsupported, "input", "strides that are no multiple of an element's size",
            "give a copy: numpy.ascontiguousarray(x)");
    elements.push_back(stride / static_cast<Py_ssize_t>(item_bytes));
  }
  set_strides(meta, elements);
}

void set_strides(TensorMeta& meta, std::span<const std::int64_t> strides) {
  std::int64_t dense = 1;
  bool row_major = true, empty = false;
  for (std::size_t axis = meta.shape.rank(); axis-- > 0;) {
    empty = empty || meta.shape[axis] == 0;
    if (meta.shape[axis] > 1 && strides[axis] != dense) row_major = false;
    dense *= meta.shape[axis];
  }
  if (row_major || empty) return;
  for (const std::int64_t stride : strides)
    if (stride < 0)
      raise(ErrorClass::kUnsupported, "input", "strides that run backwards", "give a copy: numpy.ascontiguousarray(x)");
  meta.strides = Strides(strides);
}

Input read_input(nb::handle object) try {
  if (PyType_Check(object.ptr()) != 0)
    raise(ErrorClass::kInvalidArgument, "input",
          fmt::format("{} is no array, but a class", reinterpret_cast<PyTypeObject*>(object.ptr())->tp_name),
          "give one of its instances");
  if (const PyTensor* tensor = tensor_in(object)) return of_tensor(*tensor);
  if (auto input = try_buffer(object)) return std::move(*input);
  if (has(object, "__dlpack__")) return of_dlpack(object);
  if (has(object, "__cuda_array_interface__")) refuse_device(object);
  if (has(object, "__array_interface__")) return of_array_interface(object);
  raise(ErrorClass::kInvalidArgument, "input", fmt::format("{} is no array", Py_TYPE(object.ptr())->tp_name),
        "what has DLPack, the buffer protocol or __array_interface__: torch, numpy, jax, array, bytes");
} catch (nb::python_error& cause) {
  refuse_for(object, cause);
} catch (const std::bad_cast&) {
  raise(ErrorClass::kInvalidArgument, "input",
        fmt::format("a {} tells of itself what cannot be", Py_TYPE(object.ptr())->tp_name),
        "its __dlpack__ or __array_interface__ gives values of other types than the protocol's");
}

Input read_input(nb::handle object, const char* operation, std::string_view name) try {
  return read_input(object);
} catch (nb::python_error& error) {
  say_where(error, operation, name);
}

Input read_output(nb::handle object, const char* operation, std::string_view name) try {
  return read_output(object);
} catch (nb::python_error& error) {
  say_where(error, operation, name);
}

Input read_output(nb::handle object) {
  Input input = read_input(object);
  if (input.read_only)
    raise(ErrorClass::kInvalidArgument, "into",
          fmt::format("this {} cannot be written", Py_TYPE(object.ptr())->tp_name),
          "give memory that can be: numpy.empty, bytearray, torch.empty");
  return input;
}

TensorView view_of(const Input& input) { return value_of(TensorView::make(input.meta, input.data)); }
MutableTensorView mutable_view_of(const Input& input) {
  return value_of(MutableTensorView::make(input.meta, input.data));
}

}  // namespace weft::python
