#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include <weft/base/result.hpp>

/// What can be said of a file that is yet to be written.
namespace weft::cli {

/// Whether files may be made in a folder: what an option names is judged before anything is done for it.
/// InvalidArgument: it is not there, no folder, or not writable for us; `option` is told, "--ticket-file".
Result<void> check_folder(std::string_view option, const std::filesystem::path& folder);
/// The same, of one that is made with those above it where it is not there.
Result<void> make_folder(std::string_view option, const std::filesystem::path& folder);
/// The folder of a file that is to be made.
std::filesystem::path folder_of(const std::filesystem::path& file);

/// Whether a file of so many bytes may be made in a folder now. ResourceExhausted: there is less free, or the limit of
/// a file's size is lower; told with both sizes and the folder. What the file system does not tell is no reason.
/// `there` bytes are on the disk already, of its predecessor that it takes up or empties.
Result<void> check_room(const std::filesystem::path& folder, std::uint64_t bytes, std::uint64_t there = 0);
/// What a file takes on its disk; 0 where it is not there.
std::uint64_t bytes_on_disk(const std::filesystem::path& file);

}  // namespace weft::cli
