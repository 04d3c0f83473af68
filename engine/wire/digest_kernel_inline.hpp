// XXH3, inlined: included once by each file that makes a DigestKernel, and by nothing else.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <weft/wire/digest_kernel.hpp>

namespace weft::wire::detail {
namespace {

static_assert(sizeof(XXH3_state_t) <= kStateBytes && alignof(XXH3_state_t) <= 64);

std::uint64_t leaf(const void* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

void begin(void* state) {
  XXH3_INITSTATE(static_cast<XXH3_state_t*>(state));
  XXH3_64bits_reset(static_cast<XXH3_state_t*>(state));
}
void add(void* state, const void* bytes, std::size_t size) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}
std::uint64_t end(const void* state) { return XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state)); }

void root(const void* head, std::size_t head_size, const void* tail, std::size_t tail_size, unsigned char* into) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, head, head_size);
  if (tail_size != 0) XXH3_128bits_update(&state, tail, tail_size);
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
  for (std::size_t i = 0; i < sizeof(canonical.digest); ++i) into[i] = canonical.digest[i];
}

}  // namespace
}  // namespace weft::wire::detail
