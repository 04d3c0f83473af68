#include "lane_suite.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace weft::conformance {

std::pair<Channel, Channel> connect_by_dialling(LanePair& pair, Watch& watch) {
  const auto address = pair.b().listen();
  if (!address) FAIL(address.error().to_string());
  const std::array<std::byte, 3> pass{std::byte{1}, std::byte{2}, std::byte{3}};
  const std::size_t knocks_before = watch.b.knocks.size();
  const auto dialled = pair.a().dial(*address, pass);
  if (!dialled) FAIL(dialled.error().to_string());
  watch.until("a knock", [&] { return watch.b.knocks.size() > knocks_before; });
  const Channel admitted = watch.b.knocks.back().channel;
  REQUIRE(pair.b().admit(admitted));
  watch.until("Up at both", [&] { return watch.a.is_up(*dialled) && watch.b.is_up(admitted); });
  return {*dialled, admitted};
}

void run_lane_suite(const MakeLanePair& make) {
  check_messages(make);
  check_writes(make);
  check_refusals(make);
  check_fences(make);
  check_life(make);
  check_sharing(make);
}

}  // namespace weft::conformance
