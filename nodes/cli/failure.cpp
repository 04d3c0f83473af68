#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/failure.hpp>
#include <weft/nodes/cli/signals.hpp>

namespace weft::cli {
namespace {

int exit_code_of(const Error& error) {
  // Whatever failed once a signal had come failed because of it.
  if (Signals::caught() != 0) return 128 + Signals::caught();
  return exit_code(error.kind());
}

void report_json(const Error& error, Output& out, std::string_view node) {
  const auto& where = error.context();
  Json object{{"class", to_string(error.kind())},
              {"message", failure_text(error)},
              {"hint", error.hint()},
              {"operation", error.operation()},
              {"peer", where.peer},
              {"node", where.peer.empty() ? std::string_view{} : node},
              {"name", where.name},
              {"native", error.native_code()},
              {"exit", exit_code_of(error)}};
  out.complain(object.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::string failure_text(const Error& error) {
  std::string text(error.message());
  const auto& where = error.context();
  // A system call that failed is part of what went wrong; the command's own name is not.
  if (error.native_code() != 0 && !error.operation().empty())
    text = text.empty() ? std::string(error.operation()) : fmt::format("{}: {}", error.operation(), text);
  if (!where.name.empty() && text.find(where.name) == std::string::npos)
    text = fmt::format("\"{}\": {}", where.name, text);
  if (!where.peer.empty() && text.find(where.peer) == std::string::npos) text += fmt::format(" at {}", where.peer);
  if (!error.native_text().empty() && text.find(error.native_text()) == std::string::npos)
    text += fmt::format(" ({})", error.native_text());
  return escaped(text);
}

int report(const Error& error, Output& out, std::string_view node) {
  if (out.format() == Format::kJson) {
    report_json(error, out, node);
    return exit_code_of(error);
  }
  out.complain(fmt::format("{} {} {}", out.words_style(Style::kBad, "error:"), failure_text(error),
                           out.words_style(Style::kFaint, fmt::format("[{}]", to_string(error.kind())))));
  out.complain(fmt::format(" {} {}", out.words_style(Style::kHeading, "hint:"), escaped(error.hint())));
  return exit_code_of(error);
}

}  // namespace weft::cli
