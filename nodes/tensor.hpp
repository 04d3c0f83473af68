#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <weft/base/ids.hpp>
#include <weft/base/lane_name.hpp>
#include <weft/base/result.hpp>
#include <weft/tensor/tensor_view.hpp>

namespace weft {

/// Keeps memory alive that is not the node's own.
using KeepAlive = std::shared_ptr<const void>;

/// A tensor that was received: a lease on its bytes, dense host memory, private to the holder. Move-only; `share` makes
/// another lease on the same bytes. With `into` it is a view of the caller's memory, which it does not keep alive:
/// dense memory by what came (its dtype and shape, however large the memory is), strided memory and pages as `into`
/// was.
class Tensor {
 public:
  struct Parts {
    TensorView view{};
    KeepAlive lease{};
    std::string name{};
    Generation generation{};
    Digest digest{};
    Lane lane = Lane::kAuto;
    NodeId from{};
    std::uint32_t index = 0;
    Incarnation incarnation{};
    bool whole = false;  ///< of what its name stands for, not a part
  };
  Tensor() = default;
  explicit Tensor(Parts parts) : parts_(std::move(parts)) {}
  /// A tensor of the caller's own memory, for `put`.
  static Result<Tensor> own(TensorMeta meta, std::shared_ptr<const std::byte[]> bytes);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;

  const TensorView& view() const noexcept { return parts_.view; }
  const TensorMeta& meta() const noexcept { return parts_.view.meta(); }
  /// Whether its elements lie one after the other, row-major.
  bool is_dense() const;
  /// What came, in order; nothing where it is not dense: see view().
  std::span<const std::byte> bytes() const {
    if (!is_dense()) return {};
    return {static_cast<const std::byte*>(parts_.view.data()), static_cast<std::size_t>(parts_.view.byte_size())};
  }
  std::string_view name() const noexcept { return parts_.name; }
  Generation generation() const noexcept { return parts_.generation; }
  Lane lane() const noexcept { return parts_.lane; }
  Digest digest() const noexcept { return parts_.digest; }
  NodeId from() const noexcept { return parts_.from; }
  const KeepAlive& lease() const noexcept { return parts_.lease; }
  /// What a later `get` may name instead of the string (12 bytes on the wire): its index in the sender's catalog.
  std::uint32_t index() const noexcept { return parts_.index; }
  const Incarnation& incarnation() const noexcept { return parts_.incarnation; }
  bool is_whole() const noexcept { return parts_.whole; }

  /// The elements; InvalidArgument when T is not the dtype's type or the tensor is not dense.
  template <class T>
  Result<std::span<const T>> as() const {
    if (dtype_of<T>() != meta().dtype)
      return fail(ErrorClass::kInvalidArgument, "as", "the tensor is " + std::string(to_string(meta().dtype)));
    if (!is_dense())
      return fail(Error(ErrorClass::kInvalidArgument, "as", "the tensor is strided: its elements are not in a row")
                      .with_hint("walk view() by its strides, or get it without a strided `into`"));
    return std::span<const T>(static_cast<const T*>(parts_.view.data()), parts_.view.byte_size() / sizeof(T));
  }
  Tensor share() const { return Tensor(parts_); }

 private:
  Parts parts_;
};

/// The receiver's word that every byte landed.
struct Receipt {
  std::uint64_t bytes = 0;
  Generation generation{};
  Digest digest{};
  Lane lane = Lane::kAuto;
  bool verified_pieces = true;  ///< false: the lane's own checks only
  double seconds = 0;
};

/// One line of a listing.
struct Entry {
  std::string name{};
  TensorMeta meta{};
  std::uint64_t bytes = 0;
  Generation generation{};
};

/// What a peer wants to push, before any byte of it has moved.
struct Offer {
  NodeId from{};
  std::string name{};
  TensorMeta meta{};
  std::uint64_t bytes = 0;
  Generation generation{};
};

}  // namespace weft
