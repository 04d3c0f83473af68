#include <weft/nodes/c/access_key.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include <weft/base/fd.hpp>
#include <weft/crypto/mac.hpp>

namespace weft::c {
namespace {

constexpr std::size_t kLeastBytes = 16;
constexpr std::size_t kMostBytes = 4096;
constexpr std::string_view kPurpose = "weft target info token\n";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

Outcome<AccessKey> AccessKey::load(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return fail_errno(errno, "accessKeyFile", path.string());
  struct stat what{};
  if (::fstat(file.get(), &what) != 0) return fail_errno(errno, "accessKeyFile", path.string());
  if (!S_ISREG(what.st_mode)) return bad_argument(fmt::format("accessKeyFile {} is no file", path.string()));
  if ((what.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return refuse(WEFT_ERR_PERMISSION_DENIED, fmt::format("accessKeyFile {} can be read by others", path.string()),
                  "chmod 600");
  AccessKey key(std::vector<std::byte>(kMostBytes + 1));
  const ssize_t got = ::read(file.get(), key.bytes_.data(), key.bytes_.size());
  if (got < 0) return fail_errno(errno, "accessKeyFile", path.string());
  auto size = static_cast<std::size_t>(got);
  const auto blank = [](std::byte b) { return b == std::byte{'\n'} || b == std::byte{'\r'} || b == std::byte{' '}; };
  while (size != 0 && size <= kMostBytes && blank(key.bytes_[size - 1])) --size;
  if (size < kLeastBytes || size > kMostBytes)
    return bad_argument(fmt::format("accessKeyFile {} has {} bytes, and may have {} to {}", path.string(), size,
                                    kLeastBytes, kMostBytes));
  key.bytes_.resize(size);
  return key;
}

AccessKey::~AccessKey() {
  if (!bytes_.empty()) ::explicit_bzero(bytes_.data(), bytes_.size());
}

Outcome<AccessKey::Token> AccessKey::cover(const Token& token, const NodeId& node, std::string_view ring) const {
  std::vector<std::byte> message;
  for (const auto part : {bytes_of(kPurpose), std::span<const std::byte>(node.bytes), bytes_of(ring)})
    message.insert(message.end(), part.begin(), part.end());
  static_assert(crypto::kMacBytes == kTokenBytes);
  WEFT_C_LET(const crypto::Mac mac, crypto::mac(bytes_, message));
  Token covered;
  for (std::size_t i = 0; i != kTokenBytes; ++i) covered[i] = token[i] ^ mac[i];
  return covered;
}

}  // namespace weft::c
