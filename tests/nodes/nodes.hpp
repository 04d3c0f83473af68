#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include <tests/process/noise.hpp>
#include <tests/soon.hpp>
#include <weft/weft.hpp>

/// What the tests of a node share: nodes that start, tensors whose bytes follow from a seed, results that must be
/// there.
namespace weft::test {

/// The value, or a failed test that shows the error.
template <class T>
T need(Result<T> result) {
  if (!result) FAIL(result.error().to_string() << " hint: " << result.error().hint());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
T need(std::optional<Result<T>> result) {
  if (!result) FAIL("it did not come in time");
  return need(std::move(*result));
}

template <class T>
ErrorClass failure(const Result<T>& result) {
  if (result) FAIL("it succeeded");
  return result.error().kind();
}

/// Waits for what another thread or node brings about.
template <class Condition>
void until(Condition&& condition) {
  if (!soon(condition)) FAIL("it did not come about");
}

inline void until_connected(const Initiator& initiator, std::size_t target) {
  if (!soon([&] { return initiator.link(target) == TargetLink::kConnected; }))
    FAIL("never connected: " << (initiator.why(target) ? initiator.why(target)->to_string() : ""));
}

inline TensorNode start(NodeOptions options = {}) { return need(TensorNode::start(std::move(options))); }

/// An owned tensor of such bytes.
inline Tensor tensor(DType dtype, Shape shape, std::uint64_t seed) {
  TensorMeta meta{.dtype = dtype, .shape = std::move(shape)};
  const std::uint64_t bytes = need(meta.byte_size());
  const auto content = noise(bytes, seed);
  std::shared_ptr<std::byte[]> own(new std::byte[std::max<std::uint64_t>(1, bytes)]);
  if (bytes != 0) std::memcpy(own.get(), content.data(), bytes);
  return need(Tensor::own(std::move(meta), std::move(own)));
}
inline Tensor blob(std::size_t bytes, std::uint64_t seed) {
  return tensor(DType::kU8, {static_cast<std::int64_t>(bytes)}, seed);
}

inline bool same_bytes(const Tensor& got, const std::vector<std::byte>& expected) {
  return got.bytes().size() == expected.size() &&
         (expected.empty() || std::memcmp(got.bytes().data(), expected.data(), expected.size()) == 0);
}

}  // namespace weft::test
