#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>
#include <weft/nodes/cli/output.hpp>
#include <weft/nodes/cli/table.hpp>

namespace weft::cli {
namespace {

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

bool colored(When when, int fd) {
  if (when != When::kAuto) return when == When::kAlways;
  if (!environment("NO_COLOR").empty()) return false;
  if (const auto forced = environment("FORCE_COLOR"); !forced.empty()) return forced != "0";
  return ::isatty(fd) == 1 && environment("TERM") != "dumb";
}

const char* code_of(Style style) {
  switch (style) {
    case Style::kHeading:
      return "1";
    case Style::kGood:
      return "32";
    case Style::kBad:
      return "1;31";
    case Style::kFaint:
      return "2";
  }
  return "0";
}

std::string styled(Style style, std::string_view text) {
  return "\x1b[" + std::string(code_of(style)) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace

Output::Output(const Settings& settings)
    : format_(settings.json    ? Format::kJson
              : settings.plain ? Format::kPlain
                               : Format::kText),
      quiet_(settings.quiet),
      stdout_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      color_data_(colored(settings.color, STDOUT_FILENO)),
      color_words_(colored(settings.color, STDERR_FILENO)) {
  std::setlocale(LC_CTYPE, "");
  utf8_ = std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
  live_ = !quiet_ && !settings.no_progress && format_ == Format::kText && ::isatty(STDERR_FILENO) == 1 &&
          environment("TERM") != "dumb";
}

std::size_t Output::width() const {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void Output::data(std::string_view line) {
  if (closed_ || failed_with_ != 0) return;
  if (std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fputc('\n', stdout) != EOF) return;
  (errno == EPIPE) ? void(closed_ = true) : void(failed_with_ = errno);
}

void Output::json(const Json& object) { data(object.dump(-1, ' ', false, Json::error_handler_t::replace)); }

void Output::table(const Table& table) {
  if (format_ == Format::kPlain) {
    for (const auto& line : table.plain_lines()) data(line);
    return;
  }
  bool heading = true;
  for (const auto& line : table.lines()) data(std::exchange(heading, false) ? data_style(Style::kHeading, line) : line);
}

void Output::say(std::string_view line) {
  if (!quiet_) complain(line);
}

void Output::complain(std::string_view line) {
  std::string whole(line);
  whole += '\n';
  std::fwrite(whole.data(), 1, whole.size(), stderr);
}

std::string Output::data_style(Style style, std::string_view text) const {
  return color_data_ ? styled(style, text) : std::string(text);
}

std::string Output::words_style(Style style, std::string_view text) const {
  return color_words_ ? styled(style, text) : std::string(text);
}

Result<void> Output::flush() {
  if (!closed_ && failed_with_ == 0 && std::fflush(stdout) != 0) {
    if (errno == EPIPE)
      closed_ = true;
    else
      failed_with_ = errno;
  }
  if (failed_with_ != 0) return fail_errno(std::exchange(failed_with_, 0), "write", "stdout");
  return {};
}

}  // namespace weft::cli
