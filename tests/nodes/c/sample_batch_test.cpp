#include <weft/nodes/c/sample_batch.hpp>

#include <cstring>
#include <vector>

#include "domain.hpp"

using weft::c::FlowFile;
using weft::c::SampleBatch;
using weft::test::TestDomain;

namespace {

std::shared_ptr<FlowFile> flow_of(const TestDomain& domain, const char* name) {
  return *FlowFile::open(*weft::c::Domain::open(domain.path().c_str()), name, FlowFile::Use::kWrite);
}

std::vector<std::byte> packed(const SampleBatch& batch, const FlowFile& flow) {
  const auto header = batch.header();
  std::vector<std::byte> bytes(header.begin(), header.end());
  const auto parts = batch.parts(flow);
  REQUIRE(parts.has_value());
  for (const auto& part : *parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

}  // namespace

TEST_CASE("sample batch: channels go one after the other, over the wrap, and arrive where they lay", "[M-24][O-60]") {
  TestDomain domain;
  domain.make_continuous("from", 9, 2);
  domain.make_continuous("to", 9, 2);
  const auto from = flow_of(domain, "from"), to = flow_of(domain, "to");
  for (std::size_t i = 0; i != from->buffers().size(); ++i) from->buffers()[i] = static_cast<std::byte>(i + 1);
  const SampleBatch batch{.head = 11, .count = 5};
  const auto bytes = packed(batch, *from);
  REQUIRE(bytes.size() == 16 + 2 * 5 * 4);
  const auto arrived = SampleBatch::unpack(bytes, *to);
  REQUIRE(arrived.has_value());
  REQUIRE(arrived->head == 11);
  REQUIRE(arrived->count == 5);
  for (std::size_t channel = 0; channel != 2; ++channel)
    for (std::size_t at = 0; at != 9 * 4; ++at) {
      const std::size_t i = channel * 9 * 4 + at;
      const bool sent = at / 4 >= 6 || at / 4 <= 1;
      CAPTURE(channel, at);
      REQUIRE(to->buffers()[i] == (sent ? from->buffers()[i] : std::byte{0}));
    }
}

TEST_CASE("sample batch: one that contradicts itself writes nothing", "[O-60]") {
  TestDomain domain;
  domain.make_continuous("flow", 9, 2);
  const auto flow = flow_of(domain, "flow");
  const auto refused = [&](const SampleBatch& batch, std::size_t carried) {
    const auto header = batch.header();
    std::vector<std::byte> bytes(header.begin(), header.end());
    bytes.resize(16 + carried, std::byte{0xee});
    const auto arrived = SampleBatch::unpack(bytes, *flow);
    return !arrived && arrived.error().status == WEFT_ERR_INTEGRITY;
  };
  REQUIRE(refused({.head = 11, .count = 5}, 2 * 5 * 4 - 1));
  REQUIRE(refused({.head = 11, .count = 0}, 80));
  REQUIRE(refused({.head = 11, .count = 10}, 800));
  REQUIRE(refused({.head = 4, .count = 5}, 80));
  REQUIRE(refused({.head = UINT64_MAX, .count = UINT64_MAX}, 80));
  REQUIRE_FALSE(SampleBatch::unpack({}, *flow).has_value());
  for (const std::byte byte : flow->buffers()) REQUIRE(byte == std::byte{0});
}
