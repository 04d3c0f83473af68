#include <weft/memory/buffer.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include <weft/base/checked.hpp>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace weft::memory {

void Buffer::MappingTraits::close(Handle mapping) noexcept { ::munmap(mapping.data, mapping.size); }

Result<Buffer> Buffer::allocate(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (bytes == 0) return fail(ErrorClass::kInvalidArgument, "allocate", "a buffer of no bytes");
  const bool huge = bytes >= kHugePageBytes;
  const auto padded = checked_add(bytes, page - 1 + (huge ? kHugePageBytes : 0));
  if (!padded) return fail(ErrorClass::kResourceExhausted, "allocate", "more memory than an address can name");
  const std::size_t size = round_up(bytes, page);
  const std::size_t reserved = huge ? size + kHugePageBytes : size;

  void* mapped = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return fail_errno(errno, "mmap");
  auto* data = static_cast<std::byte*>(mapped);
  if (huge) {  // cut the ends off what was reserved, so that it starts on a huge page
    const auto start = reinterpret_cast<std::uintptr_t>(data);
    const std::size_t before = round_up<std::uintptr_t>(start, kHugePageBytes) - start;
    if (before > 0) ::munmap(data, before);
    if (before < kHugePageBytes) ::munmap(data + before + size, kHugePageBytes - before);
    data += before;
    ::madvise(data, size, MADV_HUGEPAGE);  // advice: small pages work as well
  }
  return Buffer{Mapping{{data, size}}};
}

Result<void> Buffer::populate() {
  if (size() == 0) return {};
  while (::madvise(data(), size(), MADV_POPULATE_WRITE) != 0) {
    if (errno == EINTR || errno == EAGAIN) continue;
    if (errno != EINVAL) return fail_errno(errno, "madvise", "populating a buffer");
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));  // a kernel before 5.14
    for (std::size_t at = 0; at < size(); at += page) *const_cast<volatile std::byte*>(data() + at) = std::byte{0};
    break;
  }
  return {};
}

}  // namespace weft::memory
