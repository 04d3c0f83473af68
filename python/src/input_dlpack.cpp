#include <cstring>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <weft/python/dlpack.hpp>
#include <weft/python/dtypes.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/held.hpp>
#include <weft/python/input_parts.hpp>

namespace weft::python {
namespace {

bool on_host(std::int32_t type) { return type == kDLCPU || type == kDLCUDAHost || type == kDLROCMHost; }

[[noreturn]] void refuse_device(std::int32_t type, std::int32_t id) {
  const bool cuda = type == kDLCUDA || type == kDLCUDAManaged;
  raise(ErrorClass::kUnsupported, "input",
        cuda ? fmt::format("it is on cuda:{}; Weft moves host memory yet", id)
             : fmt::format("it is on a device (DLPack type {}); Weft moves host memory yet", type),
        "give x.cpu()");
}

/// torch refuses to export what autograd watches; detached it is the same memory.
nb::object detached(nb::handle object, bool& requires_grad) {
  const nb::object flag = nb::getattr(object, "requires_grad", nb::none());
  if (flag.ptr() != Py_True || PyObject_HasAttrString(object.ptr(), "detach") == 0) return nb::borrow(object);
  requires_grad = true;
  return object.attr("detach")();
}

/// torch's views that are read with a sign or a conjugation of their own, which the memory does not have.
void check_resolved(nb::handle object) {
  for (const char* pending : {"is_conj", "is_neg"}) {
    if (PyObject_HasAttrString(object.ptr(), pending) == 0) continue;
    if (nb::object(object.attr(pending)()).ptr() == Py_True)
      raise(ErrorClass::kUnsupported, "input", "its sign or conjugation is pending: the memory has other numbers",
            "give a copy that has them: x.resolve_conj().resolve_neg()");
  }
}

nb::object capsule_of(nb::handle object) {
  try {
    return object.attr("__dlpack__")(nb::arg("max_version") = nb::make_tuple(1, 0));
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return object.attr("__dlpack__")();  // one that knows no version
}

template <class Managed>
KeepAlive hold_managed(Managed* managed) {
  return hold(managed, [](void* held) {
    auto* const tensor = static_cast<Managed*>(held);
    if (tensor->deleter != nullptr) tensor->deleter(tensor);
  });
}

void read(Input& input, const DLTensor& tensor) {
  if (!on_host(tensor.device.device_type)) refuse_device(tensor.device.device_type, tensor.device.device_id);
  const auto dtype = dtype_of_dlpack(tensor.dtype);
  if (!dtype)
    refuse_dtype(
        fmt::format("DLPack code {}, {} bits, {} lanes", tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes));
  input.meta.dtype = *dtype;
  input.data = static_cast<std::byte*>(tensor.data) + tensor.byte_offset;
  const auto rank = static_cast<std::size_t>(std::max(0, tensor.ndim));
  for (std::size_t axis = 0; axis < rank; ++axis)
    input.meta.shape.append(tensor.shape[axis] * (axis + 1 == rank ? tensor.dtype.lanes : 1));
  if (tensor.strides == nullptr) return;
  std::vector<std::int64_t> strides(tensor.strides, tensor.strides + rank);
  if (tensor.dtype.lanes > 1)
    for (std::size_t axis = 0; axis + 1 < rank; ++axis) strides[axis] *= tensor.dtype.lanes;
  set_strides(input.meta, strides);
}

/// Element types that the exporter's __dlpack__ does not know yet, as integers of the same width.
std::pair<nb::object, DType> as_integers(nb::handle object) {
  const nb::object pair = nb::module_::import_("weft._inputs").attr("as_integers")(object);
  if (pair.is_none()) return {};
  const auto name = nb::cast<std::string_view>(pair[1]);
  const auto dtype = dtype_named(name);
  if (!dtype) refuse_dtype(name);
  return {nb::object(pair[0]), *dtype};
}

}  // namespace

Input of_dlpack(nb::handle object) {
  Input input;
  const nb::object source = detached(object, input.meta.requires_grad);
  check_resolved(source);
  if (PyObject_HasAttrString(source.ptr(), "__dlpack_device__") != 0) {
    const nb::object device = source.attr("__dlpack_device__")();
    const auto type = nb::cast<std::int32_t>(nb::int_(nb::object(device[0])));
    if (!on_host(type)) refuse_device(type, nb::cast<std::int32_t>(nb::int_(nb::object(device[1]))));
  }
  nb::object capsule;
  try {
    capsule = capsule_of(source);
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_BufferError) && !error.matches(PyExc_RuntimeError) && !error.matches(PyExc_TypeError))
      throw;
    auto [integers, dtype] = as_integers(source);
    if (!integers) {
      if (PyObject_HasAttrString(source.ptr(), "__array_interface__") == 0) throw;
      return of_array_interface(source);
    }
    Input same = read_input(integers);
    same.meta.dtype = dtype;
    same.meta.requires_grad = input.meta.requires_grad;
    return same;
  }
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned") != 0) {
    auto* const managed =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
    input.hold = hold_managed(managed);
    if (managed->version.major > 1)
      raise(ErrorClass::kUnsupported, "input", fmt::format("DLPack of version {}", managed->version.major));
    input.read_only = (managed->flags & kDLReadOnly) != 0;
    read(input, managed->dl_tensor);
    return input;
  }
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor") == 0)
    raise(ErrorClass::kInvalidArgument, "input", "__dlpack__ gave no DLPack capsule");
  auto* const managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  PyCapsule_SetName(capsule.ptr(), "used_dltensor");
  input.hold = hold_managed(managed);
  input.read_only = false;
  read(input, managed->dl_tensor);
  return input;
}

}  // namespace weft::python
