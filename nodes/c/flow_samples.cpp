#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/flow_reader.hpp>
#include <weft/nodes/c/flow_writer.hpp>

/// The functions of <weft/flow.h> for continuous flows.
using namespace weft::c;

namespace {

/// Where a range lies in the first channel's buffer, and how far the next channel's is.
template <class Slices>
Slices slices_of(const FlowFile& file, const SampleRange& range) {
  const FlowLayout& layout = file.layout();
  const std::uint64_t sample = layout.shape().sample_bytes;
  std::byte* const base = file.buffers().data();
  Slices slices{};
  slices.fragments[0] = {base + range.first * sample, range.before_wrap * sample};
  slices.fragments[1] = {base, range.after_wrap * sample};
  slices.stride = layout.buffer_bytes();
  slices.count = layout.shape().channels;
  return slices;
}

}  // namespace

weftStatus weftFlowReaderGetSamples(weftFlowReader in_reader, uint64_t in_head, size_t in_count, uint32_t in_timeoutMs,
                                    weftWrappedMultiBufferSlice* out_samples) {
  return guarded("weftFlowReaderGetSamples", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_samples));
    WEFT_C_LET(const auto reader, HandleTable::instance().find<FlowReader>(in_reader));
    WEFT_C_LET(const SampleRange range,
               reader->samples({.head = in_head, .count = in_count, .timeout_ms = in_timeoutMs}));
    *out_samples = slices_of<weftWrappedMultiBufferSlice>(*reader->file(), range);
    return {};
  });
}

weftStatus weftFlowReaderCheckSamples(weftFlowReader in_reader, uint64_t in_head, size_t in_count) {
  return guarded("weftFlowReaderCheckSamples", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto reader, HandleTable::instance().find<FlowReader>(in_reader));
    return reader->check_samples(in_head, in_count);
  });
}

weftStatus weftFlowWriterOpenSamples(weftFlowWriter in_writer, uint64_t in_head, size_t in_count,
                                     weftMutableWrappedMultiBufferSlice* out_samples) {
  return guarded("weftFlowWriterOpenSamples", [&]() -> Outcome<void> {
    WEFT_C_TRY(not_null(out_samples));
    WEFT_C_LET(const auto writer, HandleTable::instance().find<FlowWriter>(in_writer));
    WEFT_C_LET(const SampleRange range, writer->open_samples(in_head, in_count));
    *out_samples = slices_of<weftMutableWrappedMultiBufferSlice>(*writer->file(), range);
    return {};
  });
}

weftStatus weftFlowWriterCommitSamples(weftFlowWriter in_writer) {
  return guarded("weftFlowWriterCommitSamples", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto writer, HandleTable::instance().find<FlowWriter>(in_writer));
    return writer->commit_samples();
  });
}

weftStatus weftFlowWriterCancelSamples(weftFlowWriter in_writer) {
  return guarded("weftFlowWriterCancelSamples", [&]() -> Outcome<void> {
    WEFT_C_LET(const auto writer, HandleTable::instance().find<FlowWriter>(in_writer));
    return writer->cancel_samples();
  });
}
