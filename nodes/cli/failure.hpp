#pragma once

#include <string>
#include <string_view>

#include <weft/base/error.hpp>
#include <weft/nodes/cli/output.hpp>

namespace weft::cli {

/// "no tensor named "x" at gpu-07 (k3v9…tq)": what, who, native code; printable, without class.
std::string failure_text(const Error& error);
/// Prints a failure on stderr, as two lines or as one JSON object {class, message, hint, operation, peer, node, name,
/// native, exit}, and returns the exit code: its class's, or 128 + signal for what a signal cancelled. `node` is the
/// full id of the peer, if one was asked.
int report(const Error& error, Output& out, std::string_view node = {});

}  // namespace weft::cli
