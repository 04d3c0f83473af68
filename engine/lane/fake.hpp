#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>
#include <weft/lane/fake_connection.hpp>
#include <weft/lane/fake_network.hpp>
#include <weft/lane/lane.hpp>

namespace weft::lane {

/// As framed over TLS: ordered, sealed, a revoked exposure is fenced.
Traits fake_stream_traits();
/// As libfabric's tcp: ordered, arrivals anonymous, only closing the channel is a fence; no messages.
Traits fake_fabric_traits();
/// As verbs: as libfabric's tcp, but what is written from must be attached; with messages.
Traits fake_verbs_traits();
/// As efa: an immediate comes behind the bytes of its own write, and may overtake those of others.
Traits fake_unordered_traits();

struct FakeLaneOptions {
  FakeNode node = 0;
  Traits traits;
  std::uint64_t chunk_bytes = 48 * 1024;  ///< writes land in parts of at most this, cut at random
  bool never_full = false;                ///< takes every write (E6); else a write is Full at the window
  unsigned refuses_every = 0;        ///< the first and then one in so many writes is Full though there is room; 0: none
  bool takes_messages = true;        ///< else every message is Full: the peer has no memory to receive it in
  bool reads_at_post = false;        ///< copies what is posted at once; else reads it when it leaves
  bool finishes_on_arrival = false;  ///< as an acknowledged NIC: memory is read, and Finished told, at the end
  bool lands_while_stopped = false;  ///< as a NIC: bytes land although the process is stopped
  bool virtual_addresses = false;    ///< Exposure::base() is the address of the region
  std::uint64_t locked_bytes = 0;    ///< exposed and attached at a time, then ResourceExhausted; 0: any number
  Duration close_delay = std::chrono::microseconds{60};  ///< from close to Down; bytes go on landing
};

/// A lane of a FakeNetwork. The loop is whoever turns the network.
class FakeLane final : public Lane, private MessageLease::Owner {
 public:
  ~FakeLane() override;
  FakeLane(const FakeLane&) = delete;
  FakeLane& operator=(const FakeLane&) = delete;

  FakeNode node() const noexcept { return options_.node; }
  std::uint64_t discarded_bytes() const noexcept { return discarded_bytes_; }
  /// Whether poll would return anything.
  bool has_events() const noexcept { return !events_.empty(); }
  std::size_t channels() const noexcept { return channels_.size(); }

  const Traits& traits() const override { return options_.traits; }
  Result<std::string> listen() override;
  void stop_listening() override;
  Result<Channel> dial(std::string_view address, std::span<const std::byte> pass) override;
  Result<void> admit(Channel channel) override;
  void close(Channel channel) override;
  Result<ExposurePtr> expose(Region region, Channel channel) override;
  Result<std::unique_ptr<Attachment>> attach(Region region) override;
  std::uint64_t room(Channel channel) const override;
  Posted send(Channel channel, std::span<const Gather> gather, Token token) override;
  Posted write(Channel channel, std::span<const Gather> gather, std::span<const RemoteRange> remote,
               std::optional<std::uint32_t> immediate, Token token) override;
  std::size_t poll(std::span<Event> events) override;
  int waitable() const override { return -1; }
  bool may_block() override { return events_.empty(); }

 private:
  friend class FakeNetwork;
  friend class FakeConnection;
  friend class FakeExposure;
  friend class FakeAttachment;
  struct Place {
    std::shared_ptr<FakeConnection> connection;
    FakeConnection::Side side = 0;
  };
  struct Exposed {
    Region region;
    Channel channel;
  };

  FakeLane(FakeNetwork& network, FakeLaneOptions options) : network_(network), options_(std::move(options)) {}
  Channel place(std::shared_ptr<FakeConnection> connection, FakeConnection::Side side, FakeConnection::State state);
  const Place* find(Channel channel) const;
  const Exposed* find_exposed(std::uint64_t key, Channel channel) const;
  std::uint64_t base_of(const Region& region) const;
  void check_attached(const Gather& range) const;
  bool may_lock(std::uint64_t bytes) const;
  void push(Event event) { events_.push_back(std::move(event)); }
  void push_message(Channel channel, std::vector<std::byte> bytes);
  void push_down(Channel channel, const Error& why);
  void release(std::uint32_t index) noexcept override { messages_.erase(index); }
  Posted post(Channel channel, FakePost post, bool full);

  FakeNetwork& network_;
  FakeLaneOptions options_;
  std::string address_;  // while listening
  std::map<Channel, Place> channels_;
  std::map<std::uint64_t, Exposed> exposures_;
  std::map<const void*, Region> attached_;
  std::map<std::uint32_t, std::vector<std::byte>> messages_;
  std::uint32_t next_message_ = 0;
  std::uint32_t next_channel_ = 1;
  std::uint32_t swallow_dials_ = 0;
  std::uint64_t discarded_bytes_ = 0;
  unsigned writes_ = 0;
  bool dead_ = false;
  std::deque<Event> events_;  // last: leases in it return to messages_
};

}  // namespace weft::lane
