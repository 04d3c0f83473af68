#include <weft/fabric/fabric_channel.hpp>

namespace weft::fabric {

FabricChannel FabricChannel::knocking(lane::Channel id, FabricInfo requested, TimePoint deadline) {
  FabricChannel channel{id, State::kKnocking, deadline};
  channel.requested_ = std::move(requested);
  return channel;
}

FabricChannel FabricChannel::connecting(lane::Channel id, Endpoint endpoint, TimePoint deadline) {
  FabricChannel channel{id, State::kConnecting, deadline};
  channel.fid_ = endpoint.fid();
  channel.endpoint_ = std::move(endpoint);
  return channel;
}

void FabricChannel::admitted(Endpoint endpoint) {
  fid_ = endpoint.fid();
  endpoint_ = std::move(endpoint);
  requested_.reset();
  state_ = State::kConnecting;
}

void FabricChannel::connected() noexcept {
  state_ = State::kUp;
  deadline_ = kNever;
}

void FabricChannel::end(Error why) noexcept {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  why_ = std::move(why);
  fid_ = nullptr;
  endpoint_.reset();
  requested_.reset();
}

}  // namespace weft::fabric
