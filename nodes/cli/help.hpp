#pragma once

#include <string>
#include <string_view>

#include <weft/base/error.hpp>

namespace CLI {
class App;
}

namespace weft::cli {

/// What `weft help` says about a command, or about all of them (null). From the option tables.
std::string help_text(const CLI::App& root, const CLI::App* command);
/// With the command that was probably meant as hint.
Error unknown_command(std::string_view word);

}  // namespace weft::cli
