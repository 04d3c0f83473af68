/* What the tests of grains_suite.c share: an instance over one provider, rings of known bytes, waiting for results. */
#ifndef GRAINS_SUITE_H
#define GRAINS_SUITE_H
#define _GNU_SOURCE /* mkdtemp, fork, kill: C11 has none of them */
#include <weft/fabrics.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ends the test that it stands in. */
#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) return suite_failed(__FILE__, __LINE__, #condition); \
  } while (0)
#define CHECK_STATUS(call, wanted)                                                          \
  do {                                                                                      \
    const weftStatus got_status = (call);                                                   \
    if (got_status != (wanted)) return suite_status(__FILE__, __LINE__, #call, got_status); \
  } while (0)
#define OK(call) CHECK_STATUS(call, WEFT_STATUS_OK)

enum { BYTES = 4096 };     /* of a grain */
enum { SUITE_MS = 60000 }; /* a bound, never waited for */

static inline bool suite_failed(const char* file, int line, const char* what) {
  printf("    %s:%d: %s\n", file, line, what);
  return false;
}
static inline bool suite_status(const char* file, int line, const char* call, weftStatus got) {
  char text[1024] = "";
  size_t size = sizeof text;
  if (got != WEFT_STATUS_OK) weftLastError(text, &size);
  printf("    %s:%d: %s gave %s: %s\n", file, line, call, weftStatusName(got), text);
  return false;
}

/* One instance, for targets and initiators both. */
typedef struct Ends {
  weftFabricsProvider provider;
  const char* node;
  char domain[32];
  weftInstance instance;
  weftFabricsInstance fabrics;
} Ends;

static inline bool open_instance(Ends* ends) {
  ends->instance = weftCreateInstance(ends->domain, NULL);
  CHECK(ends->instance != NULL);
  OK(weftFabricsCreateInstance(ends->instance, &ends->fabrics));
  return true;
}
static inline bool close_instance(Ends* ends) {
  OK(weftFabricsDestroyInstance(ends->fabrics));
  OK(weftDestroyInstance(ends->instance));
  return true;
}
static inline bool open_ends(Ends* ends) {
  strcpy(ends->domain, "/tmp/weft-suite-XXXXXX");
  CHECK(mkdtemp(ends->domain) != NULL);
  return open_instance(ends);
}
/* Also that nothing is left in the domain but flows: sockets go with their targets. */
static inline bool close_ends(Ends* ends) {
  CHECK(close_instance(ends));
  CHECK(rmdir(ends->domain) == 0);
  return true;
}

typedef struct Ring {
  uint8_t* memory;
  size_t count, bytes;
  weftRegions regions;
} Ring;

static inline bool make_ring(Ring* ring, size_t count, size_t bytes) {
  weftFabricsMemoryRegion buffers[64] = {{0}};
  CHECK(count <= 64);
  ring->count = count;
  ring->bytes = bytes;
  ring->memory = calloc(count, bytes);
  CHECK(ring->memory != NULL);
  for (size_t i = 0; i != count; ++i) {
    buffers[i].addr = (uintptr_t)(ring->memory + i * bytes);
    buffers[i].size = bytes;
    buffers[i].loc.type = WEFT_PAYLOAD_LOCATION_HOST_MEMORY;
  }
  OK(weftFabricsRegionsFromUserBuffers(buffers, count, &ring->regions));
  return true;
}
/* After the targets and initiators that use it. */
static inline bool free_ring(Ring* ring) {
  OK(weftFabricsRegionsFree(ring->regions));
  free(ring->memory);
  return true;
}
static inline uint8_t byte_of(uint64_t index, size_t at) { return (uint8_t)(index * 31 + at * 7 + at / 251); }
static inline void fill(Ring* ring, uint64_t index) {
  uint8_t* grain = ring->memory + index % ring->count * ring->bytes;
  for (size_t at = 0; at != ring->bytes; ++at) grain[at] = byte_of(index, at);
}
static inline bool holds(const weftFabricsGrain* grain, uint64_t index, size_t bytes) {
  CHECK(grain->index == index);
  CHECK(grain->size == bytes);
  for (size_t at = 0; at != bytes; ++at) CHECK(((const uint8_t*)grain->data)[at] == byte_of(index, at));
  return true;
}

static inline weftStatus set_up_target(const Ends* ends, weftFabricsTarget target, weftRegions regions,
                                       const char* service, const char* options, weftTargetInfo* info) {
  const weftTargetConfig config = {.endpointAddress = {.node = ends->node, .service = service},
                                   .provider = ends->provider,
                                   .regions = regions,
                                   .deviceSupport = false,
                                   .structSize = sizeof config,
                                   .options = options};
  return weftFabricsTargetSetup(target, &config, info);
}
static inline bool make_target(const Ends* ends, weftRegions regions, const char* options, weftFabricsTarget* target,
                               weftTargetInfo* info) {
  OK(weftFabricsCreateTarget(ends->fabrics, target));
  OK(set_up_target(ends, *target, regions, NULL, options, info));
  return true;
}
static inline bool make_initiator(const Ends* ends, weftRegions regions, const char* options,
                                  weftFabricsInitiator* initiator) {
  const weftInitiatorConfig config = {.endpointAddress = {.node = ends->node, .service = NULL},
                                      .provider = ends->provider,
                                      .regions = regions,
                                      .deviceSupport = false,
                                      .structSize = sizeof config,
                                      .options = options};
  OK(weftFabricsCreateInitiator(ends->fabrics, initiator));
  OK(weftFabricsInitiatorSetup(*initiator, &config));
  return true;
}
/* Until every target that was added is connected and nothing is under way. */
static inline bool settle(weftFabricsInitiator initiator) {
  OK(weftFabricsInitiatorMakeProgressBlocking(initiator, SUITE_MS));
  return true;
}
/* The result that is there, after `settle`; its status is the caller's to judge. */
static inline bool next_result(weftFabricsInitiator initiator, weftFabricsResult* result) {
  result->structSize = sizeof *result;
  OK(weftFabricsInitiatorNextResult(initiator, result));
  return true;
}
static inline bool read_grain(weftFabricsTarget target, uint64_t index, size_t bytes) {
  uint64_t got = ~index;
  weftFabricsGrain grain = {.structSize = sizeof grain};
  OK(weftFabricsTargetWaitForNewGrain(target, &got, SUITE_MS));
  CHECK(got == index);
  OK(weftFabricsTargetGetGrain(target, index, &grain));
  CHECK(grain.complete);
  return holds(&grain, index, bytes);
}
/* To be freed. */
static inline char* text_of(weftTargetInfo info) {
  size_t size = 0;
  if (weftFabricsTargetInfoToString(info, NULL, &size) != WEFT_STATUS_OK) return NULL;
  char* text = malloc(size);
  if (text != NULL && weftFabricsTargetInfoToString(info, text, &size) != WEFT_STATUS_OK) *text = '\0';
  return text;
}

/* grains_suite_flow.c; before this process has threads, which a fork would lose */
bool flow_to_flow(Ends* ends);
bool samples_to_samples(Ends* ends);
/* grains_suite_life.c */
bool two_processes(Ends* ends);
bool removal(Ends* ends);
bool closing(Ends* ends);
bool killed(Ends* ends);
bool restart(Ends* ends);
bool errors(Ends* ends);

#endif
