#pragma once

#include <string>
#include <string_view>

namespace weft::cli {

/// A file name for a tensor's name, which may be anything a peer made up: letters, digits, `_`, `.`, `-` are kept,
/// every other byte becomes %XX, and so does a dot or dash in front. Never a path, hidden, empty, or longer than 200
/// bytes (a long one ends in a hash of the whole). Different names of up to 200 bytes give different file names.
std::string safe_file_name(std::string_view name);

}  // namespace weft::cli
