#include <string>

#include <fmt/format.h>

#include <weft/python/arguments.hpp>
#include <weft/python/dtypes.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/held.hpp>
#include <weft/python/input_parts.hpp>

namespace weft::python {
namespace {

/// Types that a typestr cannot say ("<V2") are named by the array's dtype: ml_dtypes.
DType dtype_of(nb::handle object, std::string_view typestr) {
  if (const auto dtype = dtype_of_typestr(typestr)) return *dtype;
  std::string name(typestr);
  const nb::object dtype = nb::getattr(object, "dtype", nb::none());
  if (!dtype.is_none()) name = nb::cast<std::string>(nb::str(nb::getattr(dtype, "name", nb::str(dtype))));
  const auto named = dtype_named(name);
  // numpy keeps 4-bit elements a byte each; ours are packed.
  if (!named || bits(*named) < 8) refuse_dtype(name);
  return *named;
}

}  // namespace

Input of_array_interface(nb::handle object) {
  const nb::dict told = nb::cast<nb::dict>(object.attr("__array_interface__"));
  const auto wrong = [](const char* what) {
    raise(ErrorClass::kInvalidArgument, "input", fmt::format("its __array_interface__ has no {}", what));
  };
  for (const char* key : {"typestr", "shape", "data"})
    if (!told.contains(key)) wrong(key);
  if (told.contains("mask") && !nb::object(told["mask"]).is_none()) refuse_mask();
  Input input;
  input.meta.dtype = dtype_of(object, nb::cast<std::string_view>(told["typestr"]));
  input.meta.shape = shape_of(told["shape"]);
  const nb::object data = told["data"];
  if (!nb::isinstance<nb::tuple>(data) || nb::len(data) != 2) wrong("data address");
  // The protocol tells addresses as numbers.
  input.data = reinterpret_cast<void*>(nb::cast<std::uintptr_t>(data[0]));  // NOLINT(performance-no-int-to-ptr)
  input.read_only = nb::cast<bool>(data[1]);
  if (told.contains("strides") && !nb::object(told["strides"]).is_none()) {
    std::vector<Py_ssize_t> strides;
    for (const nb::handle stride : iterated(told["strides"], "strides", "a sequence of ints"))
      strides.push_back(nb::cast<Py_ssize_t>(stride));
    if (strides.size() != input.meta.shape.rank()) wrong("stride for each axis");
    set_byte_strides(input.meta, strides, bits(input.meta.dtype) / 8);
  }
  input.hold = hold(nb::borrow(object));
  return input;
}

}  // namespace weft::python
