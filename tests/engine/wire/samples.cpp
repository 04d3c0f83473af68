#include "tests/engine/wire/samples.hpp"

#include <array>
#include <charconv>

namespace weft::wire::test {
namespace {

constexpr std::array<std::byte, 16> sixteen(int first) {
  std::array<std::byte, 16> bytes{};
  for (int i = 0; i < 16; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::byte>(first + i);
  return bytes;
}

constexpr std::string_view kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr TransferRef kOurs{.sequence = 7, .opened_by_sender = true};
constexpr TransferRef kTheirs{.sequence = 7, .opened_by_sender = false};
constexpr LaneOffer kLanes[] = {{Lane::kTls, "tls", 1}, {Lane::kTcp, "net", 1}};
constexpr std::string_view kNames[] = {"layers.0.w", "layers.1.w", "größe"};
constexpr Handle kHandles[] = {{17, {42}}, {18, {42}}};
constexpr RangeSpec kRanges[] = {{0, 128, 1}, {64, 0, -2}};
constexpr Place kPlaces[] = {{1, 0}, {1, 4096}, {2, 64}};
constexpr RegionKey kRegions[] = {{0x1122334455667788, 0}, {2, 0x7f0000000000}, {3, 0}};
constexpr RunSpec kRuns[] = {{0, 16}, {100, 4}};
constexpr std::uint32_t kIndices[] = {3, 1, 4, 1, 5};
constexpr Part kParts[] = {
    {}, {.kind = PartKind::kSlice, .ranges = kRanges}, {.kind = PartKind::kRowRuns, .axis = 1, .runs = kRuns}};
constexpr Part kRows[] = {{.kind = PartKind::kRowIndices, .axis = 0, .indices = kIndices}};
constexpr PieceRange kWanted[] = {{0, 3}, {8, 1}};
constexpr RailKey kRails[] = {{0, 5, 0x1122334455667788, 0}, {1, 6, 0x99AABBCCDDEEFF00, 0x7f0000001000}};
constexpr LandingSegment kSegments[] = {{0, 4096}, {65536, 8192}};
constexpr std::int64_t kShape[] = {2, 65536, 1};
constexpr std::uint64_t kLeaves[] = {0x2D06800538D394C2, 0x0123456789ABCDEF};
constexpr Attribute kAttributes[] = {{"layout", ""}, {"units", "µV"}};
constexpr EntryAnswer kEntries[] = {{.name = "layers.0.w",
                                     .handle = {17, {42}},
                                     .dtype = DType::kF32,
                                     .requires_grad = true,
                                     .shape = kShape,
                                     .bytes = 524288,
                                     .leaves = kLeaves},
                                    {.ok = false, .error = ErrorClass::kNotFound, .text = "no tensor named \"x\""},
                                    {.name = "blob",
                                     .handle = {18, {43}},
                                     .dtype = DType::kOpaque,
                                     .opaque_type = "json",
                                     .attributes = kAttributes,
                                     .bytes = 11}};
constexpr EntryAnswer kInline[] = {
    {.handle = {3, {9}}, .dtype = DType::kU8, .shape = {kShape, 1}, .bytes = 5, .leaves = {kLeaves, 1}}};
constexpr RailCount kCounts[] = {{0, 12}, {1, 4}};

}  // namespace

std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t at = 0; at + 2 <= hex.size();) {
    if (hex[at] == ' ' || hex[at] == '\n') {
      ++at;
      continue;
    }
    unsigned value = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, value, 16);
    bytes.push_back(static_cast<std::byte>(value));
    at += 2;
  }
  return bytes;
}

std::vector<std::byte> with_payload(std::span<const std::byte> head, std::string_view payload) {
  std::vector<std::byte> frame{head.begin(), head.end()};
  for (char c : payload) frame.push_back(static_cast<std::byte>(c));
  frame.shrink_to_fit();
  return frame;
}

std::vector<std::byte> frame_of(const Sample& sample) { return with_payload(from_hex(sample.frame), sample.payload); }

// One of each message. The hexadecimal is what version 1 is: a change here is a change of the protocol.
std::span<const Sample> samples() {
  static const Sample kSamples[] = {
      {"hello",
       Hello{.incarnation = {sixteen(0)},
             .version_min = 1,
             .version_max = 2,
             .features = 5,
             .max_open_transfers = 1024,
             .max_message_bytes = 16777216,
             .piece_bytes = 1048576,
             .host = {sixteen(32)},
             .host_name = "gpu-07",
             .lanes = kLanes,
             .session = sixteen(64)},
       "", 0,
       "7766010000000000170000000000000000000000010001000000000000000000000000000a0002000001020304050607"
       "08090a0b0c0d0e0f01000200000400000500000000000000000000010000000000001000000000002021222324252627"
       "28292a2b2c2d2e2f404142434445464748494a4b4c4d4e4f050000003a00000005000000270000006770752d30370000"
       "08000000010001000100000001000000090000002200000002000000010000000500000022000000746c730000000000"
       "6e65740000000000"},
      {"rail",
       RailRequest{.number = 2,
                   .lane = Lane::kTcp,
                   .address = "tcp://127.0.0.1:41873",
                   .nonce = 0xFEEDFACE,
                   .answer = true,
                   .refused = true,
                   .closed = true,
                   .reason = "no listener"},
       "", 0,
       "77660100000000000c000000000000000000000001000100010000000000000000000000020002000200020007000000"
       "cefaedfe0000000005000000b20000000d000000620000007463703a2f2f3132372e302e302e313a3431383733000000"
       "6e6f206c697374656e65720000000000"},
      {"request by names",
       Request{.sequence = 7,
               .deadline_ns = 2000000000,
               .inline_max = 8192,
               .generation = {GenerationRuleKind::kNewerThan, {41}},
               .what = {.kind = WhatKind::kNames, .names = kNames},
               .parts = kParts,
               .verify = Verify::kLane,
               .trace = kTrace},
       "", 0,
       "77660100000000002f000000000000000000000001000100020000000000000000000000050004000700000000000000"
       "00943577000000000020000002000100290000000000000000000000000000000c000000010002003500000037000000"
       "000000000000000071000000c20100000000000000000000050000001e0000000000000000000000090000005a000000"
       "0d0000005a00000011000000420000006c61796572732e302e770000000000006c61796572732e312e77000000000000"
       "6772c3b6c39f65000c000000010001000000000000000000000000000000000001000000000000000900000082010000"
       "020000000100000019000000020100000000000000000000800000000000000001000000000000004000000000000000"
       "0000000000000000feffffffffffffff0000000000000000100000000000000064000000000000000400000000000000"
       "30302d30616637363531393136636434336464383434386562323131633830333139632d623761643662373136393230"
       "333333312d303100"},
      {"request by handles",
       Request{.sequence = 8,
               .what = {.kind = WhatKind::kHandles, .handles = kHandles},
               .parts = kRows,
               .expected_bytes = 20480,
               .has_grant = true,
               .grant = {.transfer = {8, true},
                         .round = 1,
                         .where = {.kind = WhereKind::kPages, .page_bytes = 4096, .pages = kIndices},
                         .rails = {kRails, 1}}},
       "", 0,
       "776601000000000026000000000000000000000001000100020000000000000000000000050004000800000000000000"
       "00000000000000000000000000000000000000000000000000500000000000000c000000010002002100000017000000"
       "34000000020003000000000000000000010000000000000005000000c20000000000000000000000110000002a000000"
       "00000000120000002a000000000000000400000001000100030000000000000001000000a20000000300000001000000"
       "040000000100000005000000000000000800000000000000010100000000000008000000020001000000000000000000"
       "19000000a20000000200000000000000001000000000000001000000a200000003000000010000000400000001000000"
       "0500000000000000000005008877665544332211000000000000000000000000"},
      {"request for a listing",
       Request{.sequence = 9,
               .what = {.kind = WhatKind::kEntries, .pattern = "layers.*", .after = "layers.0.w", .limit = 100}},
       "", 0,
       "776601000000000013000000000000000000000001000100020000000000000000000000050004000900000000000000"
       "00000000000000000000000000000000000000000000000000000000000000000c000000010002000000000000000000"
       "000000000000000000000000000000000200000064000000050000004a000000090000005a0000006c61796572732e2a"
       "00000000000000006c61796572732e302e77000000000000"},
      {"offer",
       Offer{.transfer = kOurs,
             .deadline_ns = 1500000000,
             .entries = kEntries,
             .total = 524352,
             .is_inline = true,
             .verify = Verify::kLane,
             .trace = kTrace},
       "hello", 0,
       "776601000000000043000000050000000000000001000100030000000000000000000000040002000700000000000000"
       "0300010000000000002f685900000000400008000000000005000000f7000000cd000000c20100000c00000004000600"
       "020010001100000011000000000000002a0000000000000000000800000000000000000000000000610000005a000000"
       "000000000000000061000000c20000006900000082000000000000000000000001000400000000000000000000000000"
       "0000000000000000000000000000000059000000a2000000000000000000000000000000000000000000000000000000"
       "00000000000000000000000000000000000010001500000012000000000000002b000000000000000b00000000000000"
       "0000000000000000390000002a000000390000002a000000000000000000000000000000000000003100000027000000"
       "6c61796572732e302e77000000000000020000000000000000000100000000000100000000000000c294d3380580062d"
       "efcdab89674523016e6f2074656e736f72206e616d6564202278220000000000626c6f62000000006a736f6e00000000"
       "08000000000002000d0000003a0000000000000000000000090000003200000009000000220000006c61796f75740000"
       "756e697473000000c2b556000000000030302d3061663736353139313663643433646438343438656232313163383033"
       "3139632d623761643662373136393230333333312d303100"},
      {"grant",
       Grant{.transfer = kTheirs,
             .round = 1,
             .where = {.kind = WhereKind::kSegments, .segments = kSegments},
             .wanted = kWanted,
             .rails = kRails},
       "", 3,
       "776601000300000016000000000000000000000001000100040000000000000000000000020003000700000000000000"
       "000100000000000008000000020001002100000082000000250000004201000001000000000000000000000000000000"
       "010000000201000000000000000000000010000000000000000001000000000000200000000000000000000003000000"
       "080000000100000000000500887766554433221100000000000000000100060000ffeeddccbbaa9900100000007f0000"},
      {"response", Response{.sequence = 7, .entries = kInline, .more = true}, "bytes", 0,
       "776601000000000013000000050000000000000001000100050000000000000000000000020001000700000000000000"
       "010000000000000001000000570000000400000004000600000010000400000003000000000000000900000000000000"
       "050000000000000000000000000000000000000000000000000000000000000009000000420000000900000042000000"
       "00000000000000000200000000000000c294d3380580062d"},
      {"digests", Digests{.transfer = kOurs, .round = 1, .first_leaf = 64, .leaves = kLeaves}, "", 0,
       "776601000000000008000000000000000000000001000100060000000000000000000000020001000700000000000000"
       "01010000400000000100000082000000c294d3380580062defcdab8967452301"},
      {"done",
       Done{.transfer = kOurs,
            .round = 2,
            .ok = false,
            .error = ErrorClass::kStale,
            .text = "replaced",
            .rails = kCounts,
            .first_leaf = 66,
            .leaves = kLeaves},
       "", 0,
       "77660100000000000e000000000000000000000001000100070000000000000000000000020003000700000000000000"
       "0302060042000000090000004a0000000d0000006200000011000000820000007265706c616365640000000000000000"
       "00000c00000001000400000000000000c294d3380580062defcdab8967452301"},
      {"receipt",
       Receipt{.transfer = kTheirs,
               .ok = false,
               .error = ErrorClass::kIntegrityFailure,
               .text = "leaf 3",
               .bytes = 524288,
               .generation = {42},
               .digest = {sixteen(96)},
               .verify = Verify::kLane,
               .lane = Lane::kVerbs},
       "", 0,
       "77660100000000000b000000000000000000000001000100080000000000000000000000060001000700000000000000"
       "02000b000100030000000800000000002a00000000000000606162636465666768696a6b6c6d6e6f010000003a000000"
       "6c65616620330000"},
      {"cancel", Cancel{.transfer = kTheirs, .why = ErrorClass::kDeadlineExceeded}, "", 0,
       "776601000000000005000000000000000000000001000100090000000000000000000000020000000700000000000000"
       "0000090000000000"},
      {"credit", Credit{.sequence = 7, .granted = 4096, .arrived = 4000}, "", 1,
       "7766010001000000060000000000000000000000010001000a0000000000000000000000030000000700000000000000"
       "0010000000000000a00f000000000000"},
      {"error",
       Failure{.transfer = kOurs,
               .error = ErrorClass::kForbidden,
               .native = -13,
               .text = "push is not allowed",
               .hint = "ask for the verb push"},
       "", 0,
       "77660100000000000d0000000000000000000000010001000c0000000000000000000000020002000700000000000000"
       "01000300f3ffffff05000000a20000000d000000b200000070757368206973206e6f7420616c6c6f7765640000000000"
       "61736b20666f722074686520766572622070757368000000"},
      {"ping", Ping{.nonce = 0x0102030405060708, .answer = true, .wall_ns = 1700000000000000000}, "", 0,
       "7766010000000000060000000000000000000000010001000d0000000000000000000000030000000807060504030201"
       "010000000000000000002a36fe9c9717"},
      {"bye", Bye{.why = ErrorClass::kShuttingDown, .answer = true}, "", 0,
       "7766010000000000040000000000000000000000010001000e0000000000000000000000010000000f00010000000000"},
      {"ring",
       RingOpen{.sequence = 9,
                .deadline_ns = 5000000000,
                .token = {std::byte{1}, std::byte{2}},
                .grains = 64,
                .slices = 4,
                .grain_bytes = 4096},
       "", 0,
       "7766010000000000090000000000000000000000010001000f0000000000000000000000060000000900000000000000"
       "00f2052a010000000102000000000000000000000000000040000000040000000010000000000000"},
      {"slots",
       Slots{.sequence = 9,
             .rail = 2,
             .slot = 77,
             .by_index = true,
             .granted = 64,
             .arrived = 3,
             .places = kPlaces,
             .regions = kRegions},
       "", 0,
       "776601000000000014000000000000000000000001000100100000000000000000000000040002000900000000000000"
       "02004d000100000040000000000000000300000000000000050000002201000015000000820100000100000000000000"
       "000000000100000000100000000000000200000040000000000000000000000088776655443322110000000000000000"
       "020000000000000000000000007f000003000000000000000000000000000000"},
  };
  return kSamples;
}

}  // namespace weft::wire::test
