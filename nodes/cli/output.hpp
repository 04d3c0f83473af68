#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>
#include <weft/base/result.hpp>
#include <weft/nodes/cli/settings.hpp>

namespace weft::cli {

class Table;
using Json = nlohmann::ordered_json;

enum class Format { kText, kPlain, kJson };
enum class Style { kHeading, kGood, kBad, kFaint };

/// Where a command's words go: data to stdout; words, bars and logs to stderr. One thread.
class Output {
 public:
  /// Looks at the terminals, the locale, and NO_COLOR, FORCE_COLOR and TERM.
  explicit Output(const Settings& settings);

  Format format() const noexcept { return format_; }
  bool quiet() const noexcept { return quiet_; }
  /// Whether words may be other than ASCII.
  bool utf8() const noexcept { return utf8_; }
  /// Whether a progress bar may be drawn on stderr, and how wide it may be.
  bool live() const noexcept { return live_; }
  std::size_t width() const;
  /// Whether what goes to stderr may be coloured.
  bool colors_words() const noexcept { return color_words_; }
  bool stdout_is_terminal() const noexcept { return stdout_is_terminal_; }

  /// A line of data.
  void data(std::string_view line);
  /// One object on one line.
  void json(const Json& object);
  /// Headings and rows, or tab-separated rows with --plain.
  void table(const Table& table);
  /// A line of words, unless --quiet.
  void say(std::string_view line);
  /// A line on stderr whatever was asked: errors.
  void complain(std::string_view line);

  /// Styled for stdout, and for stderr.
  std::string data_style(Style style, std::string_view text) const;
  std::string words_style(Style style, std::string_view text) const;

  /// Sends what is buffered. A reader that went away is no error (closed() says so); a full disk is.
  Result<void> flush();
  /// Whether stdout's reader has gone: there is no point in going on.
  bool closed() const noexcept { return closed_; }

 private:
  Format format_ = Format::kText;
  bool quiet_ = false, utf8_ = false, live_ = false, stdout_is_terminal_ = false;
  bool color_data_ = false, color_words_ = false;
  bool closed_ = false;
  int failed_with_ = 0;
};

}  // namespace weft::cli
