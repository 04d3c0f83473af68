#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <unordered_map>
#include <unordered_set>

#include <weft/base/fd.hpp>
#include <weft/base/limits.hpp>
#include <weft/base/text.hpp>
#include <weft/tensor/safetensors.hpp>
#include <weft/tensor/safetensors_index.hpp>
#include <weft/tensor/safetensors_json.hpp>

namespace weft {
namespace {

constexpr const char* kOperation = "safetensors index";

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorClass::kMalformed, kOperation, std::move(message));
}

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name != "." && name != ".." &&
         name.find_first_of("/\\") == name.npos && is_clean_utf8(name);
}

// {"weight_map": {name: file…}, anything else…}
class IndexListener final : public detail::JsonListener {
 public:
  Result<void> on_begin(bool object) override {
    ++depth_;
    if (depth_ == 1 && !object) return malformed("no object");
    if (depth_ == 2 && at_map_) return object ? Result<void>{} : malformed("weight_map is no object");
    if (depth_ == 3 && at_map_) return malformed(fmt::format("tensor {}: no file name", detail::shown(name_)));
    return {};
  }
  Result<void> on_end() override {
    --depth_;
    return {};
  }
  Result<void> on_key(std::string& key) override {
    if (depth_ == 1) return on_top_key(key);
    if (depth_ != 2 || !at_map_) return {};
    name_ = std::move(key);
    if (name_.size() > kMaxNameBytes || !is_clean_utf8(name_))
      return malformed(fmt::format("tensor {}: a name is at most {} bytes of UTF-8 without NUL", detail::shown(name_),
                                   kMaxNameBytes));
    if (!names_.insert(name_).second)
      return malformed(fmt::format("tensor {} stands there twice", detail::shown(name_)));
    return {};
  }
  Result<void> on_text(std::string& text) override {
    if (depth_ != 2 || !at_map_) return on_scalar();
    if (!is_plain_file_name(text))
      return malformed(fmt::format("tensor {}: {} is no plain file name", detail::shown(name_), detail::shown(text)));
    const auto [place, added] = known_.try_emplace(text, files.size());
    if (added) files.push_back(std::move(text));
    weights.push_back({.name = name_, .file = place->second});
    return {};
  }
  Result<void> on_count(std::uint64_t) override { return on_scalar(); }
  Result<void> on_other(std::string_view) override { return on_scalar(); }

  std::vector<SafetensorsIndex::Weight> weights;
  std::vector<std::string> files;
  bool has_map = false;

 private:
  Result<void> on_top_key(const std::string& key) {
    at_map_ = key == "weight_map";
    if (at_map_ && has_map) return malformed("weight_map stands there twice");
    has_map = has_map || at_map_;
    return {};
  }
  Result<void> on_scalar() const {
    if (depth_ == 0) return malformed("no object");
    if (depth_ == 1 && at_map_) return malformed("weight_map is no object");
    if (depth_ == 2 && at_map_) return malformed(fmt::format("tensor {}: no file name", detail::shown(name_)));
    return {};
  }

  std::size_t depth_ = 0;
  bool at_map_ = false;  // inside, or right before, the value of weight_map
  std::string name_;
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, std::size_t> known_;  // file → index of files
};

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path) {
  Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) return fail_errno(errno, "open", path.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "fstat", path.string());
  if (!S_ISREG(status.st_mode))
    return fail(ErrorClass::kInvalidArgument, kOperation, fmt::format("{} is no regular file", path.string()));
  if (static_cast<std::uint64_t>(status.st_size) > kMaxSafetensorsHeaderBytes)
    return malformed(fmt::format("{} is over the limit of {} bytes", path.string(), kMaxSafetensorsHeaderBytes));
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read", path.string());
    if (got == 0) break;  // it became shorter; the JSON will tell
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace

Result<SafetensorsIndex> SafetensorsIndex::parse(std::span<const std::byte> json) {
  IndexListener listener;
  WEFT_TRY(detail::read_json(json, listener, kOperation));
  if (!listener.has_map) return malformed("no weight_map");
  SafetensorsIndex index;
  index.weights_ = std::move(listener.weights);
  index.files_ = std::move(listener.files);
  return index;
}

Result<SafetensorsIndex> SafetensorsIndex::open(const std::filesystem::path& path) {
  WEFT_LET(const std::vector<std::byte> json, read_file(path));
  auto index = parse(json);
  if (!index)
    return fail(ErrorClass::kMalformed, kOperation, fmt::format("{}: {}", path.string(), index.error().message()));
  return index;
}

}  // namespace weft
