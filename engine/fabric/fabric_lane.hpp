#pragma once

#include <array>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include <weft/fabric/fabric_channel.hpp>
#include <weft/fabric/fabric_listener.hpp>
#include <weft/fabric/fabric_waiter.hpp>
#include <weft/fabric/message_buffers.hpp>
#include <weft/fabric/post_ring.hpp>
#include <weft/lane/lane.hpp>

namespace weft::fabric {

struct FabricLaneOptions {
  std::string provider{};                  ///< libfabric's name: "net", "tcp", "verbs"; empty: the best tcp there is
  std::string bind_address = "127.0.0.1";  ///< numeric, with a port or without
  /// Draws 64 unpredictable bits: the key of an exposure. Required.
  std::function<Result<std::uint64_t>()> draw_key{};
  std::function<TimePoint()> now = [] { return Clock::now(); };
  Duration connect_timeout = std::chrono::seconds{2};  ///< of dials, admissions and knocks that nobody answers
  std::uint64_t piece_bytes = 0;                       ///< 0: what suits the provider
  std::uint64_t window_bytes = 0;                      ///< per channel; 0: what suits the provider
  std::uint32_t max_posts = 4096;                      ///< of all channels together
  std::uint32_t max_knocks = 64;                       ///< unanswered ones; more are refused
};

/// The lane made of libfabric's connection-oriented endpoints: tcp anywhere, verbs where there is an RDMA NIC. One
/// fabric, domain, event queue and completion queue, all owned by the loop that owns the lane.
///
/// On tcp it carries writes only: Traits::max_message is 0 and `send` says kDown. Where immediates take receives
/// (verbs) it has a ring of them for each channel, which messages take too: both wait for a credit of the peer's ring.
/// Closing a channel closes its endpoint, which is the fence (a closed registration is not). The transmit queue of tcp
/// takes any number of writes, so the window is ours: `room`. Completions do not name their connection: Arrived has no
/// channel. Deadlines of connecting are kept in poll, and wake waitable().
class FabricLane final : public lane::Lane, private lane::MessageLease::Owner {
 public:
  /// Unsupported when libfabric, the provider or the address is not there; else libfabric's errors, classed.
  static Result<std::unique_ptr<FabricLane>> open(FabricLaneOptions options);
  ~FabricLane() override;
  FabricLane(const FabricLane&) = delete;
  FabricLane& operator=(const FabricLane&) = delete;

  const lane::Traits& traits() const override { return traits_; }
  /// libfabric's own name of the provider: "net".
  std::string_view provider_name() const noexcept { return info_.view().provider_name(); }

  Result<std::string> listen() override;
  void stop_listening() override;
  Result<lane::Channel> dial(std::string_view address, std::span<const std::byte> pass) override;
  Result<void> admit(lane::Channel channel) override;
  void close(lane::Channel channel) override;

  Result<lane::ExposurePtr> expose(lane::Region region, lane::Channel channel) override;
  Result<std::unique_ptr<lane::Attachment>> attach(lane::Region region) override;

  std::uint64_t room(lane::Channel channel) const override;
  lane::Posted send(lane::Channel channel, std::span<const lane::Gather> gather, lane::Token token) override;
  lane::Posted write(lane::Channel channel, std::span<const lane::Gather> gather,
                     std::span<const lane::RemoteRange> remote, std::optional<std::uint32_t> immediate,
                     lane::Token token) override;

  std::size_t poll(std::span<lane::Event> events) override;
  /// Where a descriptor tells of connections alone (verbs): only what has completed. Else the same as poll.
  std::size_t glance(std::span<lane::Event> events) override;
  bool arrives_in_memory() const override { return completes_in_memory_; }
  int unseen() const override { return completes_in_memory_ ? waiter_.of_connections() : waiter_.descriptor(); }
  int waitable() const override { return waiter_.descriptor(); }
  bool may_block() override;

 private:
  static constexpr std::size_t kBatch = 64;
  /// The memory behind one channel's receives. It serves another channel once nothing of it is leased.
  struct ReceiveRing {
    std::optional<MessageBuffers> buffers{};
    lane::Channel channel{};
    bool used = false;
    std::uint32_t leased = 0;
  };
  struct Opened;  // what open() found and made, in the order it was made
  FabricLane(FabricLaneOptions options, Opened opened);
  static Result<Opened> open_on(const FabricLaneOptions& options, std::string_view provider);

  FabricChannel* find(lane::Channel channel) noexcept;
  const FabricChannel* find(lane::Channel channel) const noexcept;
  FabricChannel* find(const fid* endpoint) noexcept;
  lane::Channel next_channel() noexcept { return lane::Channel{next_channel_++}; }
  TimePoint deadline() const { return options_.now() + options_.connect_timeout; }
  Result<Endpoint> open_endpoint(FabricInfoView info);
  bool has_room(const FabricChannel& channel, std::uint64_t bytes) const noexcept;
  void end(FabricChannel& channel, Error why);
  void refuse_unread();

  // Receives, messages and credits (fabric_lane_messages.cpp).
  Result<void> post_receives(FabricChannel& channel);
  Result<PostResult> post_receive(FabricChannel& channel, std::uint32_t buffer);
  std::uint32_t take_ring(lane::Channel channel);
  void give_back_ring(FabricChannel& channel) noexcept;
  void trim_rings() noexcept;
  void receive_again(FabricChannel& channel, std::uint32_t buffer);
  std::optional<lane::Event> on_receive(const CompletionData& completion);
  void note_word(FabricChannel& channel);
  void tell_words();
  void release(std::uint32_t index) noexcept override;

  // Events (fabric_lane_events.cpp); each fills from the front and says how many.
  std::size_t look(std::span<lane::Event> events, bool also_at_connections);
  std::size_t reap(std::span<lane::Event> events);
  std::size_t settle(std::span<lane::Event> events);
  std::size_t control(std::span<lane::Event> events);
  bool control_is_due(bool idle) noexcept;
  std::optional<lane::Event> on_completion(const Completion& completion);
  std::optional<lane::Event> on_event(Event& event);
  std::optional<lane::Event> on_request(ConnectionRequested& request);
  void expire();

  FabricLaneOptions options_;
  FabricInfo info_;
  lane::Traits traits_;
  std::uint32_t posts_per_channel_;
  bool completes_in_memory_;
  Fabric fabric_;
  Domain domain_;
  EventQueue events_;
  CompletionQueue completions_;
  FabricWaiter waiter_;
  FabricListener listener_;
  PostRing ring_;
  std::vector<ReceiveRing> rings_;       // its places are named by leases; the channels' endpoints close before it
  std::optional<MessageBuffers> sends_;  // likewise
  std::vector<std::uint32_t> free_sends_;
  std::unordered_map<std::uint32_t, FabricChannel> channels_;
  std::vector<lane::Channel> ended_;  // closed, and still owing Finished and Down
  std::vector<lane::Channel> words_;  // channels with something to tell their peers
  std::array<Completion, kBatch> batch_{};

  std::uint32_t next_channel_ = 1;
  std::uint32_t pending_ = 0;  // channels with a deadline
  std::uint32_t knocking_ = 0;
  std::uint32_t since_control_ = 0;  // polls
  bool drained_ = true;  // the completion queue was empty after the last end(): nothing of it is still to be read
  bool force_control_ = true;
  bool quiet_ = false;  // a poll looked everywhere and found nothing, and nothing was found or posted since
  bool armed_ = false;
};

}  // namespace weft::fabric
