#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/demo_model.hpp>
#include <weft/nodes/cli/signals.hpp>

namespace weft::cli {
namespace {

constexpr std::int64_t kVocabulary = 50257, kContext = 1024;
constexpr std::uint64_t kElementBytes = 2;
constexpr std::size_t kChunkWords = (4u << 20) / sizeof(std::uint64_t);
constexpr std::uint64_t kSeed = 0x77656674;

std::uint64_t base_bytes(std::int64_t width) {
  return static_cast<std::uint64_t>((kVocabulary + kContext + 2) * width) * kElementBytes;
}
std::uint64_t layer_bytes(std::int64_t width) {
  return static_cast<std::uint64_t>(12 * width * width + 13 * width) * kElementBytes;
}

void append_layer(std::vector<SafetensorsItem>& items, std::int64_t layer, std::int64_t width) {
  const auto add = [&](std::string_view name, Shape shape) {
    items.push_back({fmt::format("h.{}.{}", layer, name), {.dtype = DType::kF16, .shape = std::move(shape)}});
  };
  add("ln_1.weight", {width});
  add("ln_1.bias", {width});
  add("attn.c_attn.weight", {width, 3 * width});
  add("attn.c_attn.bias", {3 * width});
  add("attn.c_proj.weight", {width, width});
  add("attn.c_proj.bias", {width});
  add("ln_2.weight", {width});
  add("ln_2.bias", {width});
  add("mlp.c_fc.weight", {width, 4 * width});
  add("mlp.c_fc.bias", {4 * width});
  add("mlp.c_proj.weight", {4 * width, width});
  add("mlp.c_proj.bias", {width});
}

// SplitMix64.
std::uint64_t next_word(std::uint64_t& state) {
  std::uint64_t word = state += 0x9E3779B97F4A7C15u;
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
  return word ^ (word >> 31);
}

// Four float16 numbers of 2^-5 to 2^-4, either sign: random mantissa and sign, one exponent.
void fill(std::vector<std::uint64_t>& words, std::uint64_t& state) {
  for (auto& word : words) word = (next_word(state) & 0x83FF83FF83FF83FFu) | 0x2800280028002800u;
}

std::uint64_t free_bytes(const std::filesystem::path& folder) {
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0) return 0;
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

}  // namespace

std::vector<SafetensorsItem> demo_tensors(std::uint64_t bytes) {
  static constexpr std::array<std::int64_t, 10> kWidths{1600, 1280, 1024, 768, 512, 384, 256, 128, 64, 32};
  std::int64_t width = kWidths.back();
  for (const auto wide : kWidths)
    if (base_bytes(wide) + 4 * layer_bytes(wide) <= bytes) {
      width = wide;
      break;
    }
  const auto left = bytes - std::min(bytes, base_bytes(width));
  const auto layers = std::clamp<std::uint64_t>(left / layer_bytes(width), 1, 4096);
  std::vector<SafetensorsItem> items;
  items.push_back({"wte.weight", {.dtype = DType::kF16, .shape = {kVocabulary, width}}});
  items.push_back({"wpe.weight", {.dtype = DType::kF16, .shape = {kContext, width}}});
  for (std::uint64_t layer = 0; layer < layers; ++layer) append_layer(items, static_cast<std::int64_t>(layer), width);
  items.push_back({"ln_f.weight", {.dtype = DType::kF16, .shape = {width}}});
  items.push_back({"ln_f.bias", {.dtype = DType::kF16, .shape = {width}}});
  return items;
}

Result<void> write_demo_model(const Context& context, const std::filesystem::path& path,
                              const std::vector<SafetensorsItem>& items) {
  WEFT_LET(auto writer, SafetensorsWriter::open(path, items));
  std::uint64_t total = 0;
  for (std::size_t at = 0; at < writer.size(); ++at) total += writer.bytes_of(at);
  ProgressBar bar(context.out, "making a model", "tensors", items.size(), total);
  std::vector<std::uint64_t> words(kChunkWords);
  std::uint64_t state = kSeed;
  std::uint64_t done = 0;
  for (std::size_t at = 0; at < writer.size(); ++at) {
    const auto bytes = writer.bytes_of(at);
    for (std::uint64_t offset = 0; offset < bytes; offset += words.size() * sizeof(std::uint64_t)) {
      WEFT_TRY(in_time(context));
      fill(words, state);
      const auto part = std::min<std::uint64_t>(bytes - offset, words.size() * sizeof(std::uint64_t));
      WEFT_TRY(writer.write(at, offset, std::as_bytes(std::span(words)).first(part)));
      bar.update(at, done += part);
    }
  }
  WEFT_TRY(writer.finish());
  bar.finish("");
  return {};
}

Result<ScratchFolder> ScratchFolder::make(std::uint64_t bytes) {
  std::vector<std::filesystem::path> places{"/dev/shm", "/tmp"};
  if (const char* chosen = std::getenv("TMPDIR"); chosen != nullptr && *chosen != '\0') places = {chosen};
  std::string found;
  for (const auto& place : places) {
    const auto room = free_bytes(place);
    found += fmt::format("{}{} has {}", found.empty() ? "" : ", ", place.string(), human_bytes(room));
    if (room < bytes) continue;
    std::string path = (place / "weft-demo-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) continue;
    return ScratchFolder{path};
  }
  return fail(Error{ErrorClass::kResourceExhausted, "demo",
                    fmt::format("no room for a model of {}: {}", human_bytes(bytes), escaped(found))}
                  .with_hint("--size 64MiB makes a smaller one; TMPDIR=FOLDER puts it elsewhere"));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace weft::cli
