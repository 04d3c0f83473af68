#include <weft/python/arguments.hpp>

#include <chrono>

#include <fmt/format.h>

#include <weft/python/errors.hpp>
#include <weft/python/input.hpp>

namespace weft::python {
namespace {

[[noreturn]] void wrong(const char* argument, nb::handle value, std::string hint) {
  raise(ErrorClass::kInvalidArgument, argument,
        fmt::format("{}={} cannot be", argument, nb::cast<std::string>(nb::repr(value))), std::move(hint));
}

std::string_view string_of(nb::handle value, const char* argument, const char* hint) {
  if (PyUnicode_Check(value.ptr()) == 0) wrong(argument, value, hint);
  Py_ssize_t size = 0;
  const char* const utf8 = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (utf8 == nullptr) throw nb::python_error();  // lone surrogates
  return {utf8, static_cast<std::size_t>(size)};
}

std::int64_t index_of(nb::handle value, std::int64_t otherwise) {
  if (value.is_none()) return otherwise;
  const nb::object index = nb::steal(PyNumber_Index(value.ptr()));
  if (!index) throw nb::python_error();
  return nb::cast<std::int64_t>(index);
}

Range range_of(nb::handle part) {
  if (PySlice_Check(part.ptr()) == 0) {
    const std::int64_t index = index_of(part, 0);
    return {.start = index, .stop = index == -1 ? kEnd : index + 1};
  }
  return {.start = index_of(part.attr("start"), 0),
          .stop = index_of(part.attr("stop"), kEnd),
          .step = index_of(part.attr("step"), 1)};
}

void read_indices(nb::handle given, std::vector<std::uint32_t>& indices, const char* argument) {
  if (PyObject_CheckBuffer(given.ptr()) != 0 || PyObject_HasAttrString(given.ptr(), "__dlpack__") != 0) {
    const Input input = read_input(given);
    if (input.meta.dtype == DType::kU32 && input.meta.strides.empty() && input.meta.shape.rank() == 1) {
      const auto* const first = static_cast<const std::uint32_t*>(input.data);
      indices.assign(first, first + input.meta.shape[0]);
      return;
    }
  }
  for (const nb::handle value : nb::object(nb::borrow(given))) {
    const std::int64_t index = index_of(value, 0);
    if (index < 0 || index > UINT32_MAX) wrong(argument, value, "indices from 0 to 2^32 - 1");
    indices.push_back(static_cast<std::uint32_t>(index));
  }
}

}  // namespace

Peer peer_of(nb::handle peer) {
  const char* const hint = "a ticket's text, or a weft.Node";
  if (PyUnicode_Check(peer.ptr()) != 0) return string_of(peer, "peer", hint);
  const nb::object ticket = nb::getattr(peer, "ticket", nb::none());
  return string_of(ticket.is_none() ? peer : nb::handle(ticket), "peer", hint);
}

std::filesystem::path path_of(nb::handle path) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), static_cast<void*>(&encoded)) == 0) throw nb::python_error();
  const nb::object bytes = nb::steal(encoded);
  return std::string(PyBytes_AS_STRING(encoded), static_cast<std::size_t>(PyBytes_GET_SIZE(encoded)));
}

Duration duration_of(nb::handle seconds, const char* argument) {
  const double value = PyFloat_AsDouble(seconds.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    wrong(argument, seconds, "a number of seconds");
  }
  if (!(value >= 0)) wrong(argument, seconds, "a number of seconds, not below 0");
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(value, 3e9)));
}

Deadline deadline_of(nb::handle seconds) {
  if (seconds.is_none()) return {};
  return duration_of(seconds, "timeout");
}

Slice slice_of(nb::handle slice) {
  if (slice.is_none()) return {};
  if (PyUnicode_Check(slice.ptr()) != 0) return value_of(Slice::parse(nb::cast<std::string_view>(slice)));
  std::vector<Range> ranges;
  if (PyTuple_Check(slice.ptr()) == 0 && PyList_Check(slice.ptr()) == 0) {
    if (slice.ptr() != Py_Ellipsis) ranges.push_back(range_of(slice));
    return Slice::of(ranges);
  }
  const auto parts = nb::len(slice);
  for (std::size_t i = 0; i < parts; ++i) {
    const nb::object part = slice[i];
    if (part.ptr() == Py_Ellipsis) {
      if (i + 1 != parts) wrong("slice", slice, "`…` only at the end: how many axes there are is known to the peer");
    } else {
      ranges.push_back(range_of(part));
    }
  }
  return Slice::of(ranges);
}

Lane lane_of(nb::handle name) {
  if (name.is_none()) return Lane::kAuto;
  const char* hint = "auto, tls, tcp, verbs, efa, shm, kcp";
  const auto lane = parse_lane(string_of(name, "lane", hint));
  if (!lane) wrong("lane", name, hint);
  return *lane;
}

Verify verify_of(nb::handle word) {
  if (word.is_none()) return Verify::kPieces;
  const auto text = string_of(word, "verify", "pieces or lane");
  if (text == "pieces") return Verify::kPieces;
  if (text == "lane") return Verify::kLane;
  wrong("verify", word, "pieces or lane");
}

GenerationRule generation_of(nb::handle rule) {
  if (rule.is_none()) return {};
  if (nb::isinstance<GenerationRule>(rule)) return nb::cast<GenerationRule>(rule);
  if (PyLong_Check(rule.ptr()) == 0)
    wrong("generation", rule, "a generation's number, weft.newer_than(g) or weft.at_least(g)");
  return GenerationRule::exactly({nb::cast<std::uint64_t>(rule)});
}

void check_device(nb::handle device) {
  if (device.is_none()) return;
  const auto name = nb::cast<std::string>(nb::str(device));
  if (name != "cpu")
    raise(ErrorClass::kUnsupported, "get", fmt::format("device={}: Weft lands in host memory yet", name),
          "leave device= out, and move it afterwards: t.torch().to(device)");
}

TraceContext trace_of(nb::handle trace) {
  if (trace.is_none()) return {};
  return {.traceparent = std::string(string_of(trace, "trace", "a W3C traceparent"))};
}

void read_pages(nb::handle pages, PageLists& lists) {
  if (pages.is_none()) return;
  lists.pages.axis = nb::cast<int>(pages.attr("axis"));
  read_indices(pages.attr("source"), lists.source, "pages.source");
  lists.pages.source = lists.source;
  const nb::object target = pages.attr("target");
  if (target.is_none()) return;
  read_indices(target, lists.target, "pages.target");
  lists.pages.target = lists.target;
}

}  // namespace weft::python
