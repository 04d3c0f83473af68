#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <weft/nodes/options.hpp>
#include <weft/nodes/tensor.hpp>
#include <weft/transfer/types.hpp>

/// What the options of a call come to on the wire. A peer ends the session over a message with a value out of its
/// bounds, so they are checked here, before anything is sent: InvalidArgument, with the bound as hint.
namespace weft::detail {

/// A glob for a listing, or a name to look for: at most 255 bytes of UTF-8 without NUL.
Result<void> check_pattern(std::string_view pattern);
Result<void> check_trace(const TraceContext& trace);

/// Without the name or handle.
Result<transfer::PullSpec> pull_of(const GetOptions& options);
/// What will travel of a tensor whose meta an earlier answer told. InvalidArgument where `into` is not for that.
Result<Selection> known_part(const TensorMeta& meta, const GetOptions& options);

/// What get_many asks for: the items that can be asked for, in order, and why each of the others cannot.
struct Batch {
  transfer::PullSpec spec{};
  std::vector<MutableTensorView> into{};        ///< none, or one per name of `spec`
  std::vector<std::optional<Error>> refused{};  ///< one per item as given; empty: none was refused
};
/// Fails only for what all items share.
Result<Batch> batch_of(std::vector<GetItem> items, const BatchOptions& options);
/// The results of what was asked for, and the refusals between them: one per item as given.
std::vector<Result<Tensor>> merged(std::vector<Result<Tensor>> got, std::vector<std::optional<Error>> refused);

}  // namespace weft::detail
