#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <weft/base/clock.hpp>
#include <weft/nodes/cli/output.hpp>

namespace weft::cli {

/// How far something is, as a line shows it.
struct ProgressLine {
  std::string label{};  ///< in front, or empty
  std::string unit{};   ///< "tensors", or empty: items are not counted
  std::uint64_t items = 0, items_total = 0;
  std::uint64_t bytes = 0, bytes_total = 0;
  std::optional<double> bytes_per_second = 0.0;  ///< 0: not known yet; none: it would mean nothing
  Duration time{};                               ///< left; taken, when it is at its end
  std::string tail{};                            ///< behind: lane, "verified"

  /// `103/103 tensors  86.7 MiB / 86.7 MiB  100 %  ▕████████████▏  4.6 GB/s  0:00   tcp   verified`, in at most `width`
  /// characters. Where there is no room for all, the bar goes first, then sizes, rate and time, and what is counted;
  /// what the tail says stays longest, its last word to the end.
  std::string text(std::size_t width, bool utf8) const;
};

/// One line on stderr that is drawn again at most ten times a second and stays when it is finished. Without a terminal
/// only the finished line is printed. One thread.
class ProgressBar {
 public:
  ProgressBar(Output& out, std::string label, std::string unit, std::uint64_t items_total, std::uint64_t bytes_total);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();  // takes an unfinished line away

  void update(std::uint64_t items, std::uint64_t bytes);
  /// The last line: everything is there. The rate is over all of the time taken, or over `moving` of it; it is left out
  /// where so little was moved, so quickly, that setting up is most of the time.
  void finish(std::string tail, std::optional<Duration> moving = {});
  Duration taken() const { return Clock::now() - began_; }

 private:
  void draw(bool last);

  Output& out_;
  ProgressLine line_;
  TimePoint began_;
  TimePoint drawn_{};
  TimePoint rated_{};
  std::uint64_t rated_bytes_ = 0;
  bool shown_ = false, finished_ = false;
};

}  // namespace weft::cli
