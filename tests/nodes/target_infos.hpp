#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/text.hpp>

/// Texts of target infos, sound ones and what a bad channel, a bad editor or a bad peer makes of them.
namespace weft::test {

#if defined(WEFT_INFO_MUTATIONS)
inline constexpr int kInfoMutations = WEFT_INFO_MUTATIONS;  // with sanitizers
#else
inline constexpr int kInfoMutations = 1'000'000;
#endif

/// The JSON of version 1, fixed for ever.
inline constexpr std::array<std::string_view, 3> kGoldenInfos{
    R"({"kind":"weft-target","version":1,"ticket":"weftaeaqqdywduscwmrzibdu4vk4mnvhc6d7q2gzjg5cvgylppwfztj5uaabp4aaaamrunz5m4pw","ring":"grains","token":"AAECAwQFBgcICQoLDA0ODw==","grains":4,"grainBytes":64,"slices":1})",
    R"({"kind":"weft-target","version":1,"ticket":"weftaeaqqdywduscwmrzibdu4vk4mnvhc6d7q2gzjg5cvgylppwfztj5uama3dnxaaaaaaaaccqbaibzdiyc72aaaaaaaaaaaaaaaaaqaaqaaoi2gaywm5yhkljqg4xgg3dvon2gk4romv4gc3lqnrszdi32n4cq4","ring":"kamera größe 7","token":"/////////////////////w==","grains":1048576,"grainBytes":1048576,"slices":1048576})",
    R"({"kind":"weft-target","version":1,"ticket":"weftaeaqqdywduscwmrzibdu4vk4mnvhc6d7q2gzjg5cvgylppwfztj5uagxrtvga","ring":"a\"b\\c","token":"AAAAAAAAAAAAAAAAAAAAAA==","grains":1,"grainBytes":1,"slices":1})"};

inline std::string in_base64(std::string_view json) {
  return to_base64(std::as_bytes(std::span(json.data(), json.size())));
}

/// Golden infos, changed. The same sequence for the same seed on every machine.
class InfoMutator {
 public:
  explicit InfoMutator(std::uint64_t seed) : random_(seed) {}

  /// The next text: JSON or base64, changed in one to four places.
  const std::string& next() {
    text_ = kGoldenInfos[below(kGoldenInfos.size())];
    const bool encoded = below(3) == 0;  // and changed as base64
    if (encoded) text_ = in_base64(text_);
    for (std::size_t changes = 1 + below(4); changes > 0 && !text_.empty(); --changes)
      if (!encoded && below(3) == 0)
        change_value();
      else
        change_bytes();
    if (!encoded && below(3) == 0) text_ = in_base64(text_);
    return text_;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  /// Some value of the object becomes another, perhaps of another kind; or its key comes twice.
  void change_value() {
    static constexpr std::array<std::string_view, 24> kValues{"0",
                                                              "1",
                                                              "-1",
                                                              "2",
                                                              "1048576",
                                                              "1048577",
                                                              "4294967296",
                                                              "9223372036854775808",
                                                              "18446744073709551615",
                                                              "18446744073709551616",
                                                              "1e999",
                                                              "1.0",
                                                              "-0.0",
                                                              "null",
                                                              "true",
                                                              "[]",
                                                              "{}",
                                                              "[[[[]]]]",
                                                              "\"\"",
                                                              "\"1\"",
                                                              "\"\\ud800\"",
                                                              "\"\\u0000\"",
                                                              "\"AAAA\"",
                                                              "\"weft\""};
    const std::size_t colon = text_.find(':', below(text_.size()));
    if (colon == std::string::npos) return;
    const std::size_t end = std::min(text_.find_first_of(",}", colon), text_.size());
    const std::string_view value = kValues[below(kValues.size())];
    const std::size_t quote = colon < 2 ? std::string::npos : text_.rfind('"', colon - 2);
    if (below(4) == 0 && quote != std::string::npos) {
      const std::string key = text_.substr(quote, colon - quote);
      text_.insert(end, "," + key + ":" + std::string(value));
    } else {
      text_.replace(colon + 1, end - colon - 1, value);
    }
  }

  void change_bytes() {
    static constexpr std::string_view kLetters = "{}[]\",:\\ +-.0189aefklntuAZz/=\x80\xc3\xff";
    const std::size_t at = below(text_.size());
    switch (below(7)) {
      case 0:
        text_[at] = static_cast<char>(text_[at] ^ (1 << below(8)));
        break;
      case 1:
        text_[at] = static_cast<char>(below(256));
        break;
      case 2:
        text_[at] = kLetters[below(kLetters.size())];
        break;
      case 3:
        text_.erase(at, 1 + below(12));
        break;
      case 4:
        text_.insert(at, 1 + below(3), kLetters[below(kLetters.size())]);
        break;
      case 5:
        text_.insert(at, text_.substr(below(text_.size()), 1 + below(40)));
        break;
      default:
        text_.resize(at);
    }
  }

  std::mt19937_64 random_;
  std::string text_;
};

/// Every golden info as JSON and as base64, cut at each place.
inline void for_each_cut(const auto& take) {
  for (const std::string_view json : kGoldenInfos)
    for (const std::string& text : {std::string(json), in_base64(json)})
      for (std::size_t size = 0; size < text.size(); ++size) take(text.substr(0, size));
}

/// Every golden info as JSON, as base64, and as the base64 of JSON, with each bit of it flipped in turn.
inline void for_each_flip(const auto& take) {
  const auto flips = [&](std::string text, const auto& as) {
    for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
      const char before = text[bit / 8];
      text[bit / 8] = static_cast<char>(before ^ (1 << bit % 8));
      take(as(text));
      text[bit / 8] = before;
    }
  };
  const auto itself = [](const std::string& text) { return text; };
  for (const std::string_view json : kGoldenInfos) {
    flips(std::string(json), itself);
    flips(in_base64(json), itself);
    flips(std::string(json), [](const std::string& text) { return in_base64(text); });
  }
}

}  // namespace weft::test
