#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <weft/nodes/cli/pull.hpp>
#include <weft/tensor/safetensors_metadata.hpp>
#include <weft/tensor/safetensors_writer.hpp>

namespace weft::cli {

/// What `get` was asked for: which names and patterns (none: all), some of them perhaps only in part.
struct Wanted {
  std::vector<std::string> names{};
  /// "w[0:128,:]": a part of w, which need not be among the names; "0:128,:": of the one name. A name may also carry
  /// its own.
  std::vector<std::string> slices{};
};

/// What a file will hold, and what has to be pulled for it.
struct SavePlan {
  std::vector<SafetensorsItem> items{};
  std::vector<PullPart> parts{};
  std::uint64_t bytes = 0;
  /// What all of the tensors say in their attributes: as a served file's do, what its own metadata said.
  SafetensorsMetadata metadata{};

  /// From the peer's whole listing. A name that is not there is tried as name[slice], then as a pattern (`*`, `?`): all
  /// that match it and are not asked for otherwise. InvalidArgument: a slice that does not read or fit; NotFound: names
  /// the first that is not there, in the error's context.
  static Result<SavePlan> make(const std::vector<Entry>& listed, const Wanted& wanted);
};

/// What can be said without asking the peer: InvalidArgument for slices that do not read or have no name.
Result<void> check_wanted(const Wanted& wanted);
/// Where it goes: FILE, or a folder and a name made from what is wanted. Exists: there is a file and no `force`.
/// InvalidArgument: "-"; no file can be made in that folder; what is there is a device, a pipe or a socket, `force` or
/// not.
Result<std::filesystem::path> choose_path(const std::filesystem::path& output, const Wanted& wanted, bool force);

}  // namespace weft::cli
