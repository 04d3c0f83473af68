#include <weft/python/files.hpp>

#include <optional>
#include <utility>
#include <vector>

#include <weft/python/arguments.hpp>
#include <weft/python/courier.hpp>
#include <weft/python/docs.hpp>
#include <weft/python/dtypes.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/gil.hpp>
#include <weft/python/input.hpp>
#include <weft/python/text_map.hpp>
#include <weft/tensor/safetensors.hpp>
#include <weft/tensor/safetensors_writer.hpp>
#include <weft/tensor/selection.hpp>

/// safetensors files of this host, by the engine's own reader and writer.
namespace weft::python {
namespace {

template <class Work>
auto without_gil(Work work) {
  const GilReleased released;
  return work();
}

nb::list entries_of(const SafetensorsFile& file) {
  nb::list all;
  for (const SafetensorsEntry& entry : file.entries()) {
    nb::list axes;
    for (const std::int64_t axis : entry.meta.shape) axes.append(axis);
    all.append(
        nb::make_tuple(text(entry.name), text(dtype_text(entry.meta)), nb::tuple(axes), entry.offset, entry.bytes));
  }
  return all;
}

nb::object metadata_of(const SafetensorsFile& file) {
  if (file.header().metadata().empty()) return nb::none();
  return dict_of(file.header().metadata());
}

Result<void> write_all(const std::filesystem::path& path, const std::vector<SafetensorsItem>& items,
                       const std::vector<const std::byte*>& memory, const SafetensorsMetadata& metadata) {
  WEFT_LET(auto writer, SafetensorsWriter::open(path, items, metadata));
  for (std::size_t i = 0; i < items.size(); ++i) {
    WEFT_LET(const auto whole, Selection::whole(items[i].meta));
    Result<void> written{};
    whole.for_each(0, whole.bytes(), [&](std::uint64_t at, std::uint64_t dense, std::uint64_t length) {
      if (written) written = writer.write(i, dense, {memory[i] + at, static_cast<std::size_t>(length)});
    });
    WEFT_TRY(written);
  }
  return writer.finish();
}

void save(nb::handle path, const nb::list& tensors, nb::handle metadata) {
  const Courier::Delivery delivery;
  const auto file = path_of(path);
  const auto told = text_map<SafetensorsMetadata>(metadata, "metadata");
  std::vector<SafetensorsItem> items;
  std::vector<const std::byte*> memory;
  std::vector<KeepAlive> held;
  for (const nb::handle pair : tensors) {
    std::string name = name_of(pair[0]);
    Input input = read_input(pair[1], "save_file", name);
    items.push_back({.name = std::move(name), .meta = std::move(input.meta)});
    memory.push_back(static_cast<const std::byte*>(input.data));
    held.push_back(std::move(input.hold));
  }
  value_of(without_gil([&] { return write_all(file, items, memory, told); }));
}

}  // namespace

void bind_files(nb::module_& module) {
  nb::class_<SafetensorsFile>(module, "SafetensorsFile", docs::kSafetensorsFile)
      .def(nb::new_([](nb::handle path) {
             const auto file = path_of(path);
             return value_of(without_gil([&] { return SafetensorsFile::open(file); }));
           }),
           nb::arg("path"))
      .def_prop_ro("entries", &entries_of)
      .def_prop_ro("metadata", &metadata_of)
      .def_prop_ro("fd", &SafetensorsFile::fd);
  module.def("save_safetensors", &save, nb::arg("path"), nb::arg("tensors"), nb::arg("metadata") = nb::none(),
             docs::kSaveSafetensors);
}

}  // namespace weft::python
