#include <algorithm>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/pull.hpp>

namespace weft::cli {
namespace {

constexpr std::uint64_t kBatchBytes = 64ull << 20;  // small enough that writing one hides behind pulling the next
constexpr std::uint64_t kRowsBytes = 256ull << 20;
constexpr std::size_t kBatchItems = 4096;

// Bytes of one index of the outermost axis, where that is a whole number of them; else 0.
std::uint64_t row_bytes(const TensorMeta& meta, std::uint64_t bytes) {
  if (meta.dtype == DType::kOpaque || meta.shape.rank() == 0 || meta.shape[0] <= 0) return 0;
  const auto rows = static_cast<std::uint64_t>(meta.shape[0]);
  if (bytes % rows != 0) return 0;
  TensorMeta row = meta;
  row.strides = {};
  row.shape[0] = 1;
  const auto size = row.byte_size();
  return size && *size * rows == bytes ? *size : 0;
}

}  // namespace

void append_parts(const Entry& entry, std::size_t item, std::vector<PullPart>& into) {
  PullPart part{.item = item, .bytes = entry.bytes, .name = entry.name, .generation = entry.generation};
  const auto row = entry.bytes > 2 * kRowsBytes ? row_bytes(entry.meta, entry.bytes) : 0;
  if (row == 0 || row > kRowsBytes) return into.push_back(std::move(part));
  const std::int64_t rows = entry.meta.shape[0];
  const auto step = static_cast<std::int64_t>(kRowsBytes / row);
  for (std::int64_t at = 0; at < rows; at += step) {
    const std::int64_t stop = std::min(rows, at + step);
    part.offset = static_cast<std::uint64_t>(at) * row;
    part.bytes = static_cast<std::uint64_t>(stop - at) * row;
    part.completes = stop == rows;
    part.slice = Slice{{at, stop}};
    into.push_back(part);
  }
}

Pull::Pull(TensorNode& node, Ticket ticket, std::vector<PullPart> parts, PullOptions options)
    : node_(node), ticket_(std::move(ticket)), parts_(std::move(parts)), options_(options) {
  items_done_ = options_.items_there;
  bytes_done_ = options_.bytes_there;
}

void Pull::submit_next() {
  Batch batch{.first = next_, .submitted = Clock::now()};
  const Generation generation = parts_[next_].generation;
  std::vector<GetItem> items;
  for (; next_ < parts_.size() && items.size() < kBatchItems; ++next_) {
    const auto& part = parts_[next_];
    if (!items.empty() && (part.generation != generation || batch.bytes + part.bytes > kBatchBytes)) break;
    items.push_back({.name = part.name, .slice = part.slice});
    batch.bytes += part.bytes;
  }
  batch.count = items.size();
  BatchOptions options{
      .generation = GenerationRule::exactly(generation), .deadline = options_.deadline, .lane = options_.lane};
  batch.call = node_.get_many(ticket_, std::move(items), std::move(options));
  flying_.push_back(std::move(batch));
}

void Pull::show(ProgressBar& bar) const {
  std::uint64_t bytes = bytes_done_;
  for (const auto& batch : flying_) bytes += std::min(batch.bytes, batch.call.progress().done);
  bar.update(items_done_, bytes);
}

Result<void> Pull::deliver(std::size_t first, std::vector<Result<Tensor>> tensors, ProgressBar& bar, const Sink& sink) {
  for (std::size_t at = 0; at < tensors.size(); ++at) {
    const auto& part = parts_[first + at];
    if (!tensors[at]) {
      auto why = std::move(tensors[at]).error();
      return fail(why.context().name.empty() ? std::move(why).with_name(part.name) : std::move(why));
    }
    const Tensor tensor = std::move(*tensors[at]);
    tensors[at] = fail(ErrorClass::kInternal, "pull", "delivered");  // its memory goes back now, not with the batch
    if (tensor.bytes().size() != part.bytes)
      return fail(Error{ErrorClass::kMalformed, "get",
                        fmt::format("\"{}\" was listed with {} bytes and came with {}", escaped(part.name), part.bytes,
                                    tensor.bytes().size())});
    WEFT_TRY(sink(part, tensor));
    bytes_by_lane_[tensor.lane()] += part.bytes;
    bytes_done_ += part.bytes;
    items_done_ += part.completes ? 1 : 0;
    show(bar);
  }
  return {};
}

Result<PullReport> Pull::run(ProgressBar& bar, const Sink& sink) {
  PullReport report;
  while (next_ < parts_.size() || !flying_.empty()) {
    while (next_ < parts_.size() && flying_.size() < options_.in_flight) submit_next();
    auto& batch = flying_.front();
    auto tensors = await(batch.call, [&] { show(bar); });
    report.moving += Clock::now() - batch.submitted;
    if (!tensors) return fail(std::move(tensors).error());
    const auto first = batch.first;
    const auto count = batch.count;
    flying_.pop_front();
    if (tensors->size() != count)
      return fail(ErrorClass::kInternal, "get", fmt::format("{} results for {} names", tensors->size(), count));
    WEFT_TRY(deliver(first, std::move(*tensors), bar, sink));
    if (Signals::caught() != 0) return fail(ErrorClass::kCancelled, "get", "cancelled");
  }
  std::uint64_t most = 0;
  for (const auto& [lane, bytes] : bytes_by_lane_)
    if (bytes >= most) report.lane = lane, most = bytes;
  return report;
}

}  // namespace weft::cli
