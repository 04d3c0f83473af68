#include <weft/base/error_hint.hpp>

#include <cerrno>

namespace weft::detail {
namespace {

std::string_view of_class(ErrorClass kind) noexcept {
  switch (kind) {
    case ErrorClass::kInternal:
      return "please report it, with the log at its most talkative (-vv)";
    case ErrorClass::kInvalidArgument:
      return "correct what the message names; `weft help COMMAND` shows a command's form";
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
      return "a later deadline (--timeout) allows more; `weft explain TICKET NAME` tells what to expect";
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
std::string_view of_system(int code) noexcept {
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

}  // namespace

std::string_view default_hint(ErrorClass kind, int native_code, bool of_peer) noexcept {
  if (!of_peer)
    if (const auto hint = of_system(native_code); !hint.empty()) return hint;
  return of_class(kind);
}

}  // namespace weft::detail
