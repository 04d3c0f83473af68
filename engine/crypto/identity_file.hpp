#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <weft/base/result.hpp>

struct evp_pkey_st;

/// How a private key is kept on disk. Internal to Identity.
namespace weft::crypto {

/// Text that is wiped when dropped.
class SecretText {
 public:
  explicit SecretText(std::string text) noexcept : text_(std::move(text)) {}
  SecretText(SecretText&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
  SecretText& operator=(SecretText&&) = delete;
  ~SecretText() { wipe(); }
  std::string_view view() const noexcept { return text_; }

 private:
  void wipe() noexcept;
  std::string text_;
};

/// The whole of a small file that nobody but its owner may read. Errors as Identity::load says.
Result<SecretText> read_secret_file(const std::filesystem::path& path);
/// A new file of mode 0600: whole under its name, or not there. Exists: there is one already.
Result<void> write_secret_file(const std::filesystem::path& path, std::string_view text);

/// The caller owns the key (EVP_PKEY_free). `path` is for the error only.
Result<evp_pkey_st*> parse_private_key(std::string_view pem, const std::filesystem::path& path);
Result<SecretText> print_private_key(evp_pkey_st* key);

}  // namespace weft::crypto
