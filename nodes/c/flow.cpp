#include <weft/nodes/c/flow.h>

#include <string_view>

#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/flow_file.hpp>
#include <weft/nodes/c/flow_reader.hpp>
#include <weft/nodes/c/flow_writer.hpp>
#include <weft/nodes/c/instance.hpp>
#include <weft/nodes/c/json_options.hpp>

/// The functions of <weft/flow.h> that make, list and end; flow_grains.cpp and flow_samples.cpp have the others.
using namespace weft::c;

namespace {

Outcome<void> no_options(const char* text) {
  WEFT_C_LET(const JsonOptions options, JsonOptions::parse(text));
  return options.done();
}

template <class Side, FlowFile::Use use, class Handle>
Outcome<void> open_side(weftInstance in_instance, const char* in_name, const char* in_options, Handle* out) {
  WEFT_C_TRY(not_null(in_name, out));
  WEFT_C_LET(const auto instance, HandleTable::instance().find<Instance>(in_instance));
  WEFT_C_TRY(no_options(in_options));
  WEFT_C_LET(auto file, FlowFile::open(instance->domain, in_name, use));
  return give(HandleTable::instance().add(std::make_shared<Side>(std::move(file)), in_instance), out);
}

template <class Side>
Outcome<void> release_side(weftInstance in_instance, const void* side) {
  HandleTable& table = HandleTable::instance();
  WEFT_C_TRY(table.find<Instance>(in_instance));
  WEFT_C_TRY(table.find<Side>(side));
  if (!table.is_child(side, in_instance)) return bad_argument("it is of another instance");
  return table.destroy<Side>(side);
}

template <class Side>
Outcome<void> info_of(const void* side, weftFlowInfo* out_info) {
  WEFT_C_TRY(not_null(out_info));
  WEFT_C_LET(const auto found, HandleTable::instance().find<Side>(side));
  WEFT_C_TRY(found->file()->whole());
  return struct_out(found->file()->info(), out_info);
}

template <class Side>
Outcome<void> config_of(const void* side, weftFlowConfig* out_config) {
  WEFT_C_TRY(not_null(out_config));
  WEFT_C_LET(const auto found, HandleTable::instance().find<Side>(side));
  return struct_out(found->file()->layout().config(), out_config);
}

}  // namespace

weftStatus weftCreateFlow(weftInstance in_instance, const char* in_name, const weftFlowConfig* in_config) {
  return guarded("weftCreateFlow", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_name, in_config));
    WEFT_C_LET(const auto instance, HandleTable::instance().find<Instance>(in_instance));
    WEFT_C_LET(const weftFlowConfig config, struct_in(in_config));
    WEFT_C_LET(const FlowLayout layout, FlowLayout::of(config));
    return FlowFile::create(instance->domain, in_name, layout);
  });
}

weftStatus weftDestroyFlow(weftInstance in_instance, const char* in_name) {
  return guarded("weftDestroyFlow", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_name));
    WEFT_C_LET(const auto instance, HandleTable::instance().find<Instance>(in_instance));
    return FlowFile::remove(instance->domain, in_name);
  });
}

weftStatus weftCreateFlowReader(weftInstance in_instance, const char* in_name, const char* in_options,
                                weftFlowReader* out_reader) {
  return guarded("weftCreateFlowReader", [&] {
    return open_side<FlowReader, FlowFile::Use::kRead>(in_instance, in_name, in_options, out_reader);
  });
}

weftStatus weftReleaseFlowReader(weftInstance in_instance, weftFlowReader in_reader) {
  return guarded("weftReleaseFlowReader", [&] { return release_side<FlowReader>(in_instance, in_reader); });
}

weftStatus weftCreateFlowWriter(weftInstance in_instance, const char* in_name, const char* in_options,
                                weftFlowWriter* out_writer) {
  return guarded("weftCreateFlowWriter", [&] {
    return open_side<FlowWriter, FlowFile::Use::kWrite>(in_instance, in_name, in_options, out_writer);
  });
}

weftStatus weftReleaseFlowWriter(weftInstance in_instance, weftFlowWriter in_writer) {
  return guarded("weftReleaseFlowWriter", [&] { return release_side<FlowWriter>(in_instance, in_writer); });
}

weftStatus weftFlowReaderGetConfig(weftFlowReader in_reader, weftFlowConfig* out_config) {
  return guarded("weftFlowReaderGetConfig", [&] { return config_of<FlowReader>(in_reader, out_config); });
}

weftStatus weftFlowWriterGetConfig(weftFlowWriter in_writer, weftFlowConfig* out_config) {
  return guarded("weftFlowWriterGetConfig", [&] { return config_of<FlowWriter>(in_writer, out_config); });
}

weftStatus weftFlowReaderGetInfo(weftFlowReader in_reader, weftFlowInfo* out_info) {
  return guarded("weftFlowReaderGetInfo", [&] { return info_of<FlowReader>(in_reader, out_info); });
}

weftStatus weftFlowWriterGetInfo(weftFlowWriter in_writer, weftFlowInfo* out_info) {
  return guarded("weftFlowWriterGetInfo", [&] { return info_of<FlowWriter>(in_writer, out_info); });
}

weftStatus weftFlowReaderGetLatestIndex(weftFlowReader in_reader, uint64_t* out_index) {
  return guarded("weftFlowReaderGetLatestIndex", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_index));
    WEFT_C_LET(const auto reader, HandleTable::instance().find<FlowReader>(in_reader));
    WEFT_C_TRY(reader->file()->whole());
    const weftFlowInfo info = reader->file()->info();
    if (info.empty) return refuse(WEFT_ERR_OUT_OF_RANGE_TOO_EARLY, "nothing was committed yet");
    *out_index = info.headIndex;
    return {};
  });
}
