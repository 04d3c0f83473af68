#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "rings.hpp"

/// Every function of the C headers that gives a status, with arguments that are sound: for tests that spoil them one at
/// a time.
namespace weft::test {

using Handles = std::tuple<weftInstance, weftFabricsInstance, weftFlowReader, weftFlowWriter, weftRegions,
                           weftFabricsTarget, weftFabricsInitiator, weftTargetInfo>;

template <class P, class All>
inline constexpr bool kIsOneOf = false;
template <class P, class... All>
inline constexpr bool kIsOneOf<P, std::tuple<All...>> = (std::is_same_v<P, All> || ...);
/// Of a parameter's type: a pointer to what only the library knows.
template <class P>
inline constexpr bool kIsHandle = kIsOneOf<std::remove_cv_t<P>, Handles>;

/// One handle of each kind, live until this object goes; then all are destroyed.
class LiveHandles {
 public:
  LiveHandles() : ring_(2) {
    fabrics_.domain.make_discrete("flow");
    const weftFabricsTarget target = fabrics_.blank_target();
    handles_ = {fabrics_.domain.instance(),
                fabrics_.handle,
                fabrics_.domain.reader("flow"),
                fabrics_.domain.writer("flow"),
                ring_.regions,
                target,
                fabrics_.initiator(ring_.regions),
                fabrics_.set_up(target, ring_.regions)};
  }
  const Handles& handles() const { return handles_; }

 private:
  Fabrics fabrics_;
  Ring ring_;
  Handles handles_{};
};

/// What functions read and write, of one thread.
struct Arguments {
  explicit Arguments(const Handles& all)
      : handles(all),
        target_setup(target_config(std::get<weftRegions>(all))),
        initiator_setup(initiator_config(std::get<weftRegions>(all))) {
    flow_config.structSize = sizeof flow_config;
    flow_config.layout = WEFT_FLOW_DISCRETE;
    flow_config.grainCount = flow_config.grainSize = 1;
    flow_info.structSize = sizeof flow_info;
    grain_info.structSize = sizeof grain_info;
    grain.structSize = sizeof grain;
    result.structSize = sizeof result;
    query.structSize = sizeof query;
  }
  Handles handles;
  weftFlowConfig flow_config{};
  weftFlowInfo flow_info{};
  weftGrainInfo grain_info{};
  const std::uint8_t* read = nullptr;
  std::uint8_t* payload = nullptr;
  weftWrappedMultiBufferSlice samples{};
  weftMutableWrappedMultiBufferSlice mutable_samples{};
  char byte = 0;
  weftFabricsMemoryRegion buffer{reinterpret_cast<std::uintptr_t>(&byte), 1, {WEFT_PAYLOAD_LOCATION_HOST_MEMORY, 0}};
  weftFabricsInterfaceConfig query{};
  weftFabricsInterfaceList* list = nullptr;
  weftTargetConfig target_setup;
  weftInitiatorConfig initiator_setup;
  weftFabricsGrain grain{};
  weftFabricsResult result{};
  weftFabricsProvider provider = WEFT_FABRICS_PROVIDER_TCP;
  std::uint64_t index = 0;
  std::size_t count = 0;
  int fd = -1;
  char text[1024] = {};
  std::size_t text_size = sizeof text;
  Handles made{};  // out_ parameters
};

/// Calls visit(name, function, optional, arguments…) for each; `optional` has the places of pointers that may be NULL.
template <class Visit>
void for_each_function(Arguments& a, Visit&& visit) {
  const auto [instance, fabrics, reader, writer, regions, target, initiator, info] = a.handles;
  const auto out = [&a]<class H>(std::type_identity<H>) { return &std::get<H>(a.made); };
  const std::type_identity<weftFlowReader> as_reader;
  const std::type_identity<weftFlowWriter> as_writer;
  const std::type_identity<weftRegions> as_regions;
  using Places = std::vector<std::size_t>;
  const Places none;
#define WEFT_VISIT(function, optional, ...) visit(#function, function, optional, __VA_ARGS__)
  WEFT_VISIT(weftLastError, Places{0}, a.text, &a.text_size);
  WEFT_VISIT(weftDestroyInstance, none, instance);
  WEFT_VISIT(weftCreateFlow, none, instance, "other", &a.flow_config);
  WEFT_VISIT(weftDestroyFlow, none, instance, "flow");
  WEFT_VISIT(weftCreateFlowReader, Places{2}, instance, "flow", "{}", out(as_reader));
  WEFT_VISIT(weftReleaseFlowReader, none, instance, reader);
  WEFT_VISIT(weftCreateFlowWriter, Places{2}, instance, "flow", "{}", out(as_writer));
  WEFT_VISIT(weftReleaseFlowWriter, none, instance, writer);
  WEFT_VISIT(weftFlowReaderGetConfig, none, reader, &a.flow_config);
  WEFT_VISIT(weftFlowWriterGetConfig, none, writer, &a.flow_config);
  WEFT_VISIT(weftFlowReaderGetInfo, none, reader, &a.flow_info);
  WEFT_VISIT(weftFlowWriterGetInfo, none, writer, &a.flow_info);
  WEFT_VISIT(weftFlowReaderGetLatestIndex, none, reader, &a.index);
  WEFT_VISIT(weftFlowReaderGetGrain, none, reader, 0, 0, &a.grain_info, &a.read);
  WEFT_VISIT(weftFlowReaderGetGrainSlices, none, reader, 0, 1, 0, &a.grain_info, &a.read);
  WEFT_VISIT(weftFlowReaderGetGrainNonBlocking, none, reader, 0, &a.grain_info, &a.read);
  WEFT_VISIT(weftFlowReaderCheckGrain, none, reader, &a.grain_info);
  WEFT_VISIT(weftFlowWriterOpenGrain, none, writer, 0, &a.grain_info, &a.payload);
  WEFT_VISIT(weftFlowWriterCommitGrain, none, writer, &a.grain_info);
  WEFT_VISIT(weftFlowWriterCancelGrain, none, writer);
  WEFT_VISIT(weftFlowReaderGetSamples, none, reader, 1, 1, 0, &a.samples);
  WEFT_VISIT(weftFlowReaderCheckSamples, none, reader, 1, 1);
  WEFT_VISIT(weftFlowWriterOpenSamples, none, writer, 1, 1, &a.mutable_samples);
  WEFT_VISIT(weftFlowWriterCommitSamples, none, writer);
  WEFT_VISIT(weftFlowWriterCancelSamples, none, writer);
  WEFT_VISIT(weftFabricsRegionsForFlowReader, none, reader, out(as_regions));
  WEFT_VISIT(weftFabricsRegionsForFlowWriter, none, writer, out(as_regions));
  WEFT_VISIT(weftFabricsRegionsFromUserBuffers, none, &a.buffer, 1, out(as_regions));
  WEFT_VISIT(weftFabricsRegionsFree, none, regions);
  WEFT_VISIT(weftFabricsCreateInstance, none, instance, out(std::type_identity<weftFabricsInstance>{}));
  WEFT_VISIT(weftFabricsDestroyInstance, none, fabrics);
  WEFT_VISIT(weftFabricsGetInterfaces, Places{1}, fabrics, &a.query, &a.list);
  WEFT_VISIT(weftFabricsFreeInterfaceList, Places{0}, a.list);
  WEFT_VISIT(weftFabricsCreateTarget, none, fabrics, out(std::type_identity<weftFabricsTarget>{}));
  WEFT_VISIT(weftFabricsDestroyTarget, none, fabrics, target);
  WEFT_VISIT(weftFabricsTargetSetGrainCallback, (Places{1, 2}), target, nullptr, nullptr);
  WEFT_VISIT(weftFabricsTargetSetup, none, target, &a.target_setup, out(std::type_identity<weftTargetInfo>{}));
  WEFT_VISIT(weftFabricsTargetTryNewGrain, none, target, &a.index);
  WEFT_VISIT(weftFabricsTargetWaitForNewGrain, none, target, &a.index, 0);
  WEFT_VISIT(weftFabricsTargetReadGrainNonBlocking, none, target, &a.index);
  WEFT_VISIT(weftFabricsTargetReadGrain, none, target, 0, &a.index);
  WEFT_VISIT(weftFabricsTargetGetGrain, none, target, 0, &a.grain);
  WEFT_VISIT(weftFabricsTargetReleaseGrain, none, target, 0);
  WEFT_VISIT(weftFabricsTargetReadSamplesNonBlocking, none, target, &a.index, &a.count);
  WEFT_VISIT(weftFabricsTargetReadSamples, none, target, 0, &a.index, &a.count);
  WEFT_VISIT(weftFabricsTargetEventFd, none, target, &a.fd);
  WEFT_VISIT(weftFabricsCreateInitiator, none, fabrics, out(std::type_identity<weftFabricsInitiator>{}));
  WEFT_VISIT(weftFabricsDestroyInitiator, none, fabrics, initiator);
  WEFT_VISIT(weftFabricsInitiatorSetup, none, initiator, &a.initiator_setup);
  WEFT_VISIT(weftFabricsInitiatorAddTarget, none, initiator, info);
  WEFT_VISIT(weftFabricsInitiatorRemoveTarget, none, initiator, info);
  WEFT_VISIT(weftFabricsInitiatorTransferGrain, none, initiator, 0);
  WEFT_VISIT(weftFabricsInitiatorTransferGrainSlices, none, initiator, 0, 0, 1);
  WEFT_VISIT(weftFabricsInitiatorTransferGrainToTarget, none, initiator, info, 0);
  WEFT_VISIT(weftFabricsInitiatorTransferSamples, none, initiator, 1, 1);
  WEFT_VISIT(weftFabricsInitiatorNextResult, none, initiator, &a.result);
  WEFT_VISIT(weftFabricsInitiatorMakeProgressNonBlocking, none, initiator);
  WEFT_VISIT(weftFabricsInitiatorMakeProgressBlocking, none, initiator, 0);
  WEFT_VISIT(weftFabricsProviderFromString, none, "tcp", &a.provider);
  WEFT_VISIT(weftFabricsProviderToString, Places{1}, WEFT_FABRICS_PROVIDER_TCP, a.text, &a.text_size);
  WEFT_VISIT(weftFabricsTargetInfoToString, Places{1}, info, a.text, &a.text_size);
  WEFT_VISIT(weftFabricsTargetInfoFromString, none, "e30=", out(std::type_identity<weftTargetInfo>{}));
  WEFT_VISIT(weftFabricsFreeTargetInfo, none, info);
#undef WEFT_VISIT
}

/// Calls `function` with one argument replaced, for each place and each value that `spoilt(place, argument)` gives
/// for it, and then `check(place, status)`.
template <class... P, class Spoilt, class Check>
void call_spoilt(weftStatus (*function)(P...), const std::tuple<P...>& arguments, const Spoilt& spoilt,
                 const Check& check) {
  const auto at = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    for (const auto value : spoilt(I, std::get<I>(arguments))) {
      std::tuple<P...> changed = arguments;
      std::get<I>(changed) = value;
      check(I, std::apply(function, changed));
    }
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (at(std::integral_constant<std::size_t, I>{}), ...);
  }(std::index_sequence_for<P...>{});
}

}  // namespace weft::test
