#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include <weft/base/ids.hpp>
#include <weft/nodes/c/fault.hpp>

namespace weft::c {

/// The secret of an accessKeyFile: it covers the token in a target info, so that the info alone opens nothing. Wiped
/// when it goes.
class AccessKey {
 public:
  static constexpr std::size_t kTokenBytes = 16;
  using Token = std::array<std::byte, kTokenBytes>;

  /// The file's bytes without white space at their end, 16 to 4096. NOT_FOUND; PERMISSION_DENIED: others may read it;
  /// INVALID_ARG: its size.
  static Outcome<AccessKey> load(const std::filesystem::path& path);
  AccessKey(AccessKey&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  AccessKey& operator=(AccessKey&&) = delete;
  ~AccessKey();

  /// Covers a token, or uncovers it: the same. A ring of a node has one token, so a cover is used for one token only.
  Outcome<Token> cover(const Token& token, const NodeId& node, std::string_view ring) const;

 private:
  explicit AccessKey(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::vector<std::byte> bytes_;
};

}  // namespace weft::c
