#pragma once

#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include <weft/base/result.hpp>
#include <weft/tensor/device.hpp>
#include <weft/tensor/tensor_meta.hpp>

namespace weft {

/// The C++ types that a DType stands for. The others (bfloat16, float8, 4-bit…) have none: use `make`.
template <class T>
concept Element =
    (std::integral<T> && !std::same_as<T, char> && !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
     !std::same_as<T, char16_t> && !std::same_as<T, char32_t> && sizeof(T) <= 8) ||
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::complex<float>> ||
    std::same_as<T, std::complex<double>>;

template <Element T>
constexpr DType dtype_of() noexcept {
  if constexpr (std::same_as<T, bool>) return DType::kBool;
  if constexpr (std::same_as<T, float>) return DType::kF32;
  if constexpr (std::same_as<T, double>) return DType::kF64;
  if constexpr (std::same_as<T, std::complex<float>>) return DType::kC64;
  if constexpr (std::same_as<T, std::complex<double>>) return DType::kC128;
  if constexpr (std::integral<T>) {
    constexpr bool kSigned = std::signed_integral<T>;
    if constexpr (sizeof(T) == 1) return kSigned ? DType::kI8 : DType::kU8;
    if constexpr (sizeof(T) == 2) return kSigned ? DType::kI16 : DType::kU16;
    if constexpr (sizeof(T) == 4) return kSigned ? DType::kI32 : DType::kU32;
    if constexpr (sizeof(T) == 8) return kSigned ? DType::kI64 : DType::kU64;
  }
}

/// A tensor in memory that somebody else owns: what it is and where it is. A value; the memory must outlive its use.
///
/// `of` returns the view itself, so that a call can be written in one line. One that was given a span of another size
/// than its shape says is invalid: no bytes, and `error()` set, which every call that is handed the view returns.
class TensorView {
 public:
  /// No tensor: `given()` is false.
  TensorView() = default;

  /// Dense host memory. Invalid (see above) when `elements` are not as many as `shape` says, or it is no valid shape.
  template <Element T>
  static TensorView of(std::span<const T> elements, Shape shape) {
    return checked(dtype_of<T>(), std::move(shape), elements.data(), elements.size());
  }
  /// kOpaque bytes of host memory, of shape [size].
  static TensorView bytes(std::span<const std::byte> bytes);
  /// Any meta. InvalidArgument or Unsupported as TensorMeta::validate, or a null pointer to bytes that there are.
  static Result<TensorView> make(TensorMeta meta, const void* data, Device device = {});

  const TensorMeta& meta() const noexcept { return meta_; }
  /// The first element. Null only when there are no bytes.
  const void* data() const noexcept { return data_; }
  Device device() const noexcept { return device_; }
  /// Bytes of it, dense; 0 when invalid.
  std::uint64_t byte_size() const noexcept { return bytes_; }
  /// Bytes from data() on that its strides reach; equal to byte_size() when it is dense.
  std::uint64_t extent_bytes() const noexcept { return extent_; }
  bool given() const noexcept { return given_; }
  const std::optional<Error>& error() const noexcept { return error_; }
  /// error() as a Result, and InvalidArgument when nothing was given: what a call checks first.
  Result<void> check() const;

 private:
  friend class MutableTensorView;
  static TensorView checked(DType dtype, Shape shape, const void* data, std::uint64_t elements);

  TensorMeta meta_{};
  const void* data_ = nullptr;
  Device device_{};
  std::uint64_t bytes_ = 0, extent_ = 0;
  bool given_ = false;
  std::optional<Error> error_{};
};

/// The same over memory that may be written: where a `get` lands. No two elements may share a byte.
class MutableTensorView {
 public:
  /// No tensor: `given()` is false.
  MutableTensorView() = default;

  /// As TensorView's.
  template <Element T>
  static MutableTensorView of(std::span<T> elements, Shape shape) {
    return MutableTensorView{TensorView::of(std::span<const T>{elements}, std::move(shape))};
  }
  static MutableTensorView bytes(std::span<std::byte> bytes);
  /// As TensorView's; InvalidArgument also where two elements would share memory.
  static Result<MutableTensorView> make(TensorMeta meta, void* data, Device device = {});

  const TensorMeta& meta() const noexcept { return view_.meta(); }
  // Made from writable memory only, so taking the const off again is sound.
  void* data() const noexcept { return const_cast<void*>(view_.data()); }
  Device device() const noexcept { return view_.device(); }
  std::uint64_t byte_size() const noexcept { return view_.byte_size(); }
  std::uint64_t extent_bytes() const noexcept { return view_.extent_bytes(); }
  bool given() const noexcept { return view_.given(); }
  const std::optional<Error>& error() const noexcept { return view_.error(); }
  Result<void> check() const { return view_.check(); }

  operator TensorView() const { return view_; }  // a destination can always be read

 private:
  explicit MutableTensorView(TensorView view) : view_(std::move(view)) {}

  TensorView view_;
};

}  // namespace weft
