// The main of a fuzz target in builds without libFuzzer: runs it on every file of its corpus and on mutations of them,
// the same in every run. Prints `ok NAME` for each file; what goes wrong ends the program.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kTruncations = 4096;
constexpr std::size_t kMutations = 2000;

void run(const Bytes& input) {
  // In memory of exactly its size, so that AddressSanitizer sees a read past either end.
  const Bytes exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_truncations(const Bytes& whole) {
  for (std::size_t size = 0; size < std::min(whole.size(), kTruncations); ++size)
    run({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
}

/// Every byte is changed at least once where there are no more than kMutations; a few more change with it.
void run_flips(const Bytes& whole, std::uint64_t seed) {
  if (whole.empty()) return;
  std::mt19937_64 random{seed};
  for (std::size_t i = 0; i < kMutations; ++i) {
    Bytes changed = whole;
    changed[i % whole.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
    for (std::size_t more = random() % 4; more > 0; --more)
      changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
    run(changed);
  }
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
    return 2;
  }
  const std::filesystem::path corpus{argv[1]};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{corpus})
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::ranges::sort(files);
  if (files.empty()) {
    std::printf("not ok %s has no inputs\n", corpus.filename().c_str());
    return 1;
  }
  std::uint64_t seed = 0;
  for (const auto& file : files) {
    const std::string name = corpus.filename().string() + "/" + file.filename().string();
    std::fprintf(stderr, "# %s\n", name.c_str());
    const Bytes input = read_file(file);
    run(input);
    run_truncations(input);
    run_flips(input, ++seed);
    std::printf("ok %s\n", name.c_str());
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& exception) {
  std::printf("not ok %s: an exception left the target: %s\n", argv[1], exception.what());
  return 1;
}
