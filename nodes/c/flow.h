#ifndef WEFT_FLOW_H
#define WEFT_FLOW_H
/* Flows: rings in shared memory, each a file of the instance's domain, with one writer and any number of readers, in
 * any processes. A discrete flow is a ring of grains, an 8192-byte header and a payload each; a continuous one a ring
 * of samples for each channel. Nothing is copied: readers get pointers into the ring, and ask afterwards whether what
 * they read was whole. A writer that dies leaves the flow readable, and the next one goes on; what it had open is
 * gone. Readers trust writers of the same domain not to cut the file while it is mapped; any other damage is noticed.
 * The rules of <weft/weft.h> hold here. */
#include <weft/weft.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_GRAIN_HEADER_BYTES 8192u
#define WEFT_GRAIN_FLAG_INVALID 0x00000001u /* the grain is announced, its content is not to be used */

typedef enum weftPayloadLocation {
  WEFT_PAYLOAD_LOCATION_HOST_MEMORY = 0,
  WEFT_PAYLOAD_LOCATION_DEVICE_MEMORY = 1, /* CUDA */
  WEFT_PAYLOAD_LOCATION_IS_INT = 0x7fffffff
} weftPayloadLocation;

typedef enum weftFlowLayout {
  WEFT_FLOW_DISCRETE = 0,
  WEFT_FLOW_CONTINUOUS = 1,
  WEFT_FLOW_LAYOUT_IS_INT = 0x7fffffff /* any int may be passed, and is then refused */
} weftFlowLayout;

typedef struct weftFlowConfig {
  size_t structSize;
  weftFlowLayout layout;
  /* discrete */
  uint32_t grainCount;     /* 1 … 2^20; the grain of index i lies in slot i modulo it */
  uint32_t slicesPerGrain; /* equal parts that a grain is committed in; 0 is 1; divides grainSize */
  uint64_t grainSize;      /* bytes of payload */
  /* continuous */
  uint32_t sampleSize;   /* bytes of one sample of one channel, 1 … 64 */
  uint32_t channels;     /* 1 … 4096 */
  uint64_t bufferLength; /* samples of each channel */
  /* of the application's; 0 of 0 when it has none */
  uint32_t rateNumerator, rateDenominator; /* grains, or samples, a second */
} weftFlowConfig;

typedef struct weftFlowInfo {
  size_t structSize;
  uint64_t headIndex; /* discrete: the highest index committed; continuous: the sample after the last committed */
  bool empty;         /* nothing was committed yet; headIndex is 0 then */
  bool writerActive;  /* a process has it open for writing */
} weftFlowInfo;

typedef struct weftGrainInfo {
  size_t structSize;
  uint64_t index;
  uint32_t flags;
  uint32_t totalSlices;
  uint32_t validSlices; /* the first so many are there; all of them: the grain is complete */
  uint64_t grainSize;   /* bytes of payload */
  uint64_t sequence;    /* of the slot; a reader's weftFlowReaderCheckGrain compares it */
} weftGrainInfo;

typedef struct weftBufferSlice {
  const void* pointer;
  size_t size; /* bytes */
} weftBufferSlice;
typedef struct weftMutableBufferSlice {
  void* pointer;
  size_t size;
} weftMutableBufferSlice;
/* A range of samples over all channels: two pieces where it wraps (else the second is empty), the same ones of the next
 * channel `stride` bytes further, `count` channels. */
typedef struct weftWrappedMultiBufferSlice {
  weftBufferSlice fragments[2];
  size_t stride;
  size_t count;
} weftWrappedMultiBufferSlice;
typedef struct weftMutableWrappedMultiBufferSlice {
  weftMutableBufferSlice fragments[2];
  size_t stride;
  size_t count;
} weftMutableWrappedMultiBufferSlice;

typedef struct weftFlowReader_t* weftFlowReader;
typedef struct weftFlowWriter_t* weftFlowWriter;

/* Makes a flow. Names: 1 to 200 of a-z A-Z 0-9 . _ -, not beginning with a dot. Its memory is taken here, so that
 * writing it later cannot fail. EXISTS; INVALID_ARG; NO_MEMORY (the domain's file system is full); PERMISSION_DENIED. */
WEFT_EXPORT weftStatus weftCreateFlow(weftInstance in_instance, const char* in_name, const weftFlowConfig* in_config);
/* Takes its name away; readers and writers that have it open keep what is there, and are told FLOW_INVALID by the next
 * call that would wait for more. FLOW_NOT_FOUND. */
WEFT_EXPORT weftStatus weftDestroyFlow(weftInstance in_instance, const char* in_name);

/* FLOW_NOT_FOUND; FLOW_INVALID: the file is no flow, or one cut short. in_options: NULL or "{}". */
WEFT_EXPORT weftStatus weftCreateFlowReader(weftInstance in_instance, const char* in_name, const char* in_options,
                                            weftFlowReader* out_reader);
/* Its pointers into the ring are no longer to be used, unless regions made of it are still there. */
WEFT_EXPORT weftStatus weftReleaseFlowReader(weftInstance in_instance, weftFlowReader in_reader);
/* As above; CONFLICT: it has a writer that lives. */
WEFT_EXPORT weftStatus weftCreateFlowWriter(weftInstance in_instance, const char* in_name, const char* in_options,
                                            weftFlowWriter* out_writer);
/* What it has open is cancelled. */
WEFT_EXPORT weftStatus weftReleaseFlowWriter(weftInstance in_instance, weftFlowWriter in_writer);

WEFT_EXPORT weftStatus weftFlowReaderGetConfig(weftFlowReader in_reader, weftFlowConfig* out_config);
WEFT_EXPORT weftStatus weftFlowWriterGetConfig(weftFlowWriter in_writer, weftFlowConfig* out_config);
WEFT_EXPORT weftStatus weftFlowReaderGetInfo(weftFlowReader in_reader, weftFlowInfo* out_info);
WEFT_EXPORT weftStatus weftFlowWriterGetInfo(weftFlowWriter in_writer, weftFlowInfo* out_info);
/* headIndex alone. TOO_EARLY: nothing was committed yet. */
WEFT_EXPORT weftStatus weftFlowReaderGetLatestIndex(weftFlowReader in_reader, uint64_t* out_index);

/* Discrete flows (INVALID_STATE on a continuous one). */

/* The grain of an index, complete or with at least so many slices: waits up to in_timeoutMs. TIMEOUT; TOO_LATE;
 * INTERRUPTED: a signal came; FLOW_INVALID; SHUTTING_DOWN: released meanwhile. */
WEFT_EXPORT weftStatus weftFlowReaderGetGrain(weftFlowReader in_reader, uint64_t in_index, uint32_t in_timeoutMs,
                                              weftGrainInfo* out_info, const uint8_t** out_payload);
WEFT_EXPORT weftStatus weftFlowReaderGetGrainSlices(weftFlowReader in_reader, uint64_t in_index, uint32_t in_minSlices,
                                                    uint32_t in_timeoutMs, weftGrainInfo* out_info,
                                                    const uint8_t** out_payload);
/* At once, with the slices there are. TOO_EARLY; TOO_LATE; FLOW_INVALID. */
WEFT_EXPORT weftStatus weftFlowReaderGetGrainNonBlocking(weftFlowReader in_reader, uint64_t in_index,
                                                         weftGrainInfo* out_info, const uint8_t** out_payload);
/* After the payload was used: OK when it was not overwritten meanwhile, else TOO_LATE. */
WEFT_EXPORT weftStatus weftFlowReaderCheckGrain(weftFlowReader in_reader, const weftGrainInfo* in_info);

/* Opens a grain for writing, one at a time (INVALID_STATE). The grain that lay in its slot is gone, unless it is this
 * very one, whose slices stay. Readers see nothing of it before its commit. INVALID_ARG: UINT64_MAX. */
WEFT_EXPORT weftStatus weftFlowWriterOpenGrain(weftFlowWriter in_writer, uint64_t in_index, weftGrainInfo* out_info,
                                               uint8_t** out_payload);
/* Shows the first validSlices of the open grain, with flags; the other fields are not read. Slices only grow:
 * INVALID_ARG for fewer than readers saw, or more than there are. INVALID_STATE: none is open. */
WEFT_EXPORT weftStatus weftFlowWriterCommitGrain(weftFlowWriter in_writer, const weftGrainInfo* in_info);
WEFT_EXPORT weftStatus weftFlowWriterCancelGrain(weftFlowWriter in_writer);

/* Continuous flows (INVALID_STATE on a discrete one). A range is named by its head, the index after its last sample:
 * the samples [in_head - in_count, in_head). At most bufferLength at a time: INVALID_ARG. */

/* Waits up to in_timeoutMs; 0: at once. TOO_EARLY (0), TIMEOUT, TOO_LATE, INTERRUPTED, FLOW_INVALID, SHUTTING_DOWN. */
WEFT_EXPORT weftStatus weftFlowReaderGetSamples(weftFlowReader in_reader, uint64_t in_head, size_t in_count,
                                                uint32_t in_timeoutMs, weftWrappedMultiBufferSlice* out_samples);
/* After they were used: OK when they were not overwritten meanwhile, else TOO_LATE. */
WEFT_EXPORT weftStatus weftFlowReaderCheckSamples(weftFlowReader in_reader, uint64_t in_head, size_t in_count);
/* One range at a time (INVALID_STATE). Ranges go forward: INVALID_ARG for a head not beyond the last committed one.
 * Samples that are left out between two ranges are whatever lay there. */
WEFT_EXPORT weftStatus weftFlowWriterOpenSamples(weftFlowWriter in_writer, uint64_t in_head, size_t in_count,
                                                 weftMutableWrappedMultiBufferSlice* out_samples);
WEFT_EXPORT weftStatus weftFlowWriterCommitSamples(weftFlowWriter in_writer);
WEFT_EXPORT weftStatus weftFlowWriterCancelSamples(weftFlowWriter in_writer);

#ifdef __cplusplus
}
#endif
#endif
