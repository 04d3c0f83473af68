#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include <weft/python/courier.hpp>
#include <weft/python/dlpack.hpp>
#include <weft/python/dtypes.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/tensor.hpp>
#include <weft/tensor/selection.hpp>

/// DLPack: torch.from_dlpack(t), numpy.from_dlpack(t), jax.dlpack.from_dlpack(t).
namespace weft::python {
namespace {

[[noreturn]] void raise_buffer_error(const std::string& why) {
  PyErr_SetString(PyExc_BufferError, why.c_str());
  throw nb::python_error();
}

/// What a capsule keeps: no Python object but by way of the courier, so any thread may let go of it.
template <class Managed>
struct Export {
  Managed managed{};
  KeepAlive memory{};
  std::vector<std::int64_t> shape{}, strides{};
};

struct Source {
  void* data = nullptr;
  KeepAlive memory{};
  Strides strides{};
};

Source copy_of(const PyTensor& self) {
  const Tensor& tensor = self.tensor;
  const auto whole = value_of(Selection::whole(tensor.meta()));
  std::shared_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[std::max<std::uint64_t>(1, whole.bytes())]);
  if (!bytes) raise(ErrorClass::kResourceExhausted, "__dlpack__", "no memory for a copy");
  const auto* const from = static_cast<const std::byte*>(tensor.view().data());
  whole.for_each(0, whole.bytes(), [&](std::uint64_t at, std::uint64_t dense, std::uint64_t length) {
    std::memcpy(bytes.get() + dense, from + at, length);
  });
  return {.data = bytes.get(), .memory = bytes, .strides = row_major(tensor.meta().shape)};
}

Source itself(const PyTensor& self) {
  const TensorMeta& meta = self.tensor.meta();
  return {.data = const_cast<void*>(self.tensor.view().data()),
          .memory = self.hold(),
          .strides = meta.strides.empty() ? row_major(meta.shape) : meta.strides};
}

template <class Managed>
Managed* managed_of(const TensorMeta& meta, Source source, DLPackType type) {
  auto* const made = new Export<Managed>{};
  made->memory = std::move(source.memory);
  made->shape.assign(meta.shape.begin(), meta.shape.end());
  made->strides.assign(source.strides.begin(), source.strides.end());
  made->managed.dl_tensor = {.data = source.data,
                             .device = {.device_type = kDLCPU, .device_id = 0},
                             .ndim = static_cast<std::int32_t>(made->shape.size()),
                             .dtype = {.code = type.code, .bits = type.bits, .lanes = type.lanes},
                             .shape = made->shape.data(),
                             .strides = made->strides.data(),
                             .byte_offset = 0};
  made->managed.manager_ctx = made;
  made->managed.deleter = [](Managed* self) {
    std::optional<Courier::Delivery> delivery;
    if (PyGILState_Check() != 0) delivery.emplace();
    delete static_cast<Export<Managed>*>(self->manager_ctx);
  };
  return &made->managed;
}

template <class Managed>
nb::object capsule_of(Managed* managed, const char* name, PyCapsule_Destructor end) {
  PyObject* const capsule = PyCapsule_New(managed, name, end);
  if (capsule == nullptr) {
    managed->deleter(managed);
    throw nb::python_error();
  }
  return nb::steal(capsule);
}

constexpr const char* kName = "dltensor";
constexpr const char* kVersioned = "dltensor_versioned";

// One that nobody took: a consumer renames it.
void end_plain(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, kName) == 0) return;
  auto* const managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kName));
  managed->deleter(managed);
}

void end_versioned(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, kVersioned) == 0) return;
  auto* const managed = static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule, kVersioned));
  managed->deleter(managed);
}

void check_device(nb::handle device) {
  if (device.is_none()) return;
  if (nb::cast<int>(nb::int_(nb::object(device[0]))) != kDLCPU)
    raise_buffer_error("this tensor is in host memory; move it afterwards: torch.from_dlpack(t).to(device)");
}

}  // namespace

nb::object to_dlpack(const PyTensor& self, nb::handle max_version, nb::handle device, nb::handle copy) {
  check_device(device);
  const TensorMeta& meta = self.tensor.meta();
  const auto type = dlpack_type(meta.dtype);
  if (!type) raise_buffer_error(fmt::format("DLPack has no element type \"{}\": use t.bytes()", dtype_text(meta)));
  const bool copied = !copy.is_none() && nb::cast<bool>(copy);
  Source source = copied ? copy_of(self) : itself(self);
  const bool versioned = !max_version.is_none() && nb::cast<int>(nb::object(max_version[0])) >= 1;
  if (versioned) {
    auto* const managed = managed_of<DLManagedTensorVersioned>(meta, std::move(source), *type);
    managed->version = {.major = 1, .minor = 0};
    managed->flags = (copied ? kDLIsCopied : 0) | (self.read_only && !copied ? kDLReadOnly : 0);
    return capsule_of(managed, kVersioned, &end_versioned);
  }
  if (self.read_only && !copied)
    raise_buffer_error("this tensor is read-only, which DLPack before 1.0 cannot say; ask for copy=True");
  return capsule_of(managed_of<DLManagedTensor>(meta, std::move(source), *type), kName, &end_plain);
}

}  // namespace weft::python
