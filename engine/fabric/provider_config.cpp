#include <weft/fabric/provider_config.hpp>

#include <fmt/format.h>
#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

namespace weft::fabric {
namespace {

constexpr std::uint64_t kWrites = FI_MSG | FI_RMA;
// Registration modes that nobody here can honour.
constexpr std::uint64_t kUnknownModes = FI_MR_ENDPOINT | FI_MR_RAW | FI_MR_RMA_EVENT | FI_MR_MMU_NOTIFY;

}  // namespace

Result<ProviderConfig> ProviderConfig::of(Provider provider) {
  switch (provider) {
    case Provider::kTcp:
    case Provider::kVerbs:
      return ProviderConfig{provider, EndpointType::kMessage, kWrites, FI_TAGGED};
    case Provider::kEfa:
    case Provider::kShm:
      return ProviderConfig{provider, EndpointType::kReliableDatagram, kWrites, 0};
  }
  return fail(ErrorClass::kInvalidArgument, "ProviderConfig::of", "no such provider");
}

bool ProviderConfig::accepts(FabricInfoView info) const noexcept {
  const bool names_it = provider_of(info.provider_name()) == provider_;
  const bool rejected = info.endpoint_type() == EndpointType::kMessage && (info.caps() & rejected_) != 0;
  return names_it && !rejected && (info.caps() & required_) == required_ && (info.mr_mode() & kUnknownModes) == 0;
}

bool ProviderConfig::can_block(FabricVersion running) const noexcept {
  return provider_ != Provider::kEfa || running >= FabricVersion{2, 4};
}

Result<FabricInfo> ProviderConfig::find_named(std::string_view libfabric_name,
                                              const std::optional<FabricAddress>& source, EndpointType type) const {
  WEFT_LET(const FabricVersion running, FabricVersion::running());
  const ProviderHabits habits = habits_of(libfabric_name, running);
  const EndpointType wanted = type == EndpointType::kAny ? type_ : type;
  WEFT_LET(const FabricInfoList offered, FabricInfoList::get({.provider = std::string{libfabric_name},
                                                              .endpoint_type = wanted,
                                                              .caps = required_,
                                                              .mode = habits.mode,
                                                              .mr_mode = habits.mr_mode,
                                                              .source = source}));
  for (const FabricInfoView one : offered)
    if (one.provider_name() == libfabric_name && accepts(one)) return one.owned();
  return fail(ErrorClass::kUnsupported, "fi_getinfo",
              fmt::format("libfabric {} has no provider \"{}\" of type {} {}", running.to_string(), libfabric_name,
                          fabric::to_string(wanted), source ? "at " + source->to_string() : "on this host"));
}

Result<FabricInfo> ProviderConfig::find(const std::optional<FabricAddress>& source, EndpointType type) const {
  std::optional<Error> why;
  for (std::string_view name : libfabric_names(provider_)) {
    auto found = find_named(name, source, type);
    if (found) return found;
    if (!why) why = std::move(found.error());
  }
  return fail(std::move(*why));
}

}  // namespace weft::fabric
