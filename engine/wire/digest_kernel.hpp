#pragma once

#include <cstddef>
#include <cstdint>

// Included by files that are compiled for one CPU each: nothing of the standard library's templates may come in here,
// or the linker could keep a copy that other CPUs cannot run.
namespace weft::wire::detail {

constexpr std::size_t kStateBytes = 576;

/// XXH3 compiled for one instruction set.
struct DigestKernel {
  const char* name;
  std::uint64_t (*leaf)(const void* bytes, std::size_t size);
  /// The same in parts, in kStateBytes of memory aligned to 64.
  void (*begin)(void* state);
  void (*add)(void* state, const void* bytes, std::size_t size);
  std::uint64_t (*end)(const void* state);
  /// XXH3-128 of head, then tail, into 16 bytes in canonical order.
  void (*root)(const void* head, std::size_t head_size, const void* tail, std::size_t tail_size, unsigned char* into);
};

extern const DigestKernel kPlainKernel;  ///< what the compiler's target allows: SSE2 on x86-64
#if defined(__x86_64__)
extern const DigestKernel kAvx2Kernel;
extern const DigestKernel kAvx512Kernel;
#endif

/// The kernels that this CPU runs, the fastest first. Never empty.
struct DigestKernels {
  const DigestKernel* kernel[3];
  std::size_t count;
};
DigestKernels digest_kernels() noexcept;

}  // namespace weft::wire::detail
