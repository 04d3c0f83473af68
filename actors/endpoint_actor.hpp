#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <weft/actors/actor_error.hpp>
#include <weft/actors/caf.hpp>
#include <weft/nodes/tensor_node.hpp>

/// What a CAF application asks of a node, by message. Every request is answered once: with the struct that stands
/// beside it in EndpointActor, or with a caf::error that `error_of` reads. It ends within its deadline
/// (docs/errors.md), also when the node stops: ShuttingDown. Bytes never travel in messages: they are named by a view
/// with what keeps their memory alive, or held by a lease.
namespace weft::actors {

/// Pulls a tensor, or a part of it: whole, verified, of one generation. Errors as of TensorNode::get.
struct Get {
  Peer peer{""};  ///< a Ticket, or its text
  std::string name{};
  GetOptions options{};  ///< what its spans and `into` point to must stay until the answer: see keep_alive
  /// Of `into` and of the options' spans: dropped when nothing reads or writes them any more. That may be after the
  /// requester's end, which no other memory waits for.
  KeepAlive keep_alive{};
};
/// A lease on the bytes, shared by all copies of the message: they go when the last one has gone.
struct Got {
  std::shared_ptr<const Tensor> tensor{};
};

/// Serves memory under a name until it is replaced or removed. A tensor that was got goes on by its view() and lease().
/// InvalidArgument: a name or view that cannot be served.
struct Put {
  std::string name{};
  TensorView view{};
  KeepAlive keep_alive{};  ///< dropped after the last transfer; none: the memory outlives the node
};
struct Published {
  Generation generation{};
};

/// Takes a name out; transfers of it under way go on. NotFound.
struct Remove {
  std::string name{};
};

/// What a peer serves that matches a glob, sorted by name.
struct List {
  Peer peer{""};
  std::string pattern = "*";
  ListOptions options{};
};
struct Listed {
  std::vector<Entry> entries{};
};

/// Gives a tensor to a peer that receives such names. The answer means that it verified every byte.
struct Push {
  Peer peer{""};
  std::string name{};
  TensorView view{};       ///< stays as it is until the answer
  KeepAlive keep_alive{};  ///< of the view's memory: dropped when nothing reads it any more
  PushOptions options{};
};
struct Pushed {
  Receipt receipt{};
};

/// The next tensor that was pushed here and matches a glob, first in first out per sender. Without a deadline it waits
/// as long as the node lives. One that arrives for a requester which has ended is kept for the next.
struct Receive {
  std::string pattern = "*";
  ReceiveOptions options{};
};

/// A round trip; opens a session where there is none.
struct Ping {
  Peer peer{""};
  Deadline deadline{};
};
struct Pong {
  PingReport report{};
};

}  // namespace weft::actors

WEFT_MESSAGES_BEGIN(weft_endpoint, 4000)
WEFT_MESSAGE(weft_endpoint, weft::actors::Get)
WEFT_MESSAGE(weft_endpoint, weft::actors::Got)
WEFT_MESSAGE(weft_endpoint, weft::actors::Put)
WEFT_MESSAGE(weft_endpoint, weft::actors::Published)
WEFT_MESSAGE(weft_endpoint, weft::actors::Remove)
WEFT_MESSAGE(weft_endpoint, weft::actors::List)
WEFT_MESSAGE(weft_endpoint, weft::actors::Listed)
WEFT_MESSAGE(weft_endpoint, weft::actors::Push)
WEFT_MESSAGE(weft_endpoint, weft::actors::Pushed)
WEFT_MESSAGE(weft_endpoint, weft::actors::Receive)
WEFT_MESSAGE(weft_endpoint, weft::actors::Ping)
WEFT_MESSAGE(weft_endpoint, weft::actors::Pong)
WEFT_MESSAGES_END(weft_endpoint)

namespace weft::actors {

/// A node, as a CAF application speaks to it. When a requester ends, what it asked for is cancelled. The actor holds
/// the node weakly: the node may stop or go before it. It lives while somebody holds its handle or a request is under
/// way; when it is ended before (an exit message), open requests are cancelled and answered with ShuttingDown.
using EndpointActor =
    caf::typed_actor<Answers<Get, Got>, Answers<Put, Published>, Answers<Remove, Done>, Answers<List, Listed>,
                     Answers<Push, Pushed>, Answers<Receive, Got>, Answers<Ping, Pong>>;

/// Spawns one in the application's own system, where it takes no thread of its own. Any number per node.
EndpointActor spawn_endpoint(caf::actor_system& system, const TensorNode& node);

/// CAF 1.x must be told of the message types before the first actor_system is made; with 0.17 there is nothing to do.
void init_types();

}  // namespace weft::actors
