#include <weft/nodes/c/provider.hpp>

#include <array>
#include <utility>

#include <fmt/format.h>

#include <weft/nodes/c/boundary.hpp>

namespace weft::c {
namespace {

constexpr std::array<std::pair<weftFabricsProvider, std::string_view>, 5> kProviders{{
    {WEFT_FABRICS_PROVIDER_ANY, "any"},
    {WEFT_FABRICS_PROVIDER_TCP, "tcp"},
    {WEFT_FABRICS_PROVIDER_VERBS, "verbs"},
    {WEFT_FABRICS_PROVIDER_EFA, "efa"},
    {WEFT_FABRICS_PROVIDER_SHM, "shm"},
}};

}  // namespace

Outcome<std::string_view> provider_text(weftFabricsProvider provider) {
  for (const auto& [known, text] : kProviders)
    if (known == provider) return text;
  return bad_argument(fmt::format("{} is no provider", static_cast<int>(provider)));
}

std::optional<weftFabricsProvider> provider_of(std::string_view text) noexcept {
  if (text == "auto") return WEFT_FABRICS_PROVIDER_ANY;
  for (const auto& [known, name] : kProviders)
    if (name == text) return known;
  return std::nullopt;
}

weftFabricsProvider provider_of(fabric::Provider provider) noexcept {
  switch (provider) {
    case fabric::Provider::kTcp:
      return WEFT_FABRICS_PROVIDER_TCP;
    case fabric::Provider::kVerbs:
      return WEFT_FABRICS_PROVIDER_VERBS;
    case fabric::Provider::kEfa:
      return WEFT_FABRICS_PROVIDER_EFA;
    case fabric::Provider::kShm:
      return WEFT_FABRICS_PROVIDER_SHM;
  }
  return WEFT_FABRICS_PROVIDER_ANY;
}

Outcome<std::vector<Lane>> lanes_of(weftFabricsProvider provider) {
  WEFT_C_LET(const std::string_view text, provider_text(provider));
  switch (provider) {
    case WEFT_FABRICS_PROVIDER_ANY:
      return std::vector<Lane>{};
    case WEFT_FABRICS_PROVIDER_TCP:
      return std::vector<Lane>{Lane::kTcp, Lane::kTls};
    case WEFT_FABRICS_PROVIDER_VERBS:
      return std::vector<Lane>{Lane::kVerbs};
    case WEFT_FABRICS_PROVIDER_EFA:
      return std::vector<Lane>{Lane::kEfa};
    case WEFT_FABRICS_PROVIDER_SHM:
      return std::vector<Lane>{Lane::kTls};
    default:
      return refuse(WEFT_ERR_UNSUPPORTED_OPERATION, fmt::format("no lane uses the provider \"{}\"", text));
  }
}

}  // namespace weft::c

using namespace weft::c;

weftStatus weftFabricsProviderFromString(const char* in_string, weftFabricsProvider* out_provider) {
  return guarded("weftFabricsProviderFromString", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_string, out_provider));
    const auto provider = provider_of(std::string_view(in_string));
    if (!provider) return bad_argument("no provider has that name", "any, tcp, verbs, efa or shm, exactly so");
    *out_provider = *provider;
    return {};
  });
}

weftStatus weftFabricsProviderToString(weftFabricsProvider in_provider, char* out_string, size_t* in_out_size) {
  return guarded("weftFabricsProviderToString", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_out_size));
    WEFT_C_LET(const std::string_view text, provider_text(in_provider));
    return text_out(text, out_string, in_out_size);
  });
}
