#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <set>

#include <weft/fabric/provider_survey.hpp>

#include "fault_shim.hpp"

using namespace weft;
using namespace weft::fabric;

namespace {

const SurveyedProvider* named(const std::vector<SurveyedProvider>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &SurveyedProvider::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("a survey tells each provider once: its version, and what it offers here or that it offers nothing",
          "[fabric][O-04]") {
  const auto survey = survey_providers();
  if (!survey) SKIP(survey.error().to_string());
  std::set<std::string> names;
  for (const SurveyedProvider& one : *survey) {
    CAPTURE(one.name);
    CHECK(names.insert(one.name).second);
    CHECK(one.version > FabricVersion{});
    CHECK(one.types.empty() == one.domains.empty());
    CHECK(one.why_nothing.has_value() == (one.domains.empty() && !one.is_layer()));
    CHECK(std::set(one.domains.begin(), one.domains.end()).size() == one.domains.size());
  }
  const SurveyedProvider* tcp = named(*survey, "tcp");
  REQUIRE(tcp != nullptr);
  CHECK(std::ranges::find(tcp->types, EndpointType::kMessage) != tcp->types.end());
  CHECK(std::ranges::any_of(tcp->domains, [](const auto& one) { return one.domain == "lo"; }));
}

TEST_CASE("a survey has every configuration that libfabric offers", "[fabric][O-04]") {
  const auto survey = survey_providers();
  if (!survey) SKIP(survey.error().to_string());
  for (const FabricInfoView info : unwrap(FabricInfoList::get())) {
    const SurveyedProvider* row = named(*survey, info.provider_name());
    REQUIRE(row != nullptr);
    CHECK(row->version == info.provider_version());
    const SurveyedProvider::Domain domain{std::string{info.fabric_name()}, std::string{info.domain_name()}};
    CHECK(std::ranges::find(row->domains, domain) != row->domains.end());
    CHECK(std::ranges::find(row->types, info.endpoint_type()) != row->types.end());
  }
}

TEST_CASE("whichever question of a survey fails, what is told says so", "[fabric][fault]") {
  if (const auto survey = survey_providers(); !survey) SKIP(survey.error().to_string());
  for (std::uint64_t nth = 0;; ++nth) {
    REQUIRE(nth < 50);
    const test::FaultShim shim{{.nth = nth, .only = "fi_getinfo", .code = ENOMEM}};
    const auto survey = survey_providers();
    if (!shim.reached()) break;
    if (nth < 2) {  // which there are, and what they offer
      REQUIRE_FALSE(survey);
      CHECK(survey.error().kind() == ErrorClass::kResourceExhausted);
      continue;
    }
    REQUIRE(survey);
    CHECK(std::ranges::count_if(*survey, [](const SurveyedProvider& one) {
            return one.why_nothing && one.why_nothing->kind() == ErrorClass::kResourceExhausted;
          }) == 1);
  }
}
