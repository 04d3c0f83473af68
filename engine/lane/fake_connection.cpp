#include <weft/lane/fake_connection.hpp>

#include <algorithm>
#include <cstring>

#include <weft/base/checked.hpp>
#include <weft/lane/fake.hpp>

namespace weft::lane {

void FakeConnection::attach(Side side, FakeLane& lane, Channel channel, State state) {
  End& end = ends_[side];
  end.lane = &lane;
  end.node = lane.node();
  end.channel = channel;
  end.state = state;
}

void FakeConnection::come_up(Side side) {
  ends_[side].state = State::kUp;
  ends_[side].lane->push(Up{ends_[side].channel});
}

bool FakeConnection::is_open(Side side) const {
  return ends_[side].lane != nullptr && (ends_[side].state == State::kUp || ends_[side].state == State::kClosing);
}

void FakeConnection::post(Side side, FakePost post) {
  End& end = ends_[side];
  const FakeLink link = network_.link(end.node, ends_[other(side)].node);
  const bool exposed_to_faults = !post.is_message && !end.lane->traits().sealed;
  post.id = next_post_++;
  post.lost = exposed_to_faults && network_.random().chance(link.lose_write);
  post.corrupt = exposed_to_faults && post.size > 0 && network_.random().chance(link.corrupt_write);
  end.unfinished.emplace(post.id, Unfinished{post.token, post.size, post.is_message});
  (post.is_message ? end.posted_message_bytes : end.posted_write_bytes) += post.size;
  (post.is_message ? end.messages : end.writes).push_back(std::move(post));
  pump(side);
}

void FakeConnection::finish(Side side, std::uint64_t post, bool failed) {
  End& end = ends_[side];
  const auto found = end.unfinished.find(post);
  if (found == end.unfinished.end()) return;
  (found->second.is_message ? end.posted_message_bytes : end.posted_write_bytes) -= found->second.size;
  end.lane->push(Finished{end.channel, found->second.token, failed});
  end.unfinished.erase(found);
}

void FakeConnection::close(Side side, Error why) {
  End& end = ends_[side];
  if (end.lane == nullptr || end.state == State::kClosing || end.state == State::kGone) return;
  end.state = State::kClosing;
  end.messages.clear();  // a shutdown does not flush (E7)
  end.writes.clear();
  network_.at(network_.now() + end.lane->options_.close_delay, [self = shared_from_this(), side, why = std::move(why)] {
    if (self->ends_[side].state != State::kClosing) return;
    self->shut(side, why, true);
    Parcel notice;
    notice.kind = Parcel::Kind::kClose;
    self->ship(side, std::move(notice), true);
  });
}

void FakeConnection::shut(Side side, const Error& why, bool failed) {
  End& end = ends_[side];
  if (end.lane == nullptr || end.state == State::kGone) return;
  while (!end.unfinished.empty()) finish(side, end.unfinished.begin()->first, failed);
  end.state = State::kGone;
  FakeLane* lane = std::exchange(end.lane, nullptr);
  end.messages.clear();
  end.writes.clear();
  end.stalled.clear();
  end.begun.clear();
  lane->push_down(end.channel, why);
}

void FakeConnection::vanish(Side side, std::optional<Duration> peer_hears) {
  End& end = ends_[side];
  if (end.lane == nullptr) return;
  end.lane->channels_.erase(end.channel);
  end.lane = nullptr;
  end.state = State::kGone;
  end.unfinished.clear();
  end.messages.clear();
  end.writes.clear();
  end.stalled.clear();
  if (!peer_hears) return;
  network_.at(network_.now() + *peer_hears, [self = shared_from_this(), peer = other(side)] {
    self->shut(peer, Error{ErrorClass::kPeerLost, "receive", "the peer is gone"}, true);
  });
}

void FakeConnection::wake() {
  for (const Side side : {Side{0}, Side{1}}) {
    End& end = ends_[side];
    while (!end.stalled.empty() && !is_held(side)) {
      Parcel parcel = std::move(end.stalled.front());
      end.stalled.pop_front();
      process(side, parcel);
    }
    pump(side);
  }
}

void FakeConnection::pump(Side from) {
  End& end = ends_[from];
  if (end.departing || end.state != State::kUp || (end.messages.empty() && end.writes.empty())) return;
  if (network_.is_stopped(end.node)) return;
  if (end.in_flight >= network_.link(end.node, ends_[other(from)].node).in_flight_bytes) return;
  end.departing = true;
  network_.at(std::max(network_.now(), end.wire_free), [self = shared_from_this(), from] {
    self->ends_[from].departing = false;
    self->depart(from);
  });
}

void FakeConnection::depart(Side from) {
  End& end = ends_[from];
  if (end.state != State::kUp || network_.is_stopped(end.node)) return;
  std::deque<FakePost>& queue = end.messages.empty() ? end.writes : end.messages;
  if (queue.empty()) return;
  FakePost& post = queue.front();
  Parcel parcel = cut(from, post);
  const double rate = network_.link(end.node, ends_[other(from)].node).bytes_per_second;
  end.wire_free = network_.now() + Duration{static_cast<std::int64_t>(static_cast<double>(parcel.size) * 1e9 / rate)};
  const bool lost = post.lost;
  const auto id = post.id;  // the post is gone once its last parcel departs
  const auto& options = end.lane->options_;
  if (!lost) {
    ++end.flights[post.id].parcels;
    end.flights[post.id].departed = parcel.last;
  }
  if (parcel.last) {
    if (!options.finishes_on_arrival || lost) {
      network_.at(end.wire_free, [self = shared_from_this(), from, id = post.id] {
        if (self->ends_[from].lane != nullptr) self->finish(from, id, false);
      });
    }
    queue.pop_front();
  }
  if (!lost) {
    const bool in_order = options.traits.ordered || parcel.kind == Parcel::Kind::kMessage;
    if (!in_order && parcel.immediate) end.flights[id].immediate = std::exchange(parcel.immediate, std::nullopt);
    end.in_flight += parcel.size;
    ship(from, std::move(parcel), in_order);
  }
  pump(from);
}

FakeConnection::Parcel FakeConnection::cut(Side from, FakePost& post) {
  const auto& options = ends_[from].lane->options_;
  Parcel parcel;
  parcel.post = post.id;
  parcel.kind = post.is_message ? Parcel::Kind::kMessage : Parcel::Kind::kChunk;
  parcel.size = post.size;
  if (!post.is_message) {
    const RemoteRange& range = post.remote[post.range];
    const std::uint64_t left = range.length - post.range_sent;
    parcel.size = left > options.chunk_bytes ? 1 + network_.random().below(options.chunk_bytes) : left;
    parcel.key = range.key;
    parcel.range = range;
    parcel.offset = range.offset + post.range_sent;
    post.range_sent += parcel.size;
    if (post.range_sent == range.length) {
      ++post.range;
      post.range_sent = 0;
    }
  }
  parcel.last = post.is_message || post.range == post.remote.size();
  if (parcel.last) parcel.immediate = post.immediate;
  if (post.corrupt && parcel.size > 0) {
    parcel.flip = network_.random().below(8 * parcel.size);
    post.corrupt = false;
  }

  if (!post.copy.empty()) {
    const auto start = post.copy.begin() + static_cast<std::ptrdiff_t>(post.sent);
    parcel.bytes.assign(start, start + static_cast<std::ptrdiff_t>(parcel.size));
  } else {
    std::uint64_t skip = post.sent;
    std::uint64_t wanted = parcel.size;
    for (const Gather& range : post.gather) {
      const std::uint64_t begin = std::min<std::uint64_t>(skip, range.size);
      const std::uint64_t here = std::min<std::uint64_t>(range.size - begin, wanted);
      skip -= begin;
      wanted -= here;
      if (here > 0) parcel.late.push_back({range.data + begin, here, range.descriptor});
    }
    if (!options.finishes_on_arrival) {
      for (const Gather& range : parcel.late) {
        if (!post.is_message) ends_[from].lane->check_attached(range);
        parcel.bytes.insert(parcel.bytes.end(), range.data, range.data + range.size);
      }
      parcel.late.clear();
    }
  }
  post.sent += parcel.size;
  return parcel;
}

TimePoint FakeConnection::arrival_time(Side from, bool in_order) {
  End& end = ends_[from];
  const FakeLink link = network_.link(end.node, ends_[other(from)].node);
  const auto jitter = static_cast<std::uint64_t>(link.jitter.count());
  const Duration late{static_cast<std::int64_t>(network_.random().below(jitter + 1))};
  TimePoint time = std::max(network_.now(), end.wire_free) + link.latency + late;
  if (in_order) {
    time = std::max(time, end.last_arrival);
    end.last_arrival = time;
  }
  return time;
}

void FakeConnection::ship(Side from, Parcel parcel, bool in_order) {
  // What is lost on a connection is followed by nothing: no stream skips bytes and goes on.
  const bool vanishes = ends_[from].silent |= network_.link(ends_[from].node, ends_[other(from)].node).silent;
  network_.at(arrival_time(from, in_order),
              [self = shared_from_this(), to = other(from), vanishes, parcel = std::move(parcel)]() mutable {
                if (!vanishes) return self->arrive(to, std::move(parcel));
                self->ends_[other(to)].in_flight -= parcel.size;  // nobody says so, but windows are the caller's
                self->pump(other(to));
              });
}

}  // namespace weft::lane
