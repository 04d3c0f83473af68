#include <cerrno>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/failure.hpp>
#include <weft/nodes/cli/signals.hpp>

namespace weft::cli {
namespace {

// What a person can do where whoever failed did not say.
std::string_view hint_of(ErrorClass kind) {
  switch (kind) {
    case ErrorClass::kInternal:
      return "please report it, with the output of the same command under -vv";
    case ErrorClass::kInvalidArgument:
      return "`weft help COMMAND` shows the form";
    case ErrorClass::kMalformed:
      return "ask for it once more; if it is a file, check how it was made";
    case ErrorClass::kUnauthenticated:
      return "another node answers at that address: get a fresh ticket";
    case ErrorClass::kForbidden:
      return "the other side must allow us: `weft id` prints our id for its --allow";
    case ErrorClass::kNotFound:
      return "`weft ls TICKET` lists what is there";
    case ErrorClass::kExists:
      return "choose another name";
    case ErrorClass::kStale:
      return "ask again: there is a newer one";
    case ErrorClass::kPeerUnreachable:
      return "is it running, and does its address reach this host? A node that restarted has a fresh ticket";
    case ErrorClass::kPeerLost:
      return "try again; if it restarted, get a fresh ticket";
    case ErrorClass::kDeadlineExceeded:
      return "--timeout allows more; `weft explain TICKET NAME` tells what to expect";
    case ErrorClass::kCancelled:
      return "nothing was kept";
    case ErrorClass::kIntegrityFailure:
      return "nothing was kept: try once more";
    case ErrorClass::kResourceExhausted:
      return "free some of it, or raise the limit";
    case ErrorClass::kOverloaded:
      return "the other side is full: try again later";
    case ErrorClass::kUnsupported:
      return "`weft version` on both sides tells which to upgrade";
    case ErrorClass::kShuttingDown:
      return "that node is stopping";
  }
  return "";
}

// The system refused something of ours; no other node had a part in it.
std::string_view local_hint_of(int code) {
  switch (code) {
    case EACCES:
    case EPERM:
      return "check who may read and write there";
    case ENOENT:
    case ENOTDIR:
      return "check the path; folders must be there already";
    case EISDIR:
      return "that is a folder: name a file in it";
    case EROFS:
      return "that disk is read-only: choose another place";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "free space there, or write to another disk";
    case EMFILE:
    case ENFILE:
      return "raise the limit: ulimit -n";
    default:
      return "";
  }
}

std::string_view hint_of(const Error& error) {
  if (!error.hint().empty()) return error.hint();
  if (error.context().peer.empty())
    if (const auto hint = local_hint_of(error.native_code()); !hint.empty()) return hint;
  return hint_of(error.kind());
}

int exit_code_of(const Error& error) {
  // Whatever failed once a signal had come failed because of it.
  if (Signals::caught() != 0) return 128 + Signals::caught();
  return exit_code(error.kind());
}

void report_json(const Error& error, Output& out) {
  const auto& where = error.context();
  Json object{{"class", to_string(error.kind())},
              {"message", failure_text(error)},
              {"hint", hint_of(error)},
              {"operation", error.operation()},
              {"peer", where.peer},
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
  if (!where.peer.empty() && text.find(where.peer) == std::string::npos) text += fmt::format(" at {}", where.peer);
  if (!error.native_text().empty() && text.find(error.native_text()) == std::string::npos)
    text += fmt::format(" ({})", error.native_text());
  return escaped(text);
}

int report(const Error& error, Output& out) {
  if (out.format() == Format::kJson) {
    report_json(error, out);
    return exit_code_of(error);
  }
  out.complain(fmt::format("{} {} {}", out.words_style(Style::kBad, "error:"), failure_text(error),
                           out.words_style(Style::kFaint, fmt::format("[{}]", to_string(error.kind())))));
  if (const auto hint = hint_of(error); !hint.empty())
    out.complain(fmt::format(" {} {}", out.words_style(Style::kHeading, "hint:"), escaped(hint)));
  return exit_code_of(error);
}

}  // namespace weft::cli
