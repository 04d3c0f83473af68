#pragma once

#include <weft/base/log.hpp>
#include <weft/nodes/cli/output.hpp>

namespace weft::cli {

/// The node's log on stderr: lines of text on a terminal, else JSON, one object a line with the fields as keys; from
/// the level that the settings say.
LogSink log_lines(const Settings& settings, const Output& out);

}  // namespace weft::cli
