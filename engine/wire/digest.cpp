#include <weft/wire/digest.hpp>

#include <bit>

#include <weft/wire/digest_kernel.hpp>

namespace weft::wire {
namespace detail {

DigestKernels digest_kernels() noexcept {
#if defined(__x86_64__)
  DigestKernels found{{}, 0};
  if (__builtin_cpu_supports("avx512f")) found.kernel[found.count++] = &kAvx512Kernel;
  if (__builtin_cpu_supports("avx2")) found.kernel[found.count++] = &kAvx2Kernel;
  found.kernel[found.count++] = &kPlainKernel;
  return found;
#else
  return {{&kPlainKernel}, 1};
#endif
}

}  // namespace detail

namespace {

const detail::DigestKernel& fastest() noexcept {
  static const detail::DigestKernel& kernel = *detail::digest_kernels().kernel[0];
  return kernel;
}

}  // namespace

Leaf leaf_of(std::span<const std::byte> bytes) noexcept { return fastest().leaf(bytes.data(), bytes.size()); }

LeafStream::LeafStream() noexcept {
  static_assert(sizeof(state_) >= detail::kStateBytes);
  fastest().begin(state_.data());
}
void LeafStream::add(std::span<const std::byte> bytes) noexcept {
  if (!bytes.empty()) fastest().add(state_.data(), bytes.data(), bytes.size());
}
Leaf LeafStream::leaf() const noexcept { return fastest().end(state_.data()); }

Digest root_of(std::uint64_t total, Generation generation, std::span<const Leaf> leaves) noexcept {
  static_assert(std::endian::native == std::endian::little, "words are hashed as they lie in memory");
  const std::uint64_t head[2] = {total, generation.value};
  Digest digest;
  fastest().root(head, sizeof head, leaves.data(), leaves.size_bytes(),
                 reinterpret_cast<unsigned char*>(digest.bytes.data()));
  return digest;
}

}  // namespace weft::wire
