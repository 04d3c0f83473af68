#include <weft/nodes/c/flow_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include <weft/crypto/random.hpp>

namespace weft::c {
namespace {

std::unexpected<Fault> fail_file(int code, const char* step, const char* name) {
  Error error = fail_errno(code, step, fmt::format("flow \"{}\"", name)).error();
  if (code == ENOENT) return std::unexpected(Fault(WEFT_ERR_FLOW_NOT_FOUND, std::move(error)));
  if (code == ELOOP || code == EISDIR || code == ENXIO)
    return std::unexpected(Fault(WEFT_ERR_FLOW_INVALID, std::move(error)));
  if (code == ENOSPC || code == EDQUOT || code == EFBIG)
    return std::unexpected(Fault(
        WEFT_ERR_NO_MEMORY, std::move(error).with_hint("the domain's file system is full: fewer or smaller grains")));
  return std::unexpected(Fault(std::move(error)));
}

/// The one byte that a writer locks, far behind any flow's end. A lock of the open file, not of the process: it ends
/// with its last descriptor, and two writers of one process exclude each other too.
struct flock writer_lock() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 1ll << 62;
  lock.l_len = 1;
  return lock;
}

Outcome<void> fill(int file, const FlowLayout& layout, const char* name) {
  // Every page is taken now: one that is missing when it is written would be SIGBUS.
  if (const int code = ::posix_fallocate(file, 0, static_cast<off_t>(layout.total_bytes())); code != 0)
    return fail_file(code, "posix_fallocate", name);
  const FlowShape shape = layout.shape();
  if (::pwrite(file, &shape, sizeof shape, 0) != static_cast<ssize_t>(sizeof shape))
    return fail_file(errno, "pwrite", name);
  if (!layout.discrete()) return {};
  // A slot as it lies in the file: sequence, index, slices and flags, and what is reserved.
  using Slot = std::array<std::uint64_t, sizeof(FlowSlot) / sizeof(std::uint64_t)>;
  const std::vector<Slot> none(std::min<std::size_t>(shape.grain_count, 4096), Slot{0, kNoGrain, 0, 0});
  for (std::uint32_t slot = 0; slot < shape.grain_count; slot += static_cast<std::uint32_t>(none.size())) {
    const std::size_t bytes = std::min<std::size_t>(shape.grain_count - slot, none.size()) * sizeof(Slot);
    if (::pwrite(file, none.data(), bytes, static_cast<off_t>(layout.slot_at(slot))) != static_cast<ssize_t>(bytes))
      return fail_file(errno, "pwrite", name);
  }
  return {};
}

}  // namespace

Outcome<void> FlowFile::create(const Domain& domain, const char* name, const FlowLayout& layout) {
  WEFT_C_LET(const std::string file_name, Domain::file_of(name));
  // Asked first, so that a ring that is there already costs no memory.
  if (::faccessat(domain.fd(), file_name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    return refuse(WEFT_ERR_EXISTS, fmt::format("flow \"{}\" is there already", name));
  // Without a name until it is whole; file systems that cannot do that get a hidden one.
  Fd file(::openat(domain.fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  std::string hidden;
  if (!file) {
    WEFT_C_LET(const std::uint64_t random, crypto::random_u64());
    hidden = fmt::format(".weft-{:016x}", random);
    file.reset(::openat(domain.fd(), hidden.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file) return fail_file(errno, "open", name);
  }
  Outcome<void> done = fill(file.get(), layout, name);
  if (done) {
    const std::string path = fmt::format("/proc/self/fd/{}", file.get());
    const int linked = hidden.empty()
                           ? ::linkat(AT_FDCWD, path.c_str(), domain.fd(), file_name.c_str(), AT_SYMLINK_FOLLOW)
                           : ::linkat(domain.fd(), hidden.c_str(), domain.fd(), file_name.c_str(), 0);
    if (linked != 0)
      done = errno == EEXIST ? refuse(WEFT_ERR_EXISTS, fmt::format("flow \"{}\" is there already", name))
                             : fail_file(errno, "link", name);
  }
  if (!hidden.empty()) ::unlinkat(domain.fd(), hidden.c_str(), 0);
  return done;
}

Outcome<std::shared_ptr<FlowFile>> FlowFile::open(const Domain& domain, const char* name, Use use) {
  WEFT_C_LET(const std::string file_name, Domain::file_of(name));
  const bool write = use == Use::kWrite;
  // Not blocking: whatever lies there under that name may be a pipe.
  Fd fd(::openat(domain.fd(), file_name.c_str(),
                 (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail_file(errno, "open", name);
  struct stat what{};
  if (::fstat(fd.get(), &what) != 0) return fail_file(errno, "fstat", name);
  if (!S_ISREG(what.st_mode)) return refuse(WEFT_ERR_FLOW_INVALID, fmt::format("\"{}\" is no file", name));
  FlowShape shape{};
  if (::pread(fd.get(), &shape, sizeof shape, 0) != static_cast<ssize_t>(sizeof shape))
    return refuse(WEFT_ERR_FLOW_INVALID, fmt::format("\"{}\" is too short to be a flow", name));
  WEFT_C_LET(const FlowLayout layout, FlowLayout::of(shape, static_cast<std::uint64_t>(what.st_size)));
  if (write) {
    struct flock lock = writer_lock();
    if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
      if (errno == EAGAIN || errno == EACCES)
        return refuse(WEFT_ERR_CONFLICT, fmt::format("flow \"{}\" has a writer already", name));
      return fail_file(errno, "lock", name);
    }
  }
  void* const data =
      ::mmap(nullptr, layout.total_bytes(), write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return fail_file(errno, "mmap", name);
  Mapping mapping({.data = static_cast<std::byte*>(data), .size = layout.total_bytes()});
  return std::make_shared<FlowFile>(std::move(fd), std::move(mapping), layout, use);
}

Outcome<void> FlowFile::remove(const Domain& domain, const char* name) {
  WEFT_C_LET(const std::string file_name, Domain::file_of(name));
  if (::unlinkat(domain.fd(), file_name.c_str(), 0) != 0) return fail_file(errno, "unlink", name);
  return {};
}

std::span<std::byte> FlowFile::region(std::uint32_t slot) const noexcept {
  return {mapping_.get().data + layout_.grain_at(slot), layout_.region_bytes()};
}

std::span<std::byte> FlowFile::buffers() const noexcept {
  return {mapping_.get().data + layout_.buffers_at(), layout_.buffer_bytes() * layout_.shape().channels};
}

Outcome<void> FlowFile::whole() const {
  struct stat what{};
  if (::fstat(fd_.get(), &what) != 0) return fail_errno(errno, "fstat");
  if (static_cast<std::uint64_t>(what.st_size) < layout_.total_bytes())
    return refuse(WEFT_ERR_FLOW_INVALID, "the flow's file was cut while it is open");
  return {};
}

bool FlowFile::named() const {
  struct stat what{};
  return ::fstat(fd_.get(), &what) == 0 && what.st_nlink > 0;
}

bool FlowFile::has_writer() const {
  if (use_ == Use::kWrite) return true;
  struct flock lock = writer_lock();
  return ::fcntl(fd_.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

weftFlowInfo FlowFile::info() const {
  const std::uint64_t committed = head().committed.load(std::memory_order_acquire);
  weftFlowInfo info{.structSize = 0, .headIndex = committed, .empty = committed == 0, .writerActive = has_writer()};
  if (layout_.discrete() && committed != 0) --info.headIndex;
  return info;
}

}  // namespace weft::c
