#include <weft/python/dtypes.hpp>

#include <array>
#include <bit>
#include <utility>

namespace weft::python {
namespace {

// numpy's own, and what ml_dtypes and others call differently than torch.
constexpr std::array<std::pair<std::string_view, DType>, 2> kAliases{
    {{"bool_", DType::kBool}, {"float4_e2m1fn", DType::kF4E2M1}}};

std::optional<DType> of_kind(char kind, std::size_t bytes) noexcept {
  struct Row {
    char kind;
    std::size_t bytes;
    DType dtype;
  };
  static constexpr std::array<Row, 14> kRows{{{'b', 1, DType::kBool},
                                              {'i', 1, DType::kI8},
                                              {'i', 2, DType::kI16},
                                              {'i', 4, DType::kI32},
                                              {'i', 8, DType::kI64},
                                              {'u', 1, DType::kU8},
                                              {'u', 2, DType::kU16},
                                              {'u', 4, DType::kU32},
                                              {'u', 8, DType::kU64},
                                              {'f', 2, DType::kF16},
                                              {'f', 4, DType::kF32},
                                              {'f', 8, DType::kF64},
                                              {'c', 8, DType::kC64},
                                              {'c', 16, DType::kC128}}};
  for (const Row& row : kRows)
    if (row.kind == kind && row.bytes == bytes) return row.dtype;
  return std::nullopt;
}

constexpr char kOtherOrder = std::endian::native == std::endian::little ? '>' : '<';

}  // namespace

std::optional<DType> dtype_named(std::string_view name) noexcept {
  if (const auto dtype = parse_dtype(name)) return dtype;
  for (const auto& [alias, dtype] : kAliases)
    if (alias == name) return dtype;
  return std::nullopt;
}

std::optional<DType> dtype_of_dlpack(DLDataType type) noexcept {
  const bool packed = type.code == 17 && type.bits == 4 && type.lanes == 2;  // torch's float4_e2m1fn_x2
  if (type.lanes != 1 && !packed) return std::nullopt;
  for (std::uint8_t i = 0; i < kDTypes; ++i) {
    const auto known = dlpack_type(static_cast<DType>(i));
    if (known && known->code == type.code && known->bits == type.bits) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::optional<DType> dtype_of_format(std::string_view format, std::size_t item_bytes) noexcept {
  if (format.empty()) return DType::kU8;
  if (format.front() == kOtherOrder || (format.front() == '!' && kOtherOrder == '>'))
    return item_bytes == 1 ? dtype_of_format(format.substr(1), item_bytes) : std::nullopt;
  if (format.front() == '@' || format.front() == '=' || format.front() == '<' || format.front() == '>')
    format.remove_prefix(1);
  if (format == "Zf" || format == "Zd") return of_kind('c', item_bytes);
  if (format.size() != 1) return std::nullopt;
  switch (format.front()) {
    case '?':
      return of_kind('b', item_bytes);
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
      return of_kind('i', item_bytes);
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N':
    case 'c':
      return of_kind('u', item_bytes);
    case 'e':
    case 'f':
    case 'd':
      return of_kind('f', item_bytes);
    default:
      return std::nullopt;
  }
}

std::optional<DType> dtype_of_typestr(std::string_view typestr) noexcept {
  if (typestr.size() < 3) return std::nullopt;
  std::size_t bytes = 0;
  for (const char digit : typestr.substr(2)) {
    if (digit < '0' || digit > '9' || bytes > 16) return std::nullopt;
    bytes = bytes * 10 + static_cast<std::size_t>(digit - '0');
  }
  if (typestr.front() == kOtherOrder && bytes > 1) return std::nullopt;
  return of_kind(typestr[1], bytes);
}

const char* format_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::kBool:
      return "?";
    case DType::kI8:
      return "b";
    case DType::kU8:
    case DType::kOpaque:
      return "B";
    case DType::kI16:
      return "h";
    case DType::kU16:
      return "H";
    case DType::kI32:
      return "i";
    case DType::kU32:
      return "I";
    case DType::kI64:
      return "l";
    case DType::kU64:
      return "L";
    case DType::kF16:
      return "e";
    case DType::kF32:
      return "f";
    case DType::kF64:
      return "d";
    case DType::kC64:
      return "Zf";
    case DType::kC128:
      return "Zd";
    default:
      return nullptr;
  }
}

std::string dtype_text(const TensorMeta& meta) {
  if (meta.dtype == DType::kOpaque && !meta.opaque_type.empty()) return meta.opaque_type;
  return std::string(to_string(meta.dtype));
}

}  // namespace weft::python
