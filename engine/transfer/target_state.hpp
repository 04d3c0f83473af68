#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weft/lane/lane.hpp>
#include <weft/memory/landing_pool.hpp>
#include <weft/transfer/space.hpp>
#include <weft/transfer/target_map.hpp>
#include <weft/transfer/types.hpp>

/// The receiving half of a transfer, as the core keeps it; nothing outside engine/transfer includes this.
namespace weft::transfer {

/// One rail of a round at the receiving side.
struct RoundRail {
  std::uint16_t rail = 0;
  std::uint16_t slot = 0;
  bool has_slot = false;
  bool pending = false;  // expose asked, not answered
  bool granted = false;
  bool gone = false;  // no byte over it can land any more
  std::uint32_t arrived = 0;
  std::optional<std::uint32_t> posted{};
  lane::ExposurePtr exposure{};
  std::vector<lane::ExposurePtr> regions{};  // of a ring of grains, instead
  void revoke() noexcept {
    exposure.reset();
    regions.clear();
  }
  bool quiet() const noexcept { return gone || (posted && arrived == *posted); }
};

struct TargetItem {
  bool ok = true;
  std::optional<Error> error{};
  std::string name{};
  TensorMeta meta{};
  std::uint64_t bytes = 0;
  Generation generation{};
  std::uint32_t index = 0;
  Digest digest{};
};

/// The receiving half of a transfer.
struct Target {
  Space space{};
  TargetMap map{};
  memory::Landing landing{};
  std::vector<TargetItem> items{};
  std::vector<Into> into{};
  bool direct_into = false;  // pieces land in the caller's memory
  bool scatter = false;      // copied out of the landing, piece by piece
  std::vector<std::byte> inline_bytes{};
  bool is_inline = false;
  bool early = false;                    // its grant goes out with the request; the answer was not heard yet
  bool again = false;                    // its session was lost in that state: asked again once nothing can land
  std::vector<std::uint64_t> arrived{};  // bit per piece
  std::uint32_t arrived_count = 0;
  std::vector<std::uint64_t> scattered{};  // bit per piece
  std::vector<std::uint64_t> expected{};   // leaves told
  std::vector<std::uint64_t> actual{};     // leaves computed
  std::vector<std::uint64_t> told{};       // bit per leaf
  std::vector<std::uint64_t> hashed{};     // bit per leaf
  std::uint32_t told_count = 0;
  std::uint8_t round = 0;
  bool round_open = false;
  bool done = false;  // the round's last word was heard
  bool done_ok = true;
  std::optional<Error> done_error{};
  bool reasked = false;
  std::uint64_t bytes_arrived = 0;
  std::vector<RoundRail> rails{};
  std::vector<wire::PieceRange> wanted{};
  void reset();
};

}  // namespace weft::transfer
