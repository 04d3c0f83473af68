#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <weft/actors/actor_error.hpp>
#include <weft/actors/caf.hpp>
#include <weft/nodes/grains.hpp>

/// The two sides of a ring of grains (docs/grains.md), by message. Requests are answered once, with what stands beside
/// them in TargetActor and InitiatorActor or a caf::error that `error_of` reads; what happens by itself (a grain came,
/// a link is up) is sent to who asked to hear of it. Bytes stay in the application's memory: a grain is a span of its
/// slot, a send names what is read.
namespace weft::actors {

// ---- the target: to it ----

/// The sender hears of every grain from now on, those that wait already first. One at a time; Exists: somebody else
/// does. When it ends, what it holds is released and what comes waits for the next.
struct Subscribe {};
struct Subscribed {
  TargetInfo info{};  ///< for the initiators: a capability, see there
};
/// What the sender holds stays held until it is released. InvalidArgument: it is not the subscriber.
struct Unsubscribe {};
/// Lets a slot be written again. InvalidArgument: that slot is not held.
struct Release {
  std::uint32_t slot = 0;
};
struct AskTargetStats {};
/// Ends the target and this actor. The answer means that nothing writes the slots any more.
struct CloseTarget {};

// ---- the target: to its subscriber ----

/// A grain, or what of one is there. `grain.data` lies in the slot: it stays as it is until the slot is released, and
/// is valid as long as the application's memory. A grain that is not complete need not be released. At most a ring's
/// worth of them waits for a subscriber that is slow, then its initiators do.
struct GrainCame {
  Grain grain{};
};
/// No grain comes any more: the target was closed, or its node stopped.
struct TargetEnded {
  Error why{ErrorClass::kShuttingDown, "target", "it was closed"};
};

// ---- the initiator: to it ----

/// Begins to connect, and connects again whenever the link is lost. The sender hears of the link by LinkChanged.
/// Exists, InvalidArgument (a shape that differs from the others').
struct AddTarget {
  TargetInfo info{};
};
struct TargetAdded {
  std::size_t target = 0;  ///< its number; never used again
};
/// Grains under way to it end, arrived or Cancelled; no more are sent. NotFound.
struct RemoveTarget {
  TargetInfo info{};
};
/// Sends a grain to every target. A GrainResult follows for each target that was meant, to the sender; it may end
/// before, the grain goes its way. PeerUnreachable: no target is connected, nothing was sent; Overloaded: the queue is
/// full; InvalidArgument: bytes that do not make a grain.
struct SendGrain {
  std::uint64_t index = 0;
  std::vector<std::span<const std::byte>> parts{};  ///< one after the other; they stay until all results are there
  KeepAlive keep_alive{};                           ///< of the parts' memory: dropped when nothing reads them any more
  SendOptions options{};
};
struct GrainSent {
  std::size_t targets = 0;  ///< to how many it goes
};
/// Ends the initiator and this actor: grains under way end Cancelled, with their results. The answer means that nothing
/// reads what was sent.
struct CloseInitiator {};

// ---- the initiator: to who added a target ----

struct LinkChanged {
  std::size_t target = 0;
  TargetLink link = TargetLink::kConnecting;
  std::optional<Error> why{};  ///< it is not connected
};

}  // namespace weft::actors

WEFT_MESSAGES_BEGIN(weft_grains, 4200)
WEFT_MESSAGE(weft_grains, weft::actors::Subscribe)
WEFT_MESSAGE(weft_grains, weft::actors::Subscribed)
WEFT_MESSAGE(weft_grains, weft::actors::Unsubscribe)
WEFT_MESSAGE(weft_grains, weft::actors::Release)
WEFT_MESSAGE(weft_grains, weft::actors::AskTargetStats)
WEFT_MESSAGE(weft_grains, weft::TargetInfo)
WEFT_MESSAGE(weft_grains, weft::TargetStats)
WEFT_MESSAGE(weft_grains, weft::actors::CloseTarget)
WEFT_MESSAGE(weft_grains, weft::actors::GrainCame)
WEFT_MESSAGE(weft_grains, weft::actors::TargetEnded)
WEFT_MESSAGE(weft_grains, weft::actors::AddTarget)
WEFT_MESSAGE(weft_grains, weft::actors::TargetAdded)
WEFT_MESSAGE(weft_grains, weft::actors::RemoveTarget)
WEFT_MESSAGE(weft_grains, weft::actors::SendGrain)
WEFT_MESSAGE(weft_grains, weft::actors::GrainSent)
WEFT_MESSAGE(weft_grains, weft::GrainResult)
WEFT_MESSAGE(weft_grains, weft::actors::CloseInitiator)
WEFT_MESSAGE(weft_grains, weft::actors::LinkChanged)
WEFT_MESSAGES_END(weft_grains)

namespace weft::actors {

/// The side that receives. Lives while somebody holds its handle, until CloseTarget or an exit message; it holds its
/// subscriber. Its end closes the target without waiting; TargetOptions::keep_alive holds the slots' memory for as long
/// as it is written. When the node stops, the subscriber is told, and what is asked answers ShuttingDown.
using TargetActor = caf::typed_actor<Answers<Subscribe, Subscribed>, Answers<Unsubscribe, Done>, Answers<Release, Done>,
                                     Answers<AskTargetStats, TargetStats>, Answers<CloseTarget, Done>>;

/// The side that writes, to any number of targets. Lives as TargetActor does, and holds those who added targets or wait
/// for results; its end cancels what is under way, whose memory is kept until nothing reads it.
using InitiatorActor = caf::typed_actor<Answers<AddTarget, TargetAdded>, Answers<RemoveTarget, Done>,
                                        Answers<SendGrain, GrainSent>, Answers<CloseInitiator, Done>>;

/// Hands an opened target or initiator to an actor in the application's own system. InvalidArgument: it was opened with
/// a function (on_grain, on_result), which would be told instead.
Result<TargetActor> spawn_target(caf::actor_system& system, Target target);
Result<InitiatorActor> spawn_initiator(caf::actor_system& system, Initiator initiator);

}  // namespace weft::actors
