@0xde96bdb3d75c3a03;

# The messages of Weft's protocol, version 1. This file is their specification; docs/protocol.md shows how they follow
# one another, engine/wire reads and writes them as the plain structs of engine/wire/message.hpp.
#
# A message on the wire is
#
#   offset 0   UInt16  magic 0x6677 ("wf")
#          2   UInt8   version of this frame, 1
#          3   UInt8   flags, 0
#          4   UInt32  0: for lanes that would give back receives here
#          8   UInt32  words (of 8 bytes) of the segment that follows
#         12   UInt32  bytes of the payload behind the segment
#         16           one Cap'n Proto segment whose root is a TensorMessage; there is no segment table
#                      then the payload: raw bytes that the message gives a meaning to
#
# all of it little-endian and together at most 16 MiB. A reader refuses a frame that is not exactly so long.
#
# Lists that may be long and are read in one sweep are `Data`: records side by side, little-endian, without padding.
# "Records {a UInt16, b UInt32}" below means 6 bytes each; a Data whose size is no multiple of its record is refused.
# Text is UTF-8 without NUL. Names, patterns and type names have at most 255 bytes, addresses 128, texts for people
# 1024. Sixteen random bytes (incarnation, host, session) are two words, the first eight bytes in `…Low`.
#
# Everything a peer writes is a claim: a reader checks each count, sum and enumeration before it uses one.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("weft::schema");

struct TensorMessage {
  union {
    hello @0 :Hello;        # first in each direction
    rail @1 :Rail;          # opens and closes rails
    request @2 :Request;    # pull
    offer @3 :Offer;        # what there is to move: a push, or the answer to a large request
    grant @4 :Grant;        # opens a round
    response @5 :Response;  # the answer with its bytes, or a listing
    digests @6 :Digests;    # leaves that were not known when the offer was sent
    done @7 :Done;          # closes a round
    receipt @8 :Receipt;    # the bytes are whole at the receiver, or why not
    cancel @9 :Cancel;      # the receiver or sender wants the end
    credit @10 :Credit;     # grains
    release @11 :Void;      # reserved for lanes that read their peer's memory: not sent, and Malformed
    error @12 :Failure;     # ends a transfer that has posted nothing
    ping @13 :Ping;
    bye @14 :Bye;
    ring @15 :Ring;         # grains: an initiator wants to write a ring
    slots @16 :Slots;       # grains: where it may write, and over which rail
  }
}

# --- Sessions ------------------------------------------------------------------------------------------------------

struct Hello {
  # The first message of both sides. Only here may a reader meet what it does not know: lanes it cannot name are passed
  # over, feature bits it cannot name are ignored. The highest version in both ranges is spoken; none is Unsupported.
  incarnationLow @0 :UInt64;
  incarnationHigh @1 :UInt64;
  versionMin @2 :UInt16;
  versionMax @3 :UInt16;        # at least versionMin
  features @4 :UInt64;
  maxOpenTransfers @5 :UInt32;  # that the sender of this message will hold, per direction
  maxMessageBytes @6 :UInt32;   # that it will read
  pieceBytes @7 :UInt64;        # a power of two, at least 256 KiB; the smaller of both is the session's
  hostLow @8 :UInt64;           # equal on both sides: same host, memory may be shared
  hostHigh @9 :UInt64;
  hostName @10 :Text;           # for people
  lanes @11 :List(LaneOffer);   # at most 32
  sessionLow @12 :UInt64;       # drawn by the dialler; the acceptor sends zeros
  sessionHigh @13 :UInt64;
}

struct LaneOffer {
  lane @0 :Lane;
  provider @1 :Text;            # "net", "tcp", "verbs": both ends must speak the same wire
  wireVersion @2 :UInt32;
}

struct Rail {
  # Whoever dialled the session dials its rails, for only that way is known to be open.
  # dialler: {number, lane}; acceptor: {number, lane, answer, address, nonce} or {number, answer, refused, reason}.
  # An answer to a number that nobody asked for is the acceptor's invitation to dial.
  # Either side: {number, closed} when the rail is gone at its end.
  number @0 :UInt16;
  lane @1 :Lane;
  address @2 :Text;
  nonce @3 :UInt64;             # of the pass that the dialler shows in its connect data
  answer @4 :Bool;
  refused @5 :Bool;
  closed @6 :Bool;
  reason @7 :Text;
}

struct Ping {
  nonce @0 :UInt64;
  answer @1 :Bool;              # with the nonce of the question
  wallNs @2 :Int64;             # the sender's wall clock, since 1970
}

struct Bye {
  # Last in each direction: nothing new after it, and the stream closes when both were said.
  why @0 :ErrorClass;
  answer @1 :Bool;
}

# --- Transfers -----------------------------------------------------------------------------------------------------

# A transfer inside one session is named by its opener's sequence number and by which side that was: `openedBySender`
# says that the sender of this very message opened it.

struct Request {
  sequence @0 :UInt64;          # rises with every transfer this side opens
  deadlineNs @1 :UInt64;        # time left; 0: automatic
  inlineMax @2 :UInt32;         # answers up to here shall ride in the response
  rule @3 :GenerationRule;
  generation @4 :UInt64;        # that `rule` speaks of
  what @5 :What;
  parts @6 :List(Part);         # none: whole entries; one: for every item; else one per item
  verify @7 :Verify;
  expectedBytes @8 :UInt64;     # with a grant: the byte space it was made for
  grant @9 :Grant;              # where to write without asking first; its transfer is this one
  trace @10 :Text;              # W3C traceparent
}

struct What {
  union {
    names @0 :List(Text);
    handles @1 :Data;           # records {index UInt32, generation UInt64}, learned from earlier answers
    entries :group {            # a listing
      pattern @2 :Text;
      after @3 :Text;           # names greater than this one
      limit @4 :UInt32;         # at most so many; 0: what fits
    }
  }
}

struct Part {
  union {
    whole @0 :Void;
    slice @1 :Data;             # records {start Int64, stop Int64, step Int64}, one per leading axis, at most 32
    rowRuns :group {
      axis @2 :UInt32;          # below 32
      runs @3 :Data;            # records {start UInt64, count UInt64}
    }
    rowIndices :group {
      axis @4 :UInt32;
      indices @5 :Data;         # records UInt32
    }
  }
}

struct Offer {
  sequence @0 :UInt64;
  openedBySender @1 :Bool;
  deadlineNs @2 :UInt64;
  entries @3 :List(EntryAnswer);
  total @4 :UInt64;             # bytes of the byte space, gaps included
  isInline @5 :Bool;            # a push whose bytes are the payload
  verify @6 :Verify;
  trace @7 :Text;
}

struct EntryAnswer {
  # What one item of a request, a push or a listing is. `failed` entries carry error and text, no bytes.
  failed @0 :Bool;
  requiresGrad @1 :Bool;
  error @2 :ErrorClass;
  dtype @3 :DType;
  index @4 :UInt32;             # with generation: the handle that later requests may name it by
  generation @5 :UInt64;
  bytes @6 :UInt64;             # of what travels; at most 2^48
  text @7 :Text;                # the failure
  name @8 :Text;                # in listings and pushes
  opaqueType @9 :Text;          # when dtype is opaque
  shape @10 :Data;              # records Int64, none negative, at most 32: of what travels
  leaves @11 :Data;             # records UInt64: XXH3-64 of each 256 KiB; none where they were not cached
  attributes @12 :List(Attribute);  # of the whole entry; at most 32, together 4 KiB; keys rise
}

struct Attribute {
  key @0 :Text;                 # 1 to 255 bytes
  value @1 :Text;
}

struct Grant {
  # Round `round` of a transfer: what is wanted, where it goes, over which rails. A later grant of the same round adds
  # rails and nothing else.
  sequence @0 :UInt64;
  openedBySender @1 :Bool;
  round @2 :UInt8;              # at most 8
  where @3 :Where;
  wanted @4 :Data;              # records {first UInt32, count UInt32} of pieces: counts above 0, rising, apart,
                                # below 2^20; none: every piece
  rails @5 :Data;               # records {rail UInt16, slot UInt16, key UInt64, base UInt64}, at most 4096; slots
                                # below 4096
}

struct Where {
  union {
    dense @0 :Void;             # the byte space lies at offset 0, gaps included
    segments @1 :Data;          # records {offset UInt64, length UInt64}, in the order of the space, gaps left out
    pages :group {
      pageBytes @2 :UInt64;     # above 0
      indices @3 :Data;         # records UInt32: page i lies at i × pageBytes
    }
  }
}

struct Response {
  sequence @0 :UInt64;          # of the request
  entries @1 :List(EntryAnswer);
  more @2 :Bool;                # a listing goes on after its last name
  granted @3 :Bool;             # no payload: the bytes come as pieces of round 0, under the grant of the request
}

struct Digests {
  sequence @0 :UInt64;
  openedBySender @1 :Bool;
  round @2 :UInt8;
  firstLeaf @3 :UInt32;         # counted over all entries in the order of the byte space
  leaves @4 :Data;              # records UInt64
}

struct Done {
  sequence @0 :UInt64;
  openedBySender @1 :Bool;
  round @2 :UInt8;
  failed @3 :Bool;
  error @4 :ErrorClass;
  text @5 :Text;
  rails @6 :Data;               # records {rail UInt16, posted UInt32}: immediates posted on it in this round
  firstLeaf @7 :UInt32;
  leaves @8 :Data;              # records UInt64: those that neither the offer nor digests carried
}

struct Receipt {
  sequence @0 :UInt64;
  openedBySender @1 :Bool;
  failed @2 :Bool;
  error @3 :ErrorClass;
  text @4 :Text;
  bytes @5 :UInt64;
  generation @6 :UInt64;
  digestLow @7 :UInt64;         # the root, XXH3-128 in canonical (big-endian) order: its first eight bytes
  digestHigh @8 :UInt64;
  verify @9 :Verify;            # what was checked
  lane @10 :Lane;               # that carried it
}

struct Cancel {
  sequence @0 :UInt64;
  openedBySender @1 :Bool;
  why @2 :ErrorClass;
}

struct Failure {
  sequence @0 :UInt64;
  openedBySender @1 :Bool;
  error @2 :ErrorClass;
  native @3 :Int32;             # errno or a library's code at the sender; 0: none
  text @4 :Text;
  hint @5 :Text;
}

# --- Grains --------------------------------------------------------------------------------------------------------

# A transfer without end: the initiator opens it with `ring`, the target answers with `slots` (again whenever the rail
# was lost, or a better one is there: it is gone over to when all that is out has arrived), and from then on writes go
# one way and credits the other. The initiator's share of the ring has `places`;
# the grain of ordinal n lies in place n modulo their number. Behind a grain's bytes, and in the last write of it, goes
# its header (64 bytes, docs/protocol.md), with the immediate {slot, place}.

struct Ring {
  sequence @0 :UInt64;
  deadlineNs @1 :UInt64;
  tokenLow @2 :UInt64;          # of the target info: it names the ring and opens it
  tokenHigh @3 :UInt64;
  grains @4 :UInt32;            # the shape that the initiator was told; another one is Stale
  slices @5 :UInt32;
  grainBytes @6 :UInt64;
}

struct Slots {
  sequence @0 :UInt64;          # of the ring message
  rail @1 :UInt16;
  slot @2 :UInt16;              # below 4096
  byIndex @3 :Bool;             # the share is the whole ring: the grain of index i goes to place i modulo their number
  granted @4 :UInt64;           # as in credit
  arrived @5 :UInt64;           # as in credit: what was sent after these is lost, and is sent again
  places @6 :Data;              # records {region UInt32, offset UInt64}, at least 1, at most 2^20
  regions @7 :Data;             # records {key UInt64, base UInt64}, at most 4096; the first holds the headers
}

struct Credit {
  sequence @0 :UInt64;          # of the ring message
  granted @1 :UInt64;           # ordinals below may be written. Cumulative: saying it twice changes nothing
  arrived @2 :UInt64;           # sends that came, each whole: cumulative as well
}

# --- Enumerations: values only grow, and never change their meaning ------------------------------------------------

enum Lane { auto @0; tls @1; tcp @2; verbs @3; efa @4; shm @5; kcp @6; local @7; }

enum GenerationRule { any @0; exactly @1; newerThan @2; atLeast @3; }

enum Verify {
  pieces @0;  # every leaf was checked by the receiver
  lane @1;    # the lane's own checks were relied on
}

enum ErrorClass {
  invalidArgument @0;
  malformed @1;
  unauthenticated @2;
  forbidden @3;
  notFound @4;
  exists @5;
  stale @6;
  peerUnreachable @7;
  peerLost @8;
  deadlineExceeded @9;
  cancelled @10;
  integrityFailure @11;
  resourceExhausted @12;
  overloaded @13;
  unsupported @14;
  shuttingDown @15;
  internal @16;
}

enum DType {
  bool @0; i4 @1; u4 @2; i8 @3; u8 @4; i16 @5; u16 @6; i32 @7; u32 @8; i64 @9; u64 @10;
  f4e2m1 @11; f8e4m3 @12; f8e5m2 @13; f8e8m0 @14; bf16 @15; f16 @16; f32 @17; f64 @18; c64 @19; c128 @20;
  opaque @21;  # any bytes; the type's name is in opaqueType
}
