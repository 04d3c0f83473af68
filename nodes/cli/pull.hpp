#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/progress_bar.hpp>

namespace weft::cli {

/// One tensor to pull, or rows of one.
struct PullPart {
  std::size_t item = 0;      ///< which of the caller's things it belongs to
  std::uint64_t offset = 0;  ///< where its bytes go in that thing
  std::uint64_t bytes = 0;
  bool completes = true;  ///< the last part of its item
  std::string name{};
  Slice slice{};
  Generation generation{};
};

/// The parts of a listed tensor: itself, or when it is larger than a batch may be, runs of its rows.
void append_parts(const Entry& entry, std::size_t item, std::vector<PullPart>& into);

struct PullOptions {
  Lane lane = Lane::kAuto;
  Deadline deadline{};
  std::size_t in_flight = 3;                       ///< batches
  std::uint64_t items_there = 0, bytes_there = 0;  ///< that an earlier run has brought: shown, not pulled
};

/// What a pull did.
struct PullReport {
  Lane lane = Lane::kAuto;  ///< that carried the most bytes
  Duration moving{};        ///< from each batch's submission to its result
};

/// Pulls parts in batches of bounded bytes, a few at a time, each tensor of exactly the generation it was listed with:
/// what comes out is what one listing showed, or an error (Stale: it was replaced meanwhile). A signal cancels.
class Pull {
 public:
  /// Called with each part in order; the tensor's memory is gone afterwards. An error ends the pull.
  using Sink = std::function<Result<void>(const PullPart&, const Tensor&)>;

  Pull(TensorNode& node, Ticket ticket, std::vector<PullPart> parts, PullOptions options);
  Result<PullReport> run(ProgressBar& bar, const Sink& sink);

 private:
  struct Batch {
    std::size_t first = 0, count = 0;
    std::uint64_t bytes = 0;
    TimePoint submitted{};
    Future<std::vector<Result<Tensor>>> call{};
  };
  void submit_next();
  void show(ProgressBar& bar) const;
  Result<void> deliver(std::size_t first, std::vector<Result<Tensor>> tensors, ProgressBar& bar, const Sink& sink);

  TensorNode& node_;
  Ticket ticket_;
  std::vector<PullPart> parts_;
  PullOptions options_;
  std::deque<Batch> flying_;
  std::size_t next_ = 0;
  std::uint64_t items_done_ = 0, bytes_done_ = 0;
  std::map<Lane, std::uint64_t> bytes_by_lane_;
};

}  // namespace weft::cli
