// Whatever bytes stand in a .safetensors header or an index: they are refused, or what is read of them is consistent.
#include <cstdint>
#include <cstdlib>
#include <span>

#include <weft/tensor/safetensors.hpp>
#include <weft/tensor/safetensors_index.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const weft::SafetensorsHeader& header, std::uint64_t file_bytes) {
  std::uint64_t at = header.data_offset();
  for (const weft::SafetensorsEntry& entry : header.entries()) {
    require(entry.offset == at);
    require(entry.meta.validate().has_value());
    const auto bytes = entry.meta.byte_size();
    require(bytes.has_value() && *bytes == entry.bytes);
    require(header.find(entry.name) == &entry);
    at += entry.bytes;
  }
  require(at == file_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  if (const auto header = weft::SafetensorsHeader::parse(bytes, size)) check(*header, size);
  // A header read alone, before a file whose data has the size that it says: nothing of the data is looked at.
  if (const auto length = weft::SafetensorsHeader::measure(bytes, size)) {
    const auto prefix = bytes.first(*length);
    for (const std::uint64_t data_bytes : {std::uint64_t{0}, std::uint64_t{40}, std::uint64_t{1} << 40})
      if (const auto header = weft::SafetensorsHeader::parse(prefix, *length + data_bytes))
        check(*header, *length + data_bytes);
  }
  if (const auto index = weft::SafetensorsIndex::parse(bytes))
    for (const auto& weight : index->weights()) require(weight.file < index->files().size());
  return 0;
}
