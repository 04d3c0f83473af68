#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <string_view>
#include <vector>

namespace weft::bench {

/// What was measured: every sample, none dropped.
class Samples {
 public:
  void add(double value) { values_.push_back(value); }
  void add(const Samples& others) { values_.insert(values_.end(), others.values_.begin(), others.values_.end()); }
  std::size_t size() const { return values_.size(); }
  double median() const { return at(0.5); }
  double p99() const { return at(0.99); }
  double max() const { return at(1); }
  double mean() const {
    return values_.empty() ? 0 : std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(size());
  }

 private:
  double at(double share) const {
    if (values_.empty()) return 0;
    std::vector<double> sorted = values_;
    std::ranges::sort(sorted);
    return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
  }
  std::vector<double> values_;
};

/// A line for people: times, the rate where it is one (`bytes` a sample, else 0), and `details` (CPU, lane, hash).
inline void print(std::string_view what, const Samples& seconds, double bytes, std::string_view details = {}) {
  fmt::print("{:<36} p50 {:>10.1f} us  p99 {:>10.1f}  max {:>10.1f}  n {:<6}", what, seconds.median() * 1e6,
             seconds.p99() * 1e6, seconds.max() * 1e6, seconds.size());
  if (bytes > 0) fmt::print(" {:>7.3f} GB/s", bytes / seconds.median() * 1e-9);
  fmt::print("{}{}\n", details.empty() ? "" : "  ", details);
  std::fflush(stdout);
}

/// A line for bench/table.py: the figure that the question asks for, under a name that stays.
inline void result(std::string_view key, double value) { fmt::print("result {} {:.6g}\n", key, value); }

}  // namespace weft::bench
