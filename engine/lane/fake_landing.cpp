// What arrives at one side of a fake connection, and what becomes of it.

#include <cstring>

#include <weft/base/checked.hpp>
#include <weft/lane/fake.hpp>
#include <weft/lane/fake_connection.hpp>

namespace weft::lane {

bool FakeConnection::is_held(Side to) const {
  const End& end = ends_[to];
  if (network_.link(ends_[other(to)].node, end.node).held) return true;
  return network_.is_stopped(end.node) && end.lane != nullptr && !end.lane->options_.lands_while_stopped;
}

void FakeConnection::arrive(Side to, Parcel parcel) {
  if (ends_[to].lane == nullptr) return;  // the fence: nobody is there any more
  if (is_held(to) || !ends_[to].stalled.empty()) {
    ends_[to].stalled.push_back(std::move(parcel));
    return;
  }
  process(to, parcel);
}

void FakeConnection::process(Side to, Parcel& parcel) {
  End& end = ends_[to];
  End& sender = ends_[other(to)];
  if (!parcel.late.empty()) {
    if (!sender.unfinished.contains(parcel.post)) return;  // its memory was given back when the sender closed
    for (const Gather& range : parcel.late) {
      if (parcel.kind == Parcel::Kind::kChunk && sender.lane != nullptr) sender.lane->check_attached(range);
      parcel.bytes.insert(parcel.bytes.end(), range.data, range.data + range.size);
    }
  }
  if (parcel.flip) parcel.bytes[*parcel.flip / 8] ^= static_cast<std::byte>(1U << (*parcel.flip % 8));
  switch (parcel.kind) {
    case Parcel::Kind::kClose:
      shut(to, Error{ErrorClass::kPeerLost, "receive", "the peer closed the channel"}, network_.random().chance(0.5));
      break;
    case Parcel::Kind::kMessage:
      if (is_open(to)) end.lane->push_message(end.channel, std::move(parcel.bytes));
      break;
    case Parcel::Kind::kChunk:
      if (is_open(to)) land(to, parcel);
      break;
  }
  sender.in_flight -= std::min(sender.in_flight, parcel.size);
  count_landed(to, parcel);
  pump(other(to));
}

void FakeConnection::count_landed(Side to, const Parcel& parcel) {
  End& sender = ends_[other(to)];
  const auto flight = sender.flights.find(parcel.post);
  if (flight == sender.flights.end()) return;
  if (--flight->second.parcels > 0 || !flight->second.departed) return;
  if (flight->second.immediate && is_open(to)) tell_arrived(to, *flight->second.immediate);
  sender.flights.erase(flight);
  std::erase_if(ends_[to].begun, [&](const auto& each) { return each.first.first == parcel.post; });
  if (sender.lane == nullptr || !sender.lane->options_.finishes_on_arrival) return;
  const Duration latency = network_.link(ends_[to].node, sender.node).latency;
  network_.at(network_.now() + latency, [self = shared_from_this(), from = other(to), id = parcel.post] {
    if (self->ends_[from].lane != nullptr) self->finish(from, id, false);
  });
}

/// Where the parcel's bytes go; null with `refused` for a write that must end the connection, null alone for bytes
/// that are dropped.
std::byte* FakeConnection::resolve(Side to, const Parcel& parcel, bool& refused) {
  End& end = ends_[to];
  const bool fences = end.lane->traits().revoke_fences;
  const auto begun = end.begun.find({parcel.post, parcel.key});
  Region region{};
  if (!fences && begun != end.begun.end()) {
    region = begun->second;  // goes on landing, revoked or not (E1)
  } else if (const auto* exposed = end.lane->find_exposed(parcel.key, end.channel)) {
    region = exposed->region;
    end.begun[{parcel.post, parcel.key}] = region;
  } else {
    refused = !fences;
    return nullptr;
  }
  const std::uint64_t base = end.lane->base_of(region);
  refused = !within<std::uint64_t>(parcel.range.offset - base, parcel.range.length, region.size);
  return refused ? nullptr : region.data + (parcel.offset - base);
}

void FakeConnection::land(Side to, Parcel& parcel) {
  End& end = ends_[to];
  bool refused = false;
  std::byte* address = resolve(to, parcel, refused);
  if (refused) return refuse(to);
  if (address == nullptr && end.lane->traits().revoke_fences && !end.lane->find_exposed(parcel.key, end.channel)) {
    end.lane->discarded_bytes_ += parcel.size;
    end.spoiled = parcel.post;
  } else if (address != nullptr && parcel.size > 0) {
    if (network_.on_landed) network_.on_landed(*end.lane, address, parcel.size);
    std::memcpy(address, parcel.bytes.data(), parcel.size);
  }
  if (parcel.immediate && end.spoiled != parcel.post) tell_arrived(to, *parcel.immediate);
}

void FakeConnection::tell_arrived(Side to, std::uint32_t immediate) {
  End& end = ends_[to];
  const FakeLink link = network_.link(ends_[other(to)].node, end.node);
  std::optional<Channel> channel;
  if (end.lane->traits().attributed) channel = end.channel;
  end.lane->push(Arrived{channel, immediate});
  // What keeps no order is reliable datagrams, each of which is delivered once.
  if (!end.lane->traits().sealed && end.lane->traits().ordered && network_.random().chance(link.duplicate_arrival))
    end.lane->push(Arrived{channel, immediate});
}

/// A write to a bad place: the whole connection dies, and the writer hears that all its writes went well (E3).
void FakeConnection::refuse(Side to) {
  const Side from = other(to);
  shut(to, Error{ErrorClass::kMalformed, "receive", "a write outside of a live exposure"}, true);
  const Duration latency = network_.link(ends_[to].node, ends_[from].node).latency;
  network_.at(network_.now() + latency, [self = shared_from_this(), from] {
    self->shut(from, Error{ErrorClass::kPeerLost, "write", "the peer refused a write"}, false);
  });
}

}  // namespace weft::lane
