#include <weft/wire/codec.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include <weft/base/limits.hpp>
#include <weft/wire/decode.hpp>
#include <weft/wire/encode.hpp>

namespace weft::wire {
namespace {

constexpr std::size_t kWordBytes = sizeof(capnp::word);
constexpr std::size_t kHeaderWords = kHeaderBytes / kWordBytes;

struct Header {
  std::uint16_t magic = kMagic;
  std::uint8_t version = kVersion;
  std::uint8_t flags = 0;
  std::uint32_t credits = 0;
  std::uint32_t words = 0;
  std::uint32_t payload_bytes = 0;

  std::uint64_t frame_bytes() const { return kHeaderBytes + std::uint64_t{words} * kWordBytes + payload_bytes; }
};
// Its members lie as they do on the wire, on the little-endian hosts that records.hpp asks for.
static_assert(sizeof(Header) == kHeaderBytes);

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorClass::kMalformed, "message", std::move(message));
}

Result<Header> read_header(std::span<const std::byte, kHeaderBytes> bytes) {
  Header header;
  std::memcpy(&header, bytes.data(), kHeaderBytes);
  if (header.magic != kMagic)
    return fail(Error{ErrorClass::kMalformed, "message", "the bytes do not begin with a Weft header"}.with_hint(
        "check that both ends of the connection are Weft nodes"));
  if (header.version != kVersion)
    return fail(
        Error{ErrorClass::kMalformed, "message", "frame version " + std::to_string(header.version) + ", 1 is spoken"}
            .with_hint("run the same release of Weft on both ends"));
  if (header.flags != 0) return malformed("flags that version 1 does not have");
  if (header.words == 0) return malformed("no segment");
  if (header.frame_bytes() > kMaxMessageBytes)
    return malformed("announces " + std::to_string(header.frame_bytes()) + " bytes, the limit is " +
                     std::to_string(kMaxMessageBytes));
  return header;
}

// A message reads each of its objects once, so it never crosses more than its own words; the rest is slack for the
// few that are looked at twice. Ours nest seven deep.
capnp::ReaderOptions reader_options(std::uint32_t words) {
  return {.traversalLimitInWords = 2 * std::uint64_t{words} + 64, .nestingLimit = 10};
}

// The plain structs take at most four times their Cap'n Proto words (a Part), six where an encoder leaves trailing
// zero words out.
constexpr std::size_t kArenaFactor = 6;
constexpr std::size_t kArenaSlack = 256;

Message read_message(schema::TensorMessage::Reader root, detail::Reading& reading) {
  using Kind = schema::TensorMessage;
  switch (root.which()) {
    case Kind::HELLO:
      return detail::read(root.getHello(), reading);
    case Kind::RAIL:
      return detail::read(root.getRail(), reading);
    case Kind::REQUEST:
      return detail::read(root.getRequest(), reading);
    case Kind::OFFER:
      return detail::read(root.getOffer(), reading);
    case Kind::GRANT:
      return detail::read(root.getGrant(), reading);
    case Kind::RESPONSE:
      return detail::read(root.getResponse(), reading);
    case Kind::DIGESTS:
      return detail::read(root.getDigests(), reading);
    case Kind::DONE:
      return detail::read(root.getDone(), reading);
    case Kind::RECEIPT:
      return detail::read(root.getReceipt(), reading);
    case Kind::CANCEL:
      return detail::read(root.getCancel(), reading);
    case Kind::CREDIT:
      return detail::read(root.getCredit(), reading);
    case Kind::ERROR:
      return detail::read(root.getError(), reading);
    case Kind::PING:
      return detail::read(root.getPing(), reading);
    case Kind::BYE:
      return detail::read(root.getBye(), reading);
    case Kind::RING:
      return detail::read(root.getRing(), reading);
    case Kind::SLOTS:
      return detail::read(root.getSlots(), reading);
    case Kind::RELEASE:  // reserved
      break;
  }
  reading.refuse("message", "no such kind");
  return Message{};
}

/// Makes the union's member for each message and tells its size.
struct Members {
  static auto init(schema::TensorMessage::Builder root, const Hello&) { return root.initHello(); }
  static auto init(schema::TensorMessage::Builder root, const RailRequest&) { return root.initRail(); }
  static auto init(schema::TensorMessage::Builder root, const Request&) { return root.initRequest(); }
  static auto init(schema::TensorMessage::Builder root, const Offer&) { return root.initOffer(); }
  static auto init(schema::TensorMessage::Builder root, const Grant&) { return root.initGrant(); }
  static auto init(schema::TensorMessage::Builder root, const Response&) { return root.initResponse(); }
  static auto init(schema::TensorMessage::Builder root, const Digests&) { return root.initDigests(); }
  static auto init(schema::TensorMessage::Builder root, const Done&) { return root.initDone(); }
  static auto init(schema::TensorMessage::Builder root, const Receipt&) { return root.initReceipt(); }
  static auto init(schema::TensorMessage::Builder root, const Cancel&) { return root.initCancel(); }
  static auto init(schema::TensorMessage::Builder root, const Credit&) { return root.initCredit(); }
  static auto init(schema::TensorMessage::Builder root, const Failure&) { return root.initError(); }
  static auto init(schema::TensorMessage::Builder root, const Ping&) { return root.initPing(); }
  static auto init(schema::TensorMessage::Builder root, const Bye&) { return root.initBye(); }
  static auto init(schema::TensorMessage::Builder root, const RingOpen&) { return root.initRing(); }
  static auto init(schema::TensorMessage::Builder root, const Slots&) { return root.initSlots(); }

  template <class M>
  using Schema =
      typename decltype(init(std::declval<schema::TensorMessage::Builder>(), std::declval<const M&>()))::Builds;
};

std::uint64_t segment_words(const Message& message) {
  return std::visit(
      []<class M>(const M& one) {
        return 1 + detail::kStructWords<schema::TensorMessage> + detail::kStructWords<Members::Schema<M>> +
               detail::words(one);
      },
      message);
}

}  // namespace

struct Encoder::State {
  std::unique_ptr<capnp::word[]> memory;  // all zero where no builder is; header first, then the segment
  std::size_t words = 0;
  std::optional<capnp::MallocMessageBuilder> builder;  // over `memory`; zeroes what it used when it goes

  bool reserve(std::size_t wanted) {
    builder.reset();
    if (wanted > words) {
      const std::size_t next = std::max(wanted, 2 * words);
      memory.reset(new (std::nothrow) capnp::word[next]());
      words = memory ? next : 0;
    }
    return memory != nullptr;
  }
};

Encoder::Encoder() : state_(std::make_unique<State>()) {}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;

Result<std::span<const std::byte>> Encoder::encode(const Message& message, std::size_t payload_bytes,
                                                   std::uint32_t credits) {
  const std::uint64_t bound = segment_words(message);
  const std::uint64_t head = kHeaderBytes + bound * kWordBytes;
  if (bound > kMaxMessageBytes / kWordBytes || head > kMaxMessageBytes || payload_bytes > kMaxMessageBytes - head)
    return fail(ErrorClass::kResourceExhausted, "message",
                "larger than the " + std::to_string(kMaxMessageBytes) + " bytes a message may have");
  if (!state_->reserve(kHeaderWords + bound))
    return fail(ErrorClass::kResourceExhausted, "message", "no memory to encode it in");
  try {
    capnp::word* segment = state_->memory.get() + kHeaderWords;
    state_->builder.emplace(kj::arrayPtr(segment, state_->words - kHeaderWords));
    auto root = state_->builder->initRoot<schema::TensorMessage>();
    std::visit([&](const auto& one) { detail::fill(Members::init(root, one), one); }, message);

    const auto segments = state_->builder->getSegmentsForOutput();
    if (segments.size() != 1 || segments[0].begin() != segment)
      return fail(ErrorClass::kInternal, "message", "did not fit the segment that was measured for it");
    const Header header{.credits = credits,
                        .words = static_cast<std::uint32_t>(segments[0].size()),
                        .payload_bytes = static_cast<std::uint32_t>(payload_bytes)};
    auto* const frame = reinterpret_cast<std::byte*>(state_->memory.get());
    std::memcpy(frame, &header, kHeaderBytes);
    return std::span{frame, kHeaderBytes + segments[0].size() * kWordBytes};
  } catch (const kj::Exception& exception) {
    return fail(ErrorClass::kInternal, "message", exception.getDescription().cStr());
  }
}

struct Decoder::State {
  std::unique_ptr<capnp::word[]> aligned;  // of a segment that does not lie on 8 bytes
  std::size_t aligned_words = 0;
  detail::Arena arena;

  /// The segment where Cap'n Proto may read it; null when memory is out.
  const capnp::word* align(const std::byte* segment, std::size_t words) {
    if (std::bit_cast<std::uintptr_t>(segment) % kWordBytes == 0) return reinterpret_cast<const capnp::word*>(segment);
    if (words > aligned_words) {
      aligned.reset(new (std::nothrow) capnp::word[words]);
      aligned_words = aligned ? words : 0;
    }
    if (aligned) std::memcpy(static_cast<void*>(aligned.get()), segment, words * kWordBytes);
    return aligned.get();
  }
};

Decoder::Decoder() : state_(std::make_unique<State>()) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

Result<Decoded> Decoder::decode(std::span<const std::byte> frame) {
  if (frame.size() < kHeaderBytes) return malformed("shorter than a header");
  WEFT_LET(const Header header, read_header(frame.first<kHeaderBytes>()));
  if (frame.size() != header.frame_bytes()) return malformed("not as long as its header says");

  const std::size_t segment_bytes = header.words * kWordBytes;
  const capnp::word* segment = state_->align(frame.data() + kHeaderBytes, header.words);
  if (segment == nullptr || !state_->arena.reset(kArenaFactor * segment_bytes + kArenaSlack))
    return fail(ErrorClass::kResourceExhausted, "message", "no memory to decode it in");
  try {
    const kj::ArrayPtr<const capnp::word> segments[] = {kj::arrayPtr(segment, header.words)};
    capnp::SegmentArrayMessageReader reader{segments, reader_options(header.words)};
    detail::Reading reading{.arena = state_->arena};
    Decoded decoded{.message = read_message(reader.getRoot<schema::TensorMessage>(), reading),
                    .payload = frame.subspan(kHeaderBytes + segment_bytes),
                    .credits = header.credits};
    if (reading.field != nullptr) return malformed(std::string{reading.field} + ": " + reading.problem);
    return decoded;
  } catch (const kj::Exception& exception) {
    return malformed(exception.getDescription().cStr());
  }
}

Result<std::size_t> frame_size(std::span<const std::byte, kHeaderBytes> bytes) {
  WEFT_LET(const Header header, read_header(bytes));
  return static_cast<std::size_t>(header.frame_bytes());
}

}  // namespace weft::wire
