#include <weft/python/arguments.hpp>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <weft/python/courier.hpp>
#include <weft/python/dtypes.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/input.hpp>
#include <weft/python/input_parts.hpp>

namespace weft::python {
namespace {

constexpr std::size_t kMostShown = 160;  // of a value that was wrong

/// An int, clamped to 64 bits as Python's slices clamp.
std::optional<std::int64_t> index_of(nb::handle value) {
  if (PyBool_Check(value.ptr()) == 0 && PyIndex_Check(value.ptr()) != 0) {
    const Py_ssize_t index = PyNumber_AsSsize_t(value.ptr(), nullptr);
    if (PyErr_Occurred() == nullptr) return index;
    PyErr_Clear();
  }
  return std::nullopt;
}

constexpr const char* kSliceHint =
    "weft.s_[0:128, 3], \"0:128, 3:4\": ints and slices; weft.Pages takes a list of indices along one axis";

std::int64_t bound_of(nb::handle slice, const char* which, std::int64_t otherwise) {
  const nb::object bound = slice.attr(which);
  if (bound.is_none()) return otherwise;
  const auto index = index_of(bound);
  if (!index) wrong("slice", slice, kSliceHint);
  return *index;
}

Range range_of(nb::handle part, std::size_t axis, std::vector<SingleIndex>& singles) {
  if (PySlice_Check(part.ptr()) != 0)
    return {
        .start = bound_of(part, "start", 0), .stop = bound_of(part, "stop", kEnd), .step = bound_of(part, "step", 1)};
  const auto index = index_of(part);
  if (!index) wrong("slice", part, kSliceHint);
  singles.push_back({.axis = axis, .index = *index});
  return {.start = *index, .stop = *index == -1 || *index == kEnd ? kEnd : *index + 1};
}

constexpr const char* kDTypeHint = "an element type: \"float32\", \"bfloat16\", numpy.uint8, torch.float16";

/// The name of what is no str: numpy.float32, numpy.dtype("f4"), torch.bfloat16, ml_dtypes.bfloat16.
std::string name_of_dtype(nb::handle dtype) {
  const auto word = [&](const char* member) {
    const nb::object value = nb::getattr(dtype, member, nb::none());
    return PyUnicode_Check(value.ptr()) != 0 ? nb::cast<std::string>(value) : std::string();
  };
  if (const std::string typestr = word("str"); dtype_of_typestr(typestr)) return typestr;
  for (const char* member : {"name", "__name__"})
    if (const std::string name = word(member); !name.empty()) return name;
  return nb::cast<std::string>(nb::str(dtype));
}

std::optional<DType> dtype_said(std::string name) {
  for (const std::string_view library : {"torch.", "numpy.", "np.", "jnp.", "ml_dtypes."})
    if (name.starts_with(library)) name.erase(0, library.size());
  if (const auto known = dtype_named(name)) return known;
  if (const auto known = dtype_of_typestr(name)) return known;
  if (const auto known = dtype_of_typestr("=" + name)) return known;
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return dtype_named(name);
}

/// numpy's short name of a type whose bytes stand the other way round.
bool is_swapped(std::string_view name) {
  if (name.size() < 3 || (name.front() != '>' && name.front() != '<')) return false;
  return dtype_of_typestr("=" + std::string(name.substr(1))) && !dtype_of_typestr(name);
}

/// version-trace-parent-flags, in lower case hex.
bool is_traceparent(std::string_view text) {
  constexpr std::string_view kForm = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
  if (text.size() < kForm.size() || (text.size() > kForm.size() && text[kForm.size()] != '-')) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (kForm[i] == 'x' ? !hex : text[i] != '-') return false;
  }
  return true;
}

void read_indices(nb::handle given, std::vector<std::uint32_t>& indices, const char* argument) {
  if (PyObject_CheckBuffer(given.ptr()) != 0 || PyObject_HasAttrString(given.ptr(), "__dlpack__") != 0) {
    const Courier::Delivery delivery;
    const Input input = read_input(given);
    if (input.meta.dtype == DType::kU32 && input.meta.strides.empty() && input.meta.shape.rank() == 1) {
      const auto* const first = static_cast<const std::uint32_t*>(input.data);
      indices.assign(first, first + input.meta.shape[0]);
      return;
    }
  }
  for (const nb::handle value : iterated(given, argument, "a sequence of ints, or a uint32 array")) {
    const auto index = index_of(value);
    if (!index || *index < 0 || *index > UINT32_MAX) wrong(argument, value, "indices from 0 to 2^32 - 1");
    indices.push_back(static_cast<std::uint32_t>(*index));
  }
}

}  // namespace

void wrong(const char* argument, nb::handle value, std::string hint) {
  const nb::object shown = nb::repr(value);
  const nb::object utf8 = nb::steal(PyUnicode_AsEncodedString(shown.ptr(), "utf-8", "backslashreplace"));
  if (!utf8) throw nb::python_error();
  std::string_view words(PyBytes_AS_STRING(utf8.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(utf8.ptr())));
  const bool cut = words.size() > kMostShown;
  raise(ErrorClass::kInvalidArgument, argument,
        fmt::format("{}={}{} cannot be", argument, words.substr(0, kMostShown), cut ? "…" : ""), std::move(hint));
}

std::string text_of(nb::handle value, const char* argument, const char* hint) {
  if (PyUnicode_Check(value.ptr()) == 0) wrong(argument, value, hint);
  Py_ssize_t size = 0;
  const char* const utf8 = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (utf8 != nullptr) return {utf8, static_cast<std::size_t>(size)};
  PyErr_Clear();
  wrong(argument, value, "it has lone surrogates, which UTF-8 cannot say");
}

std::uint64_t number_of(nb::handle value, const char* argument, const char* hint) {
  if (PyBool_Check(value.ptr()) == 0 && PyIndex_Check(value.ptr()) != 0) {
    const nb::object index = nb::steal(PyNumber_Index(value.ptr()));
    const std::uint64_t number = index ? PyLong_AsUnsignedLongLong(index.ptr()) : 0;
    if (PyErr_Occurred() == nullptr) return number;
    PyErr_Clear();
  }
  wrong(argument, value, hint);
}

nb::object iterated(nb::handle value, const char* argument, const char* hint) {
  nb::object iterator = nb::steal(PyObject_GetIter(value.ptr()));
  if (iterator) return iterator;
  PyErr_Clear();
  wrong(argument, value, hint);
}

std::vector<std::string> words_of(nb::handle value, const char* argument, const char* hint) {
  if (PyUnicode_Check(value.ptr()) != 0) return {text_of(value, argument, hint)};
  std::vector<std::string> words;
  for (const nb::handle word : iterated(value, argument, hint)) words.push_back(text_of(word, argument, hint));
  return words;
}

Shape shape_of(nb::handle shape) {
  Shape axes;
  const char* const hint = "a shape is a sequence of ints";
  for (const nb::handle axis : iterated(shape, "shape", hint)) {
    const auto size = index_of(axis);
    if (!size) wrong("shape", shape, hint);
    axes.append(*size);
  }
  return axes;
}

DTypeArgument dtype_of(nb::handle dtype, const char* argument) {
  const bool is_name = PyUnicode_Check(dtype.ptr()) != 0;
  DTypeArgument told;
  told.name = is_name ? text_of(dtype, argument, kDTypeHint) : name_of_dtype(dtype);
  told.known = dtype_said(told.name);
  const nb::object typestr = is_name ? nb::borrow(dtype) : nb::getattr(dtype, "str", nb::none());
  if (PyUnicode_Check(typestr.ptr()) != 0 && is_swapped(text_of(typestr, argument, kDTypeHint)))
    refuse_dtype(told.name);
  if (!told.known && !is_name) wrong(argument, dtype, kDTypeHint);
  return told;
}

nb::object report_of(nb::handle progress) {
  if (progress.is_none() || progress.ptr() == Py_False) return {};
  if (progress.ptr() != Py_True && PyCallable_Check(progress.ptr()) == 0)
    wrong("progress", progress, "True, or a callable that takes a weft.Progress");
  return nb::borrow(progress);
}

Peer peer_of(nb::handle peer) {
  const char* const hint = "a ticket's text, or a weft.Node";
  if (PyUnicode_Check(peer.ptr()) != 0) return text_of(peer, "peer", hint);
  const nb::object ticket = nb::steal(PyObject_GetAttrString(peer.ptr(), "ticket"));
  if (!ticket) {
    if (PyErr_ExceptionMatches(PyExc_AttributeError) == 0) throw nb::python_error();  // a node that has none any more
    PyErr_Clear();
  }
  return text_of(ticket ? nb::handle(ticket) : peer, "peer", hint);
}

std::filesystem::path path_of(nb::handle path, const char* argument) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), static_cast<void*>(&encoded)) == 0) {
    PyErr_Clear();
    wrong(argument, path, "a path: str, bytes or os.PathLike, without NUL");
  }
  const nb::object bytes = nb::steal(encoded);
  return std::string(PyBytes_AS_STRING(encoded), static_cast<std::size_t>(PyBytes_GET_SIZE(encoded)));
}

double seconds_of(nb::handle seconds, const char* argument) {
  const double value = PyBool_Check(seconds.ptr()) != 0 ? -1 : PyFloat_AsDouble(seconds.ptr());
  if (PyErr_Occurred() == nullptr && PyBool_Check(seconds.ptr()) == 0 && !std::isnan(value)) return value;
  PyErr_Clear();
  wrong(argument, seconds, "a number of seconds");
}

Duration duration_of(nb::handle seconds, const char* argument) {
  const double value = seconds_of(seconds, argument);
  if (!(value >= 0)) wrong(argument, seconds, "a number of seconds, not below 0");
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(value, 3e9)));
}

Deadline deadline_of(nb::handle seconds) {
  if (seconds.is_none()) return {};
  return duration_of(seconds, "timeout");
}

Slice slice_of(nb::handle slice, std::vector<SingleIndex>& singles) {
  if (slice.is_none()) return {};
  if (PyUnicode_Check(slice.ptr()) != 0) return value_of(Slice::parse(text_of(slice, "slice", kSliceHint)));
  std::vector<Range> ranges;
  if (PyTuple_Check(slice.ptr()) == 0) {
    if (slice.ptr() != Py_Ellipsis) ranges.push_back(range_of(slice, 0, singles));
    return Slice::of(ranges);
  }
  const auto parts = nb::len(slice);
  for (std::size_t i = 0; i < parts; ++i) {
    const nb::object part = slice[i];
    if (part.ptr() == Py_Ellipsis) {
      if (i + 1 != parts) wrong("slice", slice, "`…` only at the end: how many axes there are is known to the peer");
    } else {
      ranges.push_back(range_of(part, i, singles));
    }
  }
  return Slice::of(ranges);
}

nb::object beyond_axis(const Shape& landed, const std::vector<SingleIndex>& singles, std::string_view name) {
  for (const SingleIndex& single : singles)
    if (single.axis < landed.rank() && landed[single.axis] == 0)
      return nb::module_::import_("weft._errors").attr("beyond_axis")(text(name), single.axis, single.index);
  return {};
}

Lane lane_of(nb::handle name) {
  if (name.is_none()) return Lane::kAuto;
  const char* hint = "auto, tls, tcp, verbs, efa, shm, kcp";
  const auto lane = parse_lane(text_of(name, "lane", hint));
  if (!lane) wrong("lane", name, hint);
  return *lane;
}

Verify verify_of(nb::handle word) {
  if (word.is_none()) return Verify::kPieces;
  const auto text = text_of(word, "verify", "pieces or lane");
  if (text == "pieces") return Verify::kPieces;
  if (text == "lane") return Verify::kLane;
  wrong("verify", word, "pieces or lane");
}

GenerationRule generation_of(nb::handle rule) {
  if (rule.is_none()) return {};
  if (nb::isinstance<GenerationRule>(rule)) return nb::cast<GenerationRule>(rule);
  return GenerationRule::exactly(
      {number_of(rule, "generation", "a generation's number, weft.newer_than(g) or weft.at_least(g)")});
}

void check_device(nb::handle device) {
  if (device.is_none()) return;
  const auto name = text_of(nb::str(device), "device");
  if (name != "cpu")
    raise(ErrorClass::kUnsupported, "get", fmt::format("device={}: Weft lands in host memory yet", name),
          "leave device= out, and move it afterwards: t.torch().to(device)");
}

TraceContext trace_of(nb::handle trace) {
  if (trace.is_none()) return {};
  const char* const hint = "a W3C traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  TraceContext context{.traceparent = text_of(trace, "trace", hint)};
  if (!is_traceparent(context.traceparent)) wrong("trace", trace, hint);
  return context;
}

void read_pages(nb::handle pages, PageLists& lists) {
  if (pages.is_none()) return;
  const char* const hint = "weft.Pages(axis=0, source=[3, 9], target=[0, 1])";
  for (const char* part : {"axis", "source", "target"})
    if (PyObject_HasAttrString(pages.ptr(), part) == 0) wrong("pages", pages, hint);
  const auto axis = index_of(pages.attr("axis"));
  if (!axis || *axis < INT_MIN || *axis > INT_MAX) wrong("pages.axis", pages.attr("axis"), hint);
  lists.pages.axis = static_cast<int>(*axis);
  read_indices(pages.attr("source"), lists.source, "pages.source");
  lists.pages.source = lists.source;
  const nb::object target = pages.attr("target");
  if (target.is_none()) return;
  read_indices(target, lists.target, "pages.target");
  lists.pages.target = lists.target;
}

}  // namespace weft::python
