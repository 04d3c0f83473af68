#pragma once

/// What help() says. Shapes are in elements, sizes in bytes, times in seconds.
namespace weft::python::docs {

inline constexpr const char* kProgress =
    "How far a transfer is: bytes done and in all, bytes a second since its start, and eta, the seconds left at that "
    "rate (None: not known).";
inline constexpr const char* kTransfer =
    "A call that is already running. `await` it under asyncio or uvloop, or block on `.result(timeout)` anywhere; "
    "gather, wait_for, timeout and create_task take it as it is. Cancelling the task that awaits it cancels it. One "
    "that is dropped unawaited is cancelled, with a ResourceWarning.";
inline constexpr const char* kResult =
    "Blocks until the call has ended, which it does within its deadline, and gives its value or raises its error. "
    "timeout: seconds to wait at most; TimeoutError then, and the call goes on. Ctrl-C gets through.";
inline constexpr const char* kException = "As result(), but gives the error; None when there is none.";
inline constexpr const char* kDone = "Whether it has ended. Never blocks.";
inline constexpr const char* kCancel =
    "Ends it early; False when it had ended already. Returns, or under asyncio wakes who awaits it, when no write can "
    "reach `into` any more. result() then raises weft.CancelledError, await raises asyncio.CancelledError; of a push "
    "both say "
    "`may_have_arrived`.";
inline constexpr const char* kCancelled = "Whether it has ended by cancel().";
inline constexpr const char* kProgressOf = "How far it is, now.";
inline constexpr const char* kWait = "Blocks for at most so many seconds. Whether it is done.";
inline constexpr const char* kTransferId = "Names the transfer in the logs of both ends; empty where nothing travels.";
inline constexpr const char* kAddDoneCallback =
    "Calls function(transfer) in the running event loop when it has ended, as asyncio.Future does.";
inline constexpr const char* kView =
    "Memory of yours as a weft.Tensor, without a copy, to put or push with another dtype, shape or mark than its own: "
    "uint16 memory as \"bfloat16\", bytes as a matrix. A dtype of no known name makes opaque bytes, of any count, "
    "that the receiver sees under that name. attributes: a dict of strings that travels along, at most 32 and 4 KiB. "
    "InvalidArgumentError where the bytes do not fit.";
inline constexpr const char* kTensor =
    "A tensor that was received: its bytes are host memory, writable and private, and live while anyone looks at them, "
    "the node's end included. dtype (torch's names; an opaque one's is its sender's), shape, strides (in elements), "
    "nbytes, device, name, generation, digest, lane, peer (a node id), attributes (a dict of strings: its sender's, of "
    "a "
    "served file the file's metadata). numpy.asarray(t), memoryview(t), "
    "torch.from_dlpack(t) share its memory.";
inline constexpr const char* kNumpy =
    "As a numpy array that shares the memory. bfloat16 and float8 by ml_dtypes where that is installed; else "
    "TypeError (an UnsupportedError), as for opaque bytes; "
    "or with view=\"uint16\" the same bytes as that type. 4-bit elements: view=\"uint8\", two a byte.";
inline constexpr const char* kTorch = "As a torch tensor that shares the memory.";
inline constexpr const char* kJax = "As a jax array, which shares the memory where jax can.";
inline constexpr const char* kBytes =
    "Its bytes as a flat memoryview that shares the memory, whatever the dtype; bytes(t.bytes()) copies them.";
inline constexpr const char* kLoan =
    "Memory that is served without being owned. It ends by end(), by `with`, or, with a ResourceWarning, when it is "
    "collected: the name goes, transfers that still read it are cancelled, and nothing reads the memory any more.";
inline constexpr const char* kLoanEnd = "Ends it; returns when nothing reads the memory any more, at most 250 ms.";
inline constexpr const char* kTicket =
    "How another process reaches this node: text to hand over. Not a secret; who may do what is access='s business.";
inline constexpr const char* kNodeId = "This node's identity, its public key: what access=[…] names elsewhere.";
inline constexpr const char* kPut =
    "Serves data under a name until it is replaced or removed, and gives its generation. data: anything with DLPack, "
    "the buffer protocol or __array_interface__, of any strides; it is held, not copied, so do not write it while it "
    "is served: put again. Names: 1 to 255 bytes of UTF-8. InvalidArgumentError, UnsupportedError.";
inline constexpr const char* kLend =
    "As put, until the Loan that it gives ends: then the memory is yours to write again. Keep the Loan: one that is "
    "dropped ends at once.";
inline constexpr const char* kServe =
    "Serves a .safetensors file, a sharded index.json or a folder of them, read as pieces are sent. How many tensors. "
    "NotFoundError, MalformedError.";
inline constexpr const char* kPutMany =
    "As many puts that are seen together: one generation, which it gives. tensors: a mapping of names to what put "
    "takes. Where one cannot be served none is.";
inline constexpr const char* kSafetensorsFile =
    "A .safetensors file open for reading: entries, in the order of their bytes, each (name, dtype, shape, offset, "
    "nbytes); metadata, a dict or None; fd. MalformedError, NotFoundError, InvalidArgumentError (no regular file).";
inline constexpr const char* kSaveSafetensors =
    "Writes a .safetensors file of (name, data) pairs, whole or not at all. UnsupportedError: an element type that the "
    "format lacks; InvalidArgumentError; ResourceExhaustedError.";
inline constexpr const char* kRemove = "Takes a name out. NotFoundError.";
inline constexpr const char* kStats = "Counters since start and gauges, as a NodeStats.";
inline constexpr const char* kLanes = "The lanes of this host, each used or why not.";
inline constexpr const char* kTryReceive = "A pushed tensor that is there already, or None. ShuttingDownError.";
inline constexpr const char* kGet =
    "Pulls a tensor of a peer, whole, verified, of one generation: Transfer[Tensor].\n\n"
    "peer: a ticket's text or a Node. name: its name, or a Tensor that an earlier get gave (no name travels then).\n"
    "slice: weft.s_[0:128, :] or \"0:128, :\"; a single index keeps its axis, and "
    "raises IndexError beyond it. Or pages: weft.Pages.\n"
    "into: writable memory of yours, dense or strided, of the same dtype and shape; after an error its content is "
    "undefined.\n"
    "generation: a number, weft.newer_than(g), weft.at_least(g). verify: \"pieces\" or \"lane\". lane: \"tcp\", "
    "\"tls\"…\n"
    "timeout: seconds; absent: 30 s without progress, and in any case 30 s plus the size at 1 MiB/s.\n"
    "progress: True for a bar, or a callable taking a Progress, called where it is awaited, the last time at its end.\n"
    "trace: a W3C traceparent.\n\n"
    "NotFoundError, StaleError, InvalidArgumentError (slice or into does not fit), ForbiddenError, "
    "PeerUnreachableError, PeerLostError, DeadlineExceededError, IntegrityError, ResourceExhaustedError.";
inline constexpr const char* kGetMany =
    "Pulls many in one request, from one snapshot of the peer's catalog: Transfer[Results], a list with a Tensor or an "
    "Error for each, in order; .unwrap() raises BatchError where one failed. items: names, or weft.Item(name, slice, "
    "into). pages: of every item. The rest as get.";
inline constexpr const char* kPush =
    "Pushes data to a peer under a name: Transfer[Receipt], which resolves when the receiver has verified every byte. "
    "The memory must stay as it is until then. ForbiddenError, OverloadedError and those of get.";
inline constexpr const char* kReceive =
    "The next pushed tensor whose name matches the glob, first in first out per sender: Transfer[Tensor], with .name "
    "and .peer. It waits as long as the node lives, or timeout seconds.";
inline constexpr const char* kList = "What a peer serves that matches a glob, by name: Transfer[list[Entry]].";
inline constexpr const char* kExplain =
    "How a tensor would travel, and why not otherwise: Transfer[Plan]; print it. NotFoundError.";
inline constexpr const char* kPing = "Transfer[PingReport]: the round trip, and who answered.";
inline constexpr const char* kStop =
    "Ends every call (ShuttingDownError), tells peers, closes: Transfer[None]. timeout: seconds at most. A second stop "
    "ends with the first.";
inline constexpr const char* kReceipt =
    "The receiver's word that every byte landed: bytes, generation, digest, lane, verified_pieces (False: the lane's "
    "own checks only), seconds.";
inline constexpr const char* kEntry = "A line of a listing: name, dtype, shape, nbytes, generation, attributes.";
inline constexpr const char* kPlan =
    "How a tensor would travel: peer, name, nbytes, generation, same_host, lanes. print() shows the table.";
inline constexpr const char* kPlanLane = "A lane as explain judges it: lane, expected, chosen, usable, verdict.";
inline constexpr const char* kLaneReport = "A lane of this host: lane, used, detail.";
inline constexpr const char* kPingReport =
    "round_trip and skew (the peer's clock minus ours) in seconds, peer, node, version, address.";
inline constexpr const char* kStatsOf =
    "Counters since start: pulls, pushes, serves, receives, failed, bytes_in, bytes_out, integrity_failures, stale, "
    "pieces_reasked, dials, pool_hits, pool_misses, evictions. Gauges: sessions, transfers, catalog_tensors, "
    "catalog_bytes, landing_bytes, inbox.";
inline constexpr const char* kGenerationRule = "Which generation will do: newer_than(g), at_least(g).";
inline constexpr const char* kNewerThan = "Only a generation above this one will do.";
inline constexpr const char* kAtLeast = "This generation or a later one will do.";
inline constexpr const char* kAccess =
    "Who may talk to a node, and about what: Access.local() (this host, the default), any(), peers([node ids]); each "
    "with .names(\"kv.*\") and .verbs(\"get\", \"push\", \"list\").";

}  // namespace weft::python::docs
