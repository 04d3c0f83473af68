#pragma once

namespace weft::cli {

/// Reads the command line, runs the command, prints its failure. Returns the exit code. Called once, by main.
int run_command_line(int argc, const char* const* argv);

}  // namespace weft::cli
