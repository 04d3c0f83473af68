#include <catch2/catch_test_macros.hpp>

#include <weft/lane/fake.hpp>

#include "lane_suite.hpp"

using namespace weft;
using namespace weft::conformance;

namespace {

/// Two fake lanes; every turn moves the clock to what is due next.
class FakePair final : public LanePair {
 public:
  FakePair(lane::FakeLaneOptions options, bool dials) : network_(42), dials_(dials) {
    network_.set_default_link({.latency = std::chrono::microseconds{30}, .jitter = std::chrono::microseconds{200}});
    options.node = 1;
    a_ = network_.make_lane(options);
    options.node = 2;
    b_ = network_.make_lane(options);
  }
  lane::Lane& a() override { return *a_; }
  lane::Lane& b() override { return *b_; }
  std::pair<Channel, Channel> connect(Watch& watch) override {
    if (dials_) return connect_by_dialling(*this, watch);
    const auto channels = network_.connect(*a_, *b_);
    watch.until("Up at both", [&] { return watch.a.is_up(channels.first) && watch.b.is_up(channels.second); });
    return channels;
  }
  void step() override {
    if (network_.next_event_time() != kNever) network_.advance_to(network_.next_event_time());
  }
  bool dials() const override { return dials_; }

 private:
  lane::FakeNetwork network_;
  bool dials_;
  std::unique_ptr<lane::FakeLane> a_;
  std::unique_ptr<lane::FakeLane> b_;
};

void run(lane::FakeLaneOptions options, bool dials) {
  run_lane_suite([options, dials] { return std::make_unique<FakePair>(options, dials); });
}

}  // namespace

TEST_CASE("the fake session stream keeps the lane interface's promises", "[conformance][fake]") {
  run({.traits = lane::fake_stream_traits()}, false);
}

TEST_CASE("the fake fabric lane keeps them", "[conformance][fake]") {
  run({.traits = lane::fake_fabric_traits(), .virtual_addresses = true}, true);
}

TEST_CASE("the fake verbs lane keeps them", "[conformance][fake]") { run({.traits = lane::fake_verbs_traits()}, true); }

TEST_CASE("the fake unordered lane keeps them, finishing on arrival", "[conformance][fake][X-10]") {
  run({.traits = lane::fake_unordered_traits(), .finishes_on_arrival = true}, true);
}

TEST_CASE("the fake lane keeps them when it reads what is posted at once", "[conformance][fake]") {
  run({.traits = lane::fake_fabric_traits(), .chunk_bytes = 7000, .reads_at_post = true}, true);
}
