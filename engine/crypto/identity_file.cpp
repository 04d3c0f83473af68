#include <weft/crypto/identity_file.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <weft/base/fd.hpp>
#include <weft/crypto/openssl_error.hpp>

namespace weft::crypto {
namespace {

constexpr std::size_t kMaxKeyFileBytes = std::size_t{16} * 1024;

struct BioTraits {
  using Handle = BIO*;
  static Handle none() noexcept { return nullptr; }
  static void close(Handle bio) noexcept { BIO_free_all(bio); }
};
using Bio = UniqueHandle<BioTraits>;

int refuse_passphrase(char*, int, int, void*) { return -1; }  // the default would ask on the terminal

/// Group-readable is allowed in one case: root's own file read by somebody else, which is how a service manager hands
/// over a credential (an access list shows as group bits).
bool kept_secret(const struct stat& status) {
  const mode_t others = status.st_mode & (S_IRWXG | S_IRWXO);
  return others == 0 || (others == S_IRGRP && status.st_uid == 0 && geteuid() != 0);
}

Result<void> check_secret(int fd, const std::filesystem::path& path) {
  struct stat status{};
  if (fstat(fd, &status) != 0) return fail_errno(errno, "identity", fmt::format("{}", path.string()));
  if (!S_ISREG(status.st_mode))
    return fail(ErrorClass::kInvalidArgument, "identity", fmt::format("{} is not a file", path.string()));
  if (!kept_secret(status))
    return fail(
        Error{ErrorClass::kForbidden, "identity",
              fmt::format("{} has mode {:04o}: others may read the private key", path.string(), status.st_mode & 07777)}
            .with_hint(fmt::format("chmod 600 '{}'; make a new key if somebody may have read it", path.string())));
  return {};
}

Result<void> write_all(int fd, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t wrote = write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(errno, "identity", fmt::format("writing {}", path.string()));
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (fsync(fd) != 0) return fail_errno(errno, "identity", fmt::format("writing {}", path.string()));
  return {};
}

std::unexpected<Error> fail_open(int code, const std::filesystem::path& path) {
  if (code == ENOENT)
    return fail(Error{ErrorClass::kNotFound, "identity", fmt::format("there is no file {}", path.string())}.with_native(
        code, "ENOENT"));
  if (code == EACCES || code == EPERM)
    return fail(Error{ErrorClass::kForbidden, "identity", fmt::format("{} may not be read by us", path.string())}
                    .with_native(code, "EACCES")
                    .with_hint(fmt::format("run as its owner, or: chown $USER '{}'", path.string())));
  return fail_errno(code, "identity", path.string());
}

}  // namespace

void SecretText::wipe() noexcept {
  OPENSSL_cleanse(text_.data(), text_.size());
  text_.clear();
}

Result<SecretText> read_secret_file(const std::filesystem::path& path) {
  const Fd file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!file) return fail_open(errno, path);
  WEFT_TRY(check_secret(file.get(), path));
  std::string text(kMaxKeyFileBytes, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "identity", fmt::format("reading {}", path.string()));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size == text.size())
    return fail(ErrorClass::kMalformed, "identity", fmt::format("{} is too long for a key file", path.string()));
  text.resize(size);
  return SecretText{std::move(text)};
}

Result<void> write_secret_file(const std::filesystem::path& path, std::string_view text) {
  // Written under another name and linked, so that nobody ever reads half a key and an existing one is never replaced.
  std::string temporary = path.string() + ".XXXXXX";
  const Fd file{mkostemp(temporary.data(), O_CLOEXEC)};  // mode 0600
  if (!file) return fail_errno(errno, "identity", fmt::format("creating {}", path.string()));
  Result<void> written = write_all(file.get(), text, path);
  const int linked = written ? link(temporary.c_str(), path.c_str()) : 0;
  const int code = errno;
  unlink(temporary.c_str());
  WEFT_TRY(std::move(written));
  if (linked == 0) return {};
  if (code == EEXIST)
    return fail(Error{ErrorClass::kExists, "identity", fmt::format("there is a file {} already", path.string())}
                    .with_native(code, "EEXIST")
                    .with_hint("an identity is never replaced: load it, or move it away"));
  return fail_errno(code, "identity", fmt::format("creating {}", path.string()));
}

Result<evp_pkey_st*> parse_private_key(std::string_view pem, const std::filesystem::path& path) {
  const Bio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  EVP_PKEY* key = bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_passphrase, nullptr) : nullptr;
  if (key != nullptr && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) return key;
  EVP_PKEY_free(key);
  Error error = fail_openssl(ErrorClass::kMalformed, "identity",
                             fmt::format("{} holds no Ed25519 private key in PEM", path.string()))
                    .error();
  return fail(std::move(error).with_hint("make one: openssl genpkey -algorithm ed25519, without a passphrase"));
}

Result<SecretText> print_private_key(evp_pkey_st* key) {
  const Bio bio{BIO_new(BIO_s_secmem())};
  char* data = nullptr;
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fail_openssl(ErrorClass::kInternal, "identity", "the key could not be written as PEM");
  const long size = BIO_get_mem_data(bio.get(), &data);
  return SecretText{std::string(data, static_cast<std::size_t>(size))};
}

}  // namespace weft::crypto
