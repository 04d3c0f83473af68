#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/flow_reader.hpp>
#include <weft/nodes/c/flow_writer.hpp>

/// The functions of <weft/flow.h> for discrete flows.
using namespace weft::c;

namespace {

Outcome<void> get(weftFlowReader in_reader, const FlowReader::GrainRequest& request, weftGrainInfo* out_info,
                  const uint8_t** out_payload) {
  WEFT_C_TRY(not_null(out_info, out_payload));
  WEFT_C_LET(const auto reader, HandleTable::instance().find<FlowReader>(in_reader));
  WEFT_C_LET(const weftGrainInfo info, reader->grain(request));
  WEFT_C_TRY(struct_out(info, out_info));
  *out_payload = reader->payload(request.index);
  return {};
}

}  // namespace

weftStatus weftFlowReaderGetGrain(weftFlowReader in_reader, uint64_t in_index, uint32_t in_timeoutMs,
                                  weftGrainInfo* out_info, const uint8_t** out_payload) {
  return guarded("weftFlowReaderGetGrain", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto reader, HandleTable::instance().find<FlowReader>(in_reader));
    return get(in_reader,
               {.index = in_index, .least_slices = reader->file()->layout().shape().slices, .timeout_ms = in_timeoutMs},
               out_info, out_payload);
  });
}

weftStatus weftFlowReaderGetGrainSlices(weftFlowReader in_reader, uint64_t in_index, uint32_t in_minSlices,
                                        uint32_t in_timeoutMs, weftGrainInfo* out_info, const uint8_t** out_payload) {
  return guarded("weftFlowReaderGetGrainSlices", [&] {
    return get(in_reader, {.index = in_index, .least_slices = in_minSlices, .timeout_ms = in_timeoutMs}, out_info,
               out_payload);
  });
}

weftStatus weftFlowReaderGetGrainNonBlocking(weftFlowReader in_reader, uint64_t in_index, weftGrainInfo* out_info,
                                             const uint8_t** out_payload) {
  return guarded("weftFlowReaderGetGrainNonBlocking",
                 [&] { return get(in_reader, {.index = in_index}, out_info, out_payload); });
}

weftStatus weftFlowReaderCheckGrain(weftFlowReader in_reader, const weftGrainInfo* in_info) {
  return guarded("weftFlowReaderCheckGrain", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_info));
    WEFT_C_LET(const auto reader, HandleTable::instance().find<FlowReader>(in_reader));
    WEFT_C_LET(const weftGrainInfo info, struct_in(in_info));
    return reader->check(info);
  });
}

weftStatus weftFlowWriterOpenGrain(weftFlowWriter in_writer, uint64_t in_index, weftGrainInfo* out_info,
                                   uint8_t** out_payload) {
  return guarded("weftFlowWriterOpenGrain", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_info, out_payload));
    WEFT_C_TRY(struct_in(out_info));  // before anything is opened
    WEFT_C_LET(const auto writer, HandleTable::instance().find<FlowWriter>(in_writer));
    WEFT_C_LET(const weftGrainInfo info, writer->open_grain(in_index));
    WEFT_C_TRY(struct_out(info, out_info));
    *out_payload = writer->payload(in_index);
    return {};
  });
}

weftStatus weftFlowWriterCommitGrain(weftFlowWriter in_writer, const weftGrainInfo* in_info) {
  return guarded("weftFlowWriterCommitGrain", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(in_info));
    WEFT_C_LET(const auto writer, HandleTable::instance().find<FlowWriter>(in_writer));
    WEFT_C_LET(const weftGrainInfo info, struct_in(in_info));
    return writer->commit_grain(info);
  });
}

weftStatus weftFlowWriterCancelGrain(weftFlowWriter in_writer) {
  return guarded("weftFlowWriterCancelGrain", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto writer, HandleTable::instance().find<FlowWriter>(in_writer));
    return writer->cancel_grain();
  });
}
