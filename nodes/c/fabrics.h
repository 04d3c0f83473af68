#ifndef WEFT_FABRICS_H
#define WEFT_FABRICS_H
/* Grains between hosts. A target exposes a ring of buffers; initiators write grains into it, one to many. The target is
 * set up first and gives a target info, which goes to the initiators by a channel of the application's: a capability,
 * so by one that others do not read. The rules of <weft/weft.h> hold here. A thread of Weft's own makes progress; the
 * MakeProgress functions only wait for it. */
#include <weft/flow.h>
#include <weft/weft.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weftFabricsInstance_t* weftFabricsInstance;
typedef struct weftFabricsTarget_t* weftFabricsTarget;
typedef struct weftFabricsInitiator_t* weftFabricsInitiator;
typedef struct weftTargetInfo_t* weftTargetInfo;
typedef struct weftRegions_t* weftRegions;
typedef weftTargetInfo weftFabricsTargetInfo;

typedef enum weftFabricsProvider {
  WEFT_FABRICS_PROVIDER_ANY = 0, /* the best that works here, Weft's own sealed stream, memory within one process */
  WEFT_FABRICS_PROVIDER_TCP = 1, /* sockets; outside of trusted networks inside the session's TLS */
  WEFT_FABRICS_PROVIDER_VERBS = 2,
  WEFT_FABRICS_PROVIDER_EFA = 3,
  WEFT_FABRICS_PROVIDER_SHM = 4, /* a Unix socket, between processes of one host and one user */
  WEFT_SHARING_PROVIDER_AUTO = 0,
  WEFT_SHARING_PROVIDER_TCP = 1,
  WEFT_SHARING_PROVIDER_VERBS = 2,
  WEFT_SHARING_PROVIDER_EFA = 3,
  WEFT_SHARING_PROVIDER_SHM = 4,
  WEFT_FABRICS_PROVIDER_IS_INT = 0x7fffffff /* any int may be passed, and is then refused */
} weftFabricsProvider;

/* Read during the call only. node: a number or a name, NULL or "": loopback; service: a port, NULL, "" or "0": one that
 * is free. A service without a node is INVALID_ARG. Of the provider shm, node: this host's own name, NULL or "";
 * service: names the socket in the instance's domain, 1 to 64 of a-z A-Z 0-9 . _ -, NULL, "" or "0": one of its own. */
typedef struct weftEndpointAddress {
  const char* node;
  const char* service;
} weftEndpointAddress;

/* options, a JSON object or NULL; an unknown key is INVALID_ARG:
 *   "cqDepth": n             1 … 2^20; of an initiator: grains under way to each target, beyond which transfers are
 *                            OVERLOADED (4096); of a target: checked, its queue holds its ring whatever it says
 *   "accessKeyFile": "FILE"  a secret of 16 to 4096 bytes, mode 0600, the same at both ends: without it the target info
 *                            opens nothing, and the target refuses (PERMISSION_DENIED)
 *   "slices": n              of user buffers: equal parts that a grain may be sent in (1); flows know their own
 *   "syncBatch": n           of continuous flows: samples of each channel that go in one transfer at most (256)
 * and for a target only:
 *   "identity": "FILE"       as of weftCreateInstance, for this target
 *   "ring": "NAME"           its name at the node ("grains", "grains-2", … in the order of set-up)
 *   "initiators": n          1 … 64; the slots are shared out among as many (1) */
typedef struct weftTargetConfig {
  weftEndpointAddress endpointAddress;
  weftFabricsProvider provider;
  weftRegions regions;
  bool deviceSupport;  /* require a provider that reaches device memory */
  size_t structSize;   /* 0: the four fields above only */
  const char* options; /* above */
} weftTargetConfig;
typedef struct weftInitiatorConfig {
  weftEndpointAddress endpointAddress;
  weftFabricsProvider provider;
  weftRegions regions;
  bool deviceSupport;
  size_t structSize;
  const char* options;
} weftInitiatorConfig;

typedef struct weftFabricsMemoryRegionLocation {
  weftPayloadLocation type;
  uint64_t deviceId; /* of device memory */
} weftFabricsMemoryRegionLocation;
typedef struct weftFabricsMemoryRegion {
  uintptr_t addr;
  size_t size; /* bytes */
  weftFabricsMemoryRegionLocation loc;
} weftFabricsMemoryRegion;

/* Regions: the buffers of a ring. They keep a flow's memory mapped; may be freed as soon as a set-up has used them. */

/* A discrete flow: a region for each grain, header and payload; a continuous one: one region. To send from. */
WEFT_EXPORT weftStatus weftFabricsRegionsForFlowReader(weftFlowReader in_reader, weftRegions* out_regions);
/* The same, to send from or to receive into. */
WEFT_EXPORT weftStatus weftFabricsRegionsForFlowWriter(weftFlowWriter in_writer, weftRegions* out_regions);
/* 1 … 2^20 buffers of the caller's, one for each slot, which stay as long as a target or initiator uses them.
 * INVALID_ARG: none, an empty one, one that wraps around memory's end, an unknown location. */
WEFT_EXPORT weftStatus weftFabricsRegionsFromUserBuffers(const weftFabricsMemoryRegion* in_regions, size_t in_count,
                                                         weftRegions* out_regions);
WEFT_EXPORT weftStatus weftFabricsRegionsFree(weftRegions in_regions);

WEFT_EXPORT weftStatus weftFabricsCreateInstance(weftInstance in_instance, weftFabricsInstance* out_fabricsInstance);
WEFT_EXPORT weftStatus weftFabricsDestroyInstance(weftFabricsInstance in_fabricsInstance);

/* Interfaces */

#define WEFT_FABRICS_CAP_BLOCKING_OPERATIONS 1u
#define WEFT_FABRICS_CAP_REMOTE_WRITE 2u
#define WEFT_FABRICS_CAP_SEND_RECEIVE 4u
#define WEFT_FABRICS_CAP_HMEM 8u

typedef struct weftFabricsInterfaceConfig {
  size_t structSize;
  weftFabricsProvider provider;
  struct {
    uint64_t flags;
    uint64_t maxMessageSize; /* bytes of one write; larger grains travel in several */
  } caps;
  weftEndpointAddress address; /* node: a number; of shm this host's name; "" where a provider has neither */
  const char* attr;            /* a JSON object: ep_type, fi_provider_name, fi_fabric_name, fi_domain_name, device_name … */
} weftFabricsInterfaceConfig;
typedef struct weftFabricsInterfaceList {
  struct weftFabricsInterfaceList* next;
  weftFabricsInterfaceConfig interface;
} weftFabricsInterfaceList;

/* What this host offers; with a query only what it names: a provider, a node, caps that all have to be there. Nothing:
 * OK and a NULL list. NO_FABRIC: no libfabric here. May take a second; asks no name server. */
WEFT_EXPORT weftStatus weftFabricsGetInterfaces(weftFabricsInstance in_fabricsInstance,
                                                const weftFabricsInterfaceConfig* in_query,
                                                weftFabricsInterfaceList** out_list);
/* NULL is OK. */
WEFT_EXPORT weftStatus weftFabricsFreeInterfaceList(weftFabricsInterfaceList* in_list);

/* Targets */

typedef struct weftFabricsGrain {
  size_t structSize;
  uint64_t index;       /* the initiator's */
  uint32_t slot;        /* of the ring */
  uint32_t validSlices; /* the first so many are there */
  bool invalid;         /* announced without content; or of a flow whose writer wrote over it before it went */
  bool complete;        /* nothing more of it comes */
  const void* data;     /* of the slot, what is there */
  size_t size;
} weftFabricsGrain;
typedef void (*weftFabricsGrainCallback)(void* in_user, const weftFabricsGrain* in_grain);

WEFT_EXPORT weftStatus weftFabricsCreateTarget(weftFabricsInstance in_fabricsInstance, weftFabricsTarget* out_target);
/* Writes to its ring are fenced when this returns: within 4 s. */
WEFT_EXPORT weftStatus weftFabricsDestroyTarget(weftFabricsInstance in_fabricsInstance, weftFabricsTarget in_target);
/* Instead of reading: called with each grain, on a thread of Weft's; the slot is released when the call returns. Before
 * the set-up (INVALID_STATE while it runs and afterwards); NULL: back to reading. It may call anything but destroy what
 * it is called by. */
WEFT_EXPORT weftStatus weftFabricsTargetSetGrainCallback(weftFabricsTarget in_target,
                                                         weftFabricsGrainCallback in_callback, void* in_user);
/* Binds, exposes the ring and gives the info, which is freed by weftFabricsFreeTargetInfo. A second set-up ends the
 * first one's ring. ADDRESS_IN_USE; NO_FABRIC: no such provider, interface or device; NOT_FOUND: no such host;
 * UNSUPPORTED_OPERATION: regions of device memory; INVALID_ARG: regions of unequal sizes, read-only ones, a port that is
 * none, options; INVALID_STATE: that identity has another address already, or another thread sets it up;
 * PERMISSION_DENIED: a key file; NO_MEMORY. Blocks while names are looked up, and 4 s for the first one's ring. */
WEFT_EXPORT weftStatus weftFabricsTargetSetup(weftFabricsTarget in_target, const weftTargetConfig* in_config,
                                              weftTargetInfo* out_info);
/* The next grain in the order of arrival. Its slot is the caller's until it is released, or the target's next read.
 * NOT_READY: none (within the timeout); INVALID_STATE: not set up, a callback is set, or a ring of samples;
 * SHUTTING_DOWN. A signal does not end the wait. */
WEFT_EXPORT weftStatus weftFabricsTargetTryNewGrain(weftFabricsTarget in_target, uint64_t* out_index);
WEFT_EXPORT weftStatus weftFabricsTargetWaitForNewGrain(weftFabricsTarget in_target, uint64_t* out_index,
                                                        uint16_t in_timeoutMs);
/* The same, as later programs spell it. */
WEFT_EXPORT weftStatus weftFabricsTargetReadGrainNonBlocking(weftFabricsTarget in_target, uint64_t* out_index);
WEFT_EXPORT weftStatus weftFabricsTargetReadGrain(weftFabricsTarget in_target, uint16_t in_timeoutMs,
                                                  uint64_t* out_index);
/* The grain that was read last, with what is there of it. NOT_FOUND: it is released. */
WEFT_EXPORT weftStatus weftFabricsTargetGetGrain(weftFabricsTarget in_target, uint64_t in_index,
                                                 weftFabricsGrain* out_grain);
/* NOT_FOUND: the caller does not hold it. */
WEFT_EXPORT weftStatus weftFabricsTargetReleaseGrain(weftFabricsTarget in_target, uint64_t in_index);
/* Of a continuous flow: samples [head - count, head) have been copied into it; commit them with its writer. */
WEFT_EXPORT weftStatus weftFabricsTargetReadSamplesNonBlocking(weftFabricsTarget in_target, uint64_t* out_head,
                                                               size_t* out_count);
WEFT_EXPORT weftStatus weftFabricsTargetReadSamples(weftFabricsTarget in_target, uint16_t in_timeoutMs,
                                                    uint64_t* out_head, size_t* out_count);
/* Readable while a grain waits; the target's, not to be closed. INVALID_STATE: not set up. */
WEFT_EXPORT weftStatus weftFabricsTargetEventFd(weftFabricsTarget in_target, int* out_fd);

/* Initiators */

typedef struct weftFabricsResult {
  size_t structSize;
  uint64_t index;      /* the grain; of samples: their head */
  uint64_t target;     /* 0 for the first that was added, 1 for the second, … ; never reused */
  weftStatus status;   /* OK: it arrived. NOT_READY: it was not connected; OVERLOADED: it had no room; TOO_LATE: written
                          over meanwhile; CANCELLED: removed; PEER_LOST; TIMEOUT … */
  bool mayHaveArrived; /* of a failure: that cannot be told */
} weftFabricsResult;

WEFT_EXPORT weftStatus weftFabricsCreateInitiator(weftFabricsInstance in_fabricsInstance,
                                                  weftFabricsInitiator* out_initiator);
WEFT_EXPORT weftStatus weftFabricsDestroyInitiator(weftFabricsInstance in_fabricsInstance,
                                                   weftFabricsInitiator in_initiator);
/* Statuses as of the target's set-up. A second set-up drops targets and results of the first, within 2 s. */
WEFT_EXPORT weftStatus weftFabricsInitiatorSetup(weftFabricsInitiator in_initiator,
                                                 const weftInitiatorConfig* in_config);
/* Begins to connect, and connects again whenever that is lost. Never blocks. EXISTS: that ring is there already, by
 * whatever name; INVALID_ARG: its grains are of another size or division than the regions, or one end has the provider
 * shm and the other neither that nor any; INVALID_STATE: not set up. */
WEFT_EXPORT weftStatus weftFabricsInitiatorAddTarget(weftFabricsInitiator in_initiator, const weftTargetInfo in_info);
/* What is under way to it ends, as arrived or CANCELLED. NOT_FOUND. */
WEFT_EXPORT weftStatus weftFabricsInitiatorRemoveTarget(weftFabricsInitiator in_initiator,
                                                        const weftTargetInfo in_info);
/* Sends a grain (the region of index modulo their number) to every target, without blocking; the region must stay as it
 * is until the results are there: a flow's grain that is written over before has a result TOO_LATE, and where another
 * went in its place, it arrives invalid. Nothing was sent: NOT_READY, no target is connected; OVERLOADED, none that is
 * has room, cqDepth grains are under way to each (again when one has ended); INVALID_STATE, not set up, or a continuous
 * flow; of a flow TOO_EARLY, TOO_LATE, FLOW_INVALID. After an OK each target has exactly one result, an arrival or a
 * failure: NOT_READY of one that was not connected, OVERLOADED of one that had no room. */
WEFT_EXPORT weftStatus weftFabricsInitiatorTransferGrain(weftFabricsInitiator in_initiator, uint64_t in_index);
/* The slices [in_from, in_to) alone, a flow's header with the first; 0, 0: the header only, an invalid grain.
 * INVALID_ARG: in_from > in_to, or beyond the grain. */
WEFT_EXPORT weftStatus weftFabricsInitiatorTransferGrainSlices(weftFabricsInitiator in_initiator, uint64_t in_index,
                                                               uint32_t in_from, uint32_t in_to);
/* To one target. NOT_FOUND: it was not added; NOT_READY: it is not connected. */
WEFT_EXPORT weftStatus weftFabricsInitiatorTransferGrainToTarget(weftFabricsInitiator in_initiator,
                                                                 const weftTargetInfo in_info, uint64_t in_index);
/* Of a continuous flow, samples [in_head - in_count, in_head). INVALID_ARG: none, or more than syncBatch. */
WEFT_EXPORT weftStatus weftFabricsInitiatorTransferSamples(weftFabricsInitiator in_initiator, uint64_t in_head,
                                                           size_t in_count);
/* What became of one grain at one target. NOT_READY: nothing new. The last 65536 are kept: nobody has to
 * take them. */
WEFT_EXPORT weftStatus weftFabricsInitiatorNextResult(weftFabricsInitiator in_initiator,
                                                      weftFabricsResult* out_result);
/* OK, at once: no grain is under way and no target is being connected for the first time (one that was lost is connected
 * again without being waited for); else NOT_READY, at once or when the timeout is over. Nobody has to call them. */
WEFT_EXPORT weftStatus weftFabricsInitiatorMakeProgressNonBlocking(weftFabricsInitiator in_initiator);
WEFT_EXPORT weftStatus weftFabricsInitiatorMakeProgressBlocking(weftFabricsInitiator in_initiator,
                                                                uint16_t in_timeoutMs);

/* Text. Sizes are in bytes with the NUL: a NULL buffer gets the size alone, one too small WEFT_ERR_STRLEN and the size. */

/* "any" ("auto" too), "tcp", "verbs", "efa", "shm", exactly so; else INVALID_ARG. */
WEFT_EXPORT weftStatus weftFabricsProviderFromString(const char* in_string, weftFabricsProvider* out_provider);
WEFT_EXPORT weftStatus weftFabricsProviderToString(weftFabricsProvider in_provider, char* out_string,
                                                   size_t* in_out_size);
/* Base64 of JSON: one word for JSON, YAML, shells and environment variables. Keep it as secret as what it opens. */
WEFT_EXPORT weftStatus weftFabricsTargetInfoToString(const weftTargetInfo in_info, char* out_string,
                                                     size_t* in_out_size);
/* That text, or the JSON itself. INVALID_ARG, and weftLastError says what is wrong. */
WEFT_EXPORT weftStatus weftFabricsTargetInfoFromString(const char* in_string, weftTargetInfo* out_info);
WEFT_EXPORT weftStatus weftFabricsFreeTargetInfo(weftTargetInfo in_info);

#ifdef __cplusplus
}
#endif
#endif
