#pragma once

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <weft/lane/lane.hpp>

namespace weft::fabric::test {

/// A lane that keeps the books of another: each post that was taken ends once, each channel is down once and silent
/// afterwards. Fails the test when they do not agree.
class AccountedLane final : public lane::Lane {
 public:
  explicit AccountedLane(std::unique_ptr<lane::Lane> lane) : lane_(std::move(lane)) {}

  std::uint64_t writes() const noexcept { return writes_; }
  std::size_t downs() const noexcept { return down_.size(); }
  /// Posts that were taken and have not ended.
  std::size_t posted() const noexcept { return posted_.size(); }

  const lane::Traits& traits() const override { return lane_->traits(); }
  Result<std::string> listen() override { return lane_->listen(); }
  void stop_listening() override { lane_->stop_listening(); }
  Result<lane::Channel> dial(std::string_view address, std::span<const std::byte> pass) override {
    return lane_->dial(address, pass);
  }
  Result<void> admit(lane::Channel channel) override { return lane_->admit(channel); }
  void close(lane::Channel channel) override { lane_->close(channel); }
  Result<lane::ExposurePtr> expose(lane::Region region, lane::Channel channel) override {
    return lane_->expose(region, channel);
  }
  Result<std::unique_ptr<lane::Attachment>> attach(lane::Region region) override { return lane_->attach(region); }
  std::uint64_t room(lane::Channel channel) const override { return lane_->room(channel); }
  lane::Posted send(lane::Channel channel, std::span<const lane::Gather> gather, lane::Token token) override {
    return booked(channel, token, lane_->send(channel, gather, token));
  }
  lane::Posted write(lane::Channel channel, std::span<const lane::Gather> gather,
                     std::span<const lane::RemoteRange> remote, std::optional<std::uint32_t> immediate,
                     lane::Token token) override {
    const lane::Posted posted = lane_->write(channel, gather, remote, immediate, token);
    writes_ += posted == lane::Posted::kTaken ? 1 : 0;
    return booked(channel, token, posted);
  }
  std::size_t poll(std::span<lane::Event> events) override {
    const std::size_t count = lane_->poll(events);
    for (const lane::Event& event : events.first(count)) look(event);
    return count;
  }
  int waitable() const override { return lane_->waitable(); }
  bool may_block() override { return lane_->may_block(); }

 private:
  lane::Posted booked(lane::Channel channel, lane::Token token, lane::Posted posted) {
    if (posted == lane::Posted::kTaken && !posted_.emplace(channel, token).second) FAIL("token " << token << " twice");
    return posted;
  }
  void look(const lane::Event& event) {
    if (const auto* finished = std::get_if<lane::Finished>(&event)) {
      if (down_.contains(finished->channel)) FAIL("an end after Down");
      if (posted_.erase({finished->channel, finished->token}) != 1)
        FAIL("token " << finished->token << " ended, which was not out");
    }
    if (const auto* down = std::get_if<lane::Down>(&event)) {
      if (!down_.insert(down->channel).second) FAIL("a second Down");
      const auto out = posted_.lower_bound({down->channel, 0});
      if (out != posted_.end() && out->first == down->channel) FAIL("Down before every post of its channel ended");
    }
  }

  std::unique_ptr<lane::Lane> lane_;
  std::set<std::pair<lane::Channel, lane::Token>> posted_;
  std::set<lane::Channel> down_;
  std::uint64_t writes_ = 0;
};

}  // namespace weft::fabric::test
