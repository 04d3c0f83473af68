#include <weft/fabric/provider_survey.hpp>

#include <algorithm>

namespace weft::fabric {
namespace {

template <class Value>
void add_once(std::vector<Value>& values, Value value) {
  if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
}

SurveyedProvider& row_of(std::vector<SurveyedProvider>& rows, FabricInfoView info) {
  const auto found = std::ranges::find(rows, info.provider_name(), &SurveyedProvider::name);
  if (found != rows.end()) return *found;
  return rows.emplace_back(
      SurveyedProvider{.name = std::string{info.provider_name()}, .version = info.provider_version()});
}

Error nothing_of(const SurveyedProvider& provider) {
  const auto asked = FabricInfoList::get({.provider = provider.name});
  return asked ? Error{ErrorClass::kUnsupported, "fi_getinfo", "it finds nothing here that it can use"} : asked.error();
}

}  // namespace

Result<std::vector<SurveyedProvider>> survey_providers() {
  WEFT_LET(const FabricInfoList built, FabricInfoList::providers());
  WEFT_LET(const FabricInfoList offered, FabricInfoList::get());
  std::vector<SurveyedProvider> rows;
  for (const FabricInfoView one : built) row_of(rows, one);
  for (const FabricInfoView one : offered) {
    SurveyedProvider& row = row_of(rows, one);
    add_once(row.types, one.endpoint_type());
    add_once(row.domains, {std::string{one.fabric_name()}, std::string{one.domain_name()}});
  }
  for (SurveyedProvider& row : rows)
    if (row.domains.empty() && !row.is_layer()) row.why_nothing = nothing_of(row);
  return rows;
}

}  // namespace weft::fabric
