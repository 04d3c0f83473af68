#pragma once

#include <optional>
#include <string_view>

#include <weft/fabric/fabric_info.hpp>
#include <weft/fabric/provider.hpp>

namespace weft::fabric {

/// What a program that writes into remote memory asks of a provider: the flags one would have to look up. A value.
class ProviderConfig {
 public:
  /// For every enumerator; InvalidArgument outside.
  static Result<ProviderConfig> of(Provider provider);

  Provider provider() const noexcept { return provider_; }
  /// Connections where the provider makes them (tcp, verbs), else connectionless (shm, efa).
  EndpointType endpoint_type() const noexcept { return type_; }
  std::uint64_t required_caps() const noexcept { return required_; }
  /// Capabilities that, when offered, name a layer that is not meant.
  std::uint64_t rejected_caps() const noexcept { return rejected_; }
  /// Whether a configuration that libfabric offers is one that Weft can use.
  bool accepts(FabricInfoView info) const noexcept;
  /// Whether its queues can be blocked upon; efa's since libfabric 2.4.
  bool can_block(FabricVersion running) const noexcept;

  /// The first acceptable configuration among the provider's names, best first. `source`: the address to bind to, where
  /// there is one; `type`: another than endpoint_type(). Unsupported, with what was looked for, when there is none.
  Result<FabricInfo> find(const std::optional<FabricAddress>& source = std::nullopt,
                          EndpointType type = EndpointType::kAny) const;
  /// The same of one provider by libfabric's own name ("net").
  Result<FabricInfo> find_named(std::string_view libfabric_name, const std::optional<FabricAddress>& source,
                                EndpointType type = EndpointType::kAny) const;

 private:
  ProviderConfig(Provider provider, EndpointType type, std::uint64_t required, std::uint64_t rejected) noexcept
      : provider_(provider), type_(type), required_(required), rejected_(rejected) {}
  Provider provider_;
  EndpointType type_;
  std::uint64_t required_;
  std::uint64_t rejected_;
};

}  // namespace weft::fabric
