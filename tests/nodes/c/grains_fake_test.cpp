#include "fake_grains.hpp"
#include "rings.hpp"

using namespace weft::test;

TEST_CASE("fake engine: a link that is still connecting is NOT_READY, in time", "[M-25][M-26][M-44]") {
  Fabrics fabrics;
  Ring in(2), out(2);
  const weftTargetInfo info = fabrics.set_up(fabrics.blank_target(), in.regions);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorMakeProgressBlocking(initiator, 60000) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, info) == WEFT_STATUS_OK);
  fake_grains().connecting = true;
  REQUIRE(weftFabricsInitiatorMakeProgressNonBlocking(initiator) == WEFT_ERR_NOT_READY);
  REQUIRE(weftFabricsInitiatorMakeProgressBlocking(initiator, 20) == WEFT_ERR_NOT_READY);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_ERR_NOT_READY);
  fake_grains().connecting = false;
  REQUIRE(weftFabricsInitiatorMakeProgressBlocking(initiator, 60000) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorTransferGrain(initiator, 0) == WEFT_STATUS_OK);
}

TEST_CASE("fake engine: a failure says which grain, which target, and whether it may be there", "[M-23][M-44]") {
  Fabrics fabrics;
  Ring in(2), out(2);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, fabrics.set_up(fabrics.blank_target(), in.regions)) ==
          WEFT_STATUS_OK);
  connect(initiator);
  fake_grains().lose = true;
  const weftStatus sent = weftFabricsInitiatorTransferGrain(initiator, 6);
  fake_grains().lose = false;
  REQUIRE(sent == WEFT_STATUS_OK);
  const weftFabricsResult result = result_of(initiator);
  REQUIRE(result.status == WEFT_ERR_PEER_LOST);
  REQUIRE(result.index == 6);
  REQUIRE(result.mayHaveArrived);
  weftFabricsResult none{};
  none.structSize = sizeof none;
  REQUIRE(weftFabricsInitiatorNextResult(initiator, &none) == WEFT_ERR_NOT_READY);
}

TEST_CASE("fake engine: results that nobody takes are bounded, the last ones are kept") {
  Fabrics fabrics;
  Ring in(1), out(1);
  const weftFabricsInitiator initiator = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(initiator, fabrics.set_up(fabrics.blank_target(), in.regions)) ==
          WEFT_STATUS_OK);
  connect(initiator);
  for (std::uint64_t index = 0; index != 65536 + 3; ++index) {
    REQUIRE(weftFabricsInitiatorTransferGrain(initiator, index) == WEFT_STATUS_OK);
    if (index % 1000 == 0) REQUIRE(weftFabricsInitiatorMakeProgressNonBlocking(initiator) == WEFT_STATUS_OK);
  }
  REQUIRE(result_of(initiator).index == 3);
}

TEST_CASE("fake engine: an access key opens what its target info alone does not") {
  Fabrics fabrics;
  Ring in(2), out(2);
  const std::string path = fabrics.domain.path() + "/key";
  FILE* const file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  std::fputs("0123456789abcdef0123456789abcdef\n", file);
  std::fclose(file);
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  const std::string options = R"({"accessKeyFile": ")" + path + "\"}";
  const weftTargetInfo info = fabrics.set_up(fabrics.blank_target(), in.regions, options.c_str());
  const weftFabricsInitiator without = fabrics.initiator(out.regions);
  REQUIRE(weftFabricsInitiatorAddTarget(without, info) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorTransferGrain(without, 0) == WEFT_ERR_NOT_READY);
  const weftFabricsInitiator with = fabrics.initiator(out.regions, options.c_str());
  REQUIRE(weftFabricsInitiatorAddTarget(with, info) == WEFT_STATUS_OK);
  REQUIRE(weftFabricsInitiatorTransferGrain(with, 0) == WEFT_STATUS_OK);
}
