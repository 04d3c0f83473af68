#include <weft/python/tensor.hpp>

#include <fmt/format.h>

#include <weft/python/arguments.hpp>
#include <weft/python/courier.hpp>
#include <weft/python/docs.hpp>
#include <weft/python/dtypes.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/input.hpp>
#include <weft/python/text_map.hpp>

namespace weft::python {
namespace {

nb::object tuple_of(std::span<const std::int64_t> values) {
  const nb::object tuple = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(values.size())));
  for (std::size_t i = 0; i < values.size(); ++i)
    PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromLongLong(values[i]));
  return tuple;
}

Tensor::Parts parts_of(const Tensor& tensor) {
  return {.view = tensor.view(),
          .lease = tensor.lease(),
          .name = std::string(tensor.name()),
          .generation = tensor.generation(),
          .digest = tensor.digest(),
          .lane = tensor.lane(),
          .from = tensor.from(),
          .index = tensor.index(),
          .incarnation = tensor.incarnation(),
          .whole = tensor.is_whole()};
}

nb::object digest_of(const PyTensor& self) {
  if (self.given) return nb::none();
  return text(self.tensor.digest().to_string());
}

nb::object sender_of(const PyTensor& self) {
  if (self.given) return nb::none();
  return text(self.tensor.from().to_string());
}

std::string repr(const PyTensor& self) {
  const Tensor& tensor = self.tensor;
  const std::string dtype = dtype_text(tensor.meta());
  std::string words = fmt::format("{} {}", tensor.meta().dtype == DType::kOpaque ? repr_of(dtype) : dtype,
                                  tensor.meta().shape.to_string());
  if (!tensor.name().empty()) words = fmt::format("{} {}", repr_of(tensor.name()), words);
  if (self.given) return fmt::format("<weft.Tensor {}: a view>", words);
  return fmt::format("<weft.Tensor {}, generation {}, by {}>", words, tensor.generation().value,
                     to_string(tensor.lane()));
}

std::int64_t length(const PyTensor& self) {
  const Shape& shape = self.tensor.meta().shape;
  if (!shape.empty()) return shape[0];
  PyErr_SetString(PyExc_TypeError, "a tensor without axes has no length");
  throw nb::python_error();
}

/// The same bytes, read as another type of the same width; of a byte, where the tensor is dense.
nb::object reinterpreted(const PyTensor& self, nb::handle view) {
  const auto [dtype, name] = dtype_of(view, "view");
  if (!dtype) wrong("view", view, "the name of an element type: \"float32\", \"bfloat16\", \"uint8\"");
  const TensorMeta& old = self.tensor.meta();
  TensorMeta meta{.dtype = *dtype, .shape = old.shape, .strides = old.strides, .attributes = old.attributes};
  if (bits(*dtype) != bits(old.dtype) || old.dtype == DType::kOpaque) {
    if (bits(*dtype) != 8 || !self.tensor.is_dense())
      raise(ErrorClass::kInvalidArgument, "view",
            fmt::format("{} elements cannot be read as {}", dtype_text(old), name));
    const std::int64_t size = static_cast<std::int64_t>(self.tensor.view().byte_size());
    const bool packed = bits(old.dtype) == 4 && !old.shape.empty() && old.shape[old.shape.rank() - 1] % 2 == 0;
    meta.strides = {};
    if (packed)
      meta.shape[old.shape.rank() - 1] /= 2;
    else
      meta.shape = Shape{size};
  }
  auto parts = parts_of(self.tensor);
  parts.view = value_of(TensorView::make(std::move(meta), self.tensor.view().data()));
  return nb::cast(PyTensor(Tensor(std::move(parts)), self.owner, self.read_only, self.given));
}

/// weft.view
nb::object view_as(nb::handle data, nb::handle dtype, nb::handle shape, bool requires_grad, nb::handle attributes) {
  const Courier::Delivery delivery;
  Input input = read_input(data, "view", "");
  TensorMeta& meta = input.meta;
  const auto old = value_of(meta.byte_size());
  if (!dtype.is_none() || !shape.is_none()) {
    if (!meta.strides.empty())
      raise(ErrorClass::kInvalidArgument, "view", "strided memory can be given no other type or shape");
    if (!dtype.is_none()) {
      const auto [known, name] = dtype_of(dtype, "dtype");
      if (known && shape.is_none() && bits(*known) != bits(meta.dtype))
        raise(ErrorClass::kInvalidArgument, "view",
              fmt::format("{} elements become {} only with a shape", to_string(meta.dtype), name), "say shape=");
      meta.dtype = known.value_or(DType::kOpaque);
      if (!known) {
        meta.opaque_type = name;
        meta.opaque_bytes = old;
      }
    }
    if (!shape.is_none()) {
      meta.shape = shape_of(shape);
    }
  }
  meta.requires_grad = meta.requires_grad || requires_grad;
  if (!attributes.is_none()) meta.attributes = text_map<Attributes>(attributes, "attributes");
  const auto bytes = value_of(meta.byte_size());
  if (bytes != old)
    raise(ErrorClass::kInvalidArgument, "view",
          fmt::format("{} {} is {} bytes, and there are {}", dtype_text(meta), meta.shape.to_string(), bytes, old),
          "another shape, or a dtype of no known name: opaque bytes");
  const bool read_only = input.read_only;
  KeepAlive owner = input.hold;
  return nb::cast(PyTensor(Tensor(Tensor::Parts{.view = view_of(input)}), std::move(owner), read_only, /*given=*/true));
}

nb::object out(const char* way) { return nb::module_::import_("weft._outputs").attr(way); }

}  // namespace

PyTensor::~PyTensor() {
  if (born != fork_count()) {
    leave_alone(std::move(tensor));
    leave_alone(std::move(owner));
    return;
  }
  if (!owner) return;
  const Courier::Delivery delivery;  // memory that nobody else has goes now
  owner.reset();
}

KeepAlive PyTensor::hold() const {
  if (!owner) return tensor.lease();
  if (!tensor.lease()) return owner;
  return std::make_shared<std::pair<KeepAlive, KeepAlive>>(owner, tensor.lease());
}

const PyTensor* tensor_in(nb::handle object) {
  return nb::isinstance<PyTensor>(object) ? nb::inst_ptr<PyTensor>(object) : nullptr;
}

nb::object make_tensor(Tensor tensor, KeepAlive owner, const std::string& name) {
  if (tensor.name().empty() && !name.empty()) {
    auto parts = parts_of(tensor);
    parts.name = name;
    tensor = Tensor(std::move(parts));
  }
  return nb::cast(PyTensor(std::move(tensor), std::move(owner)));
}

void bind_tensor(nb::module_& module) {
  static PyType_Slot slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(&get_buffer)},
                                {Py_bf_releasebuffer, reinterpret_cast<void*>(&release_buffer)},
                                {0, nullptr}};
  nb::class_<PyTensor>(module, "Tensor", docs::kTensor, nb::type_slots(slots), nb::is_weak_referenceable(),
                       nb::is_final())
      .def_prop_ro(
          "shape", [](const PyTensor& self) { return tuple_of(self.tensor.meta().shape.values()); },
          "Axes, slowest first.")
      .def_prop_ro(
          "strides",
          [](const PyTensor& self) {
            const TensorMeta& meta = self.tensor.meta();
            return tuple_of(meta.strides.empty() ? row_major(meta.shape).values() : meta.strides.values());
          },
          "In elements, one for each axis.")
      .def_prop_ro(
          "dtype", [](const PyTensor& self) { return dtype_text(self.tensor.meta()); },
          "torch's name of the elements; of opaque bytes, what their sender called them.")
      .def_prop_ro(
          "opaque", [](const PyTensor& self) { return self.tensor.meta().dtype == DType::kOpaque; },
          "Whether these are bytes that only their dtype's name says something of.")
      .def_prop_ro(
          "device", [](const PyTensor& self) { return self.tensor.view().device().to_string(); },
          "\"cpu\": host memory.")
      .def_prop_ro(
          "nbytes", [](const PyTensor& self) { return self.tensor.view().byte_size(); },
          "Bytes of the elements, laid out dense.")
      .def_prop_ro(
          "ndim", [](const PyTensor& self) { return self.tensor.meta().shape.rank(); }, "How many axes.")
      .def_prop_ro(
          "name", [](const PyTensor& self) { return text(self.tensor.name()); },
          "Under which it was served or pushed; empty for memory of yours.")
      .def_prop_ro(
          "generation", [](const PyTensor& self) { return self.tensor.generation().value; },
          "Which putting of the name it is, counted by its node; 0 for memory of yours.")
      .def_prop_ro(
          "digest", &digest_of,
          "Hex of the root over all its bytes, which both sides hold; None for a part, or where it was not asked for.")
      .def_prop_ro(
          "lane", [](const PyTensor& self) { return to_string(self.tensor.lane()); }, "Over which it came.")
      .def_prop_ro("peer", &sender_of, "The node id of its sender; None for memory of yours.")
      .def_prop_ro(
          "attributes", [](const PyTensor& self) { return dict_of(self.tensor.meta().attributes); },
          "A dict of strings that travelled along.")
      .def_prop_ro(
          "requires_grad", [](const PyTensor& self) { return self.tensor.meta().requires_grad; },
          "The sender's mark, for torch.")
      .def_prop_ro(
          "readonly", [](const PyTensor& self) { return self.read_only; },
          "Whether it must not be written: memory of yours that is so.")
      .def_prop_ro(
          "data_ptr", [](const PyTensor& self) { return reinterpret_cast<std::uintptr_t>(self.tensor.view().data()); },
          "Address of the first element.")
      .def("__len__", &length)
      .def("__repr__", &repr)
      .def("_as", &reinterpreted, nb::arg("dtype"))
      .def(
          "numpy", [](nb::handle self, nb::object view) { return out("to_numpy")(self, view); },
          nb::arg("view") = nb::none(), docs::kNumpy)
      .def(
          "torch", [](nb::handle self) { return out("to_torch")(self); }, docs::kTorch)
      .def(
          "jax", [](nb::handle self) { return out("to_jax")(self); }, docs::kJax)
      .def(
          "bytes", [](nb::handle self) { return out("to_bytes")(self); }, docs::kBytes)
      .def(
          "__array__",
          [](nb::handle self, nb::object dtype, nb::object copy) { return out("to_array")(self, dtype, copy); },
          nb::arg("dtype") = nb::none(), nb::arg("copy") = nb::none())
      .def("__dlpack_device__", [](const PyTensor&) { return nb::make_tuple(1, 0); })
      .def(
          "__dlpack__",
          [](const PyTensor& self, nb::handle, nb::handle max_version, nb::handle device, nb::handle copy) {
            return to_dlpack(self, max_version, device, copy);
          },
          nb::kw_only(), nb::arg("stream") = nb::none(), nb::arg("max_version") = nb::none(),
          nb::arg("dl_device") = nb::none(), nb::arg("copy") = nb::none());
  module.def("view", &view_as, nb::arg("data").none(), nb::kw_only(), nb::arg("dtype") = nb::none(),
             nb::arg("shape") = nb::none(), nb::arg("requires_grad") = false, nb::arg("attributes") = nb::none(),
             docs::kView);
}

}  // namespace weft::python
