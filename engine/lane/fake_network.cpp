#include <weft/lane/fake_network.hpp>

#include <algorithm>
#include <cassert>

#include <weft/lane/fake.hpp>
#include <weft/lane/fake_connection.hpp>

namespace weft::lane {

FakeNetwork::FakeNetwork(std::uint64_t seed) : random_(seed) {}

FakeNetwork::~FakeNetwork() { assert(lanes_.empty() && "a lane outlived its network"); }

TimePoint FakeNetwork::next_event_time() const noexcept { return due_.empty() ? kNever : due_.top().time; }

void FakeNetwork::at(TimePoint time, std::function<void()> action) {
  due_.push({std::max(time, now_), sequence_++, std::move(action)});
}

void FakeNetwork::advance_to(TimePoint time) {
  while (!due_.empty() && due_.top().time <= time) {
    now_ = due_.top().time;
    auto action = std::move(const_cast<Due&>(due_.top()).action);  // popped before it runs: it may schedule more
    due_.pop();
    action();
  }
  now_ = std::max(now_, time);
}

std::unique_ptr<FakeLane> FakeNetwork::make_lane(FakeLaneOptions options) {
  std::unique_ptr<FakeLane> lane{new FakeLane{*this, options}};
  lanes_.push_back(lane.get());
  return lane;
}

std::shared_ptr<FakeConnection> FakeNetwork::make_connection() {
  std::erase_if(connections_, [](const auto& connection) { return connection.expired(); });
  auto connection = std::make_shared<FakeConnection>(*this);
  connections_.push_back(connection);
  return connection;
}

std::pair<Channel, Channel> FakeNetwork::connect(FakeLane& a, FakeLane& b) {
  const auto connection = make_connection();
  const std::pair channels{a.place(connection, 0, FakeConnection::State::kUp),
                           b.place(connection, 1, FakeConnection::State::kUp)};
  connection->come_up(0);
  connection->come_up(1);
  return channels;
}

FakeLane* FakeNetwork::find_listener(const std::string& address) const {
  const auto found = std::ranges::find_if(
      lanes_, [&](const FakeLane* lane) { return !lane->dead_ && !address.empty() && lane->address_ == address; });
  return found == lanes_.end() ? nullptr : *found;
}

FakeLink FakeNetwork::link(FakeNode from, FakeNode to) const {
  const auto found = links_.find({from, to});
  return found == links_.end() ? default_link_ : found->second;
}

void FakeNetwork::set_link(FakeNode from, FakeNode to, FakeLink link) {
  links_[{from, to}] = link;
  wake(from);
  wake(to);
}

void FakeNetwork::partition(FakeNode a, FakeNode b, bool held) {
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    FakeLink changed = link(from, to);
    changed.held = held;
    set_link(from, to, changed);
  }
}

void FakeNetwork::wake(FakeNode node) {
  for (const auto& each : std::vector{connections_}) {
    const auto connection = each.lock();
    if (connection && (connection->node(0) == node || connection->node(1) == node)) connection->wake();
  }
}

void FakeNetwork::reset(FakeLane& lane, Channel channel, std::optional<Duration> here, std::optional<Duration> there) {
  const auto* place = lane.find(channel);
  if (place == nullptr) return;
  const Error why{ErrorClass::kPeerLost, "receive", "the connection was reset"};
  const auto break_side = [&](FakeConnection::Side side, std::optional<Duration> after) {
    if (!after) return;
    at(now_ + *after, [connection = place->connection, side, why, failed = random_.chance(0.5)] {
      connection->shut(side, why, failed);
    });
  };
  place->connection->silence(0);
  place->connection->silence(1);
  break_side(place->side, here);
  break_side(1 - place->side, there);
}

void FakeNetwork::silence(FakeLane& lane, Channel channel) {
  if (const auto* place = lane.find(channel)) place->connection->silence(place->side);
}

void FakeNetwork::crash(FakeNode node, std::optional<Duration> peers_hear) {
  for (FakeLane* lane : lanes_) {
    if (lane->node() != node) continue;
    while (!lane->channels_.empty()) {
      const FakeLane::Place place = lane->channels_.begin()->second;
      place.connection->vanish(place.side, peers_hear);
    }
    lane->events_.clear();
    lane->address_.clear();
    lane->dead_ = true;
  }
}

void FakeNetwork::stop(FakeNode node, bool stopped) {
  stopped_[node] = stopped;
  wake(node);
}

void FakeNetwork::swallow_dials(FakeLane& lane, std::uint32_t count) { lane.swallow_dials_ = count; }

}  // namespace weft::lane
