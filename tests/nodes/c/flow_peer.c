/* The other process of the flow tests, a C11 program: does what its arguments say and tells it in lines.
 *   flow_peer DOMAIN VERB NAME …        exit status 0, or 1 after a line that begins with "failed" */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft/flow.h>

static int failed(const char* step) {
  char text[1024];
  size_t size = sizeof text;
  if (weftLastError(text, &size) != WEFT_STATUS_OK) text[0] = '\0';
  printf("failed %s: %s\n", step, text);
  fflush(stdout);
  return 1;
}

static void say(const char* line) {
  puts(line);
  fflush(stdout);
}

static uint8_t pattern(uint64_t index, uint64_t at) { return (uint8_t)(index * 31 + at * 7 + (at >> 8)); }

/* Waits until the test closes this program's input, or kills it. */
static void wait_for_the_test(void) {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) continue;
}

static int write_grains(weftFlowWriter writer, uint64_t from, uint64_t count) {
  for (uint64_t index = from; index != from + count; ++index) {
    weftGrainInfo info = {.structSize = sizeof info};
    uint8_t* payload = NULL;
    if (weftFlowWriterOpenGrain(writer, index, &info, &payload) != WEFT_STATUS_OK) return failed("open");
    for (uint64_t at = 0; at != info.grainSize; ++at) payload[at] = pattern(index, at);
    info.validSlices = info.totalSlices;
    if (weftFlowWriterCommitGrain(writer, &info) != WEFT_STATUS_OK) return failed("commit");
  }
  say("written");
  return 0;
}

/* Follows a writer from an index on. A grain that was overwritten while it was read must say so; none may be torn. */
static int read_grains(weftFlowReader reader, uint64_t from, uint64_t count) {
  unsigned whole = 0, late = 0;
  say("reading");
  for (uint64_t index = from; index != from + count; ++index) {
    weftGrainInfo info = {.structSize = sizeof info};
    const uint8_t* payload = NULL;
    weftStatus status = weftFlowReaderGetGrain(reader, index, 20000, &info, &payload);
    if (status == WEFT_ERR_OUT_OF_RANGE_TOO_LATE) {
      ++late;
      continue;
    }
    if (status != WEFT_STATUS_OK) return failed("get");
    int same = 1;
    for (uint64_t at = 0; at != info.grainSize && same; ++at) same = payload[at] == pattern(index, at);
    status = weftFlowReaderCheckGrain(reader, &info);
    if (status == WEFT_ERR_OUT_OF_RANGE_TOO_LATE)
      ++late;
    else if (status != WEFT_STATUS_OK || !same)
      return failed("grain");
    else
      ++whole;
  }
  printf("read %u late %u\n", whole, late);
  fflush(stdout);
  return 0;
}

static int write_samples(weftFlowWriter writer, uint64_t until, size_t batch) {
  for (uint64_t head = batch; head <= until; head += batch) {
    weftMutableWrappedMultiBufferSlice slices;
    if (weftFlowWriterOpenSamples(writer, head, batch, &slices) != WEFT_STATUS_OK) return failed("open samples");
    uint64_t sample = head - batch;
    for (int part = 0; part != 2; ++part)
      for (size_t at = 0; at != slices.fragments[part].size / sizeof(uint32_t); ++at, ++sample)
        for (size_t channel = 0; channel != slices.count; ++channel) {
          const uint32_t value = (uint32_t)(sample * 16 + channel);
          memcpy((char*)slices.fragments[part].pointer + channel * slices.stride + at * sizeof value, &value,
                 sizeof value);
        }
    if (weftFlowWriterCommitSamples(writer) != WEFT_STATUS_OK) return failed("commit samples");
  }
  say("written");
  return 0;
}

static int die_with_a_grain_open(weftFlowWriter writer, uint64_t index) {
  weftGrainInfo info = {.structSize = sizeof info};
  uint8_t* payload = NULL;
  if (weftFlowWriterOpenGrain(writer, index, &info, &payload) != WEFT_STATUS_OK) return failed("open");
  memset(payload, 0xee, (size_t)info.grainSize);
  say("open");
  wait_for_the_test();
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const char* verb = argv[2];
  const uint64_t first = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
  const uint64_t count = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
  weftInstance instance = weftCreateInstance(argv[1], NULL);
  if (instance == NULL) return failed("instance");
  int result = 2;
  if (strncmp(verb, "read", 4) == 0) {
    weftFlowReader reader = NULL;
    if (weftCreateFlowReader(instance, argv[3], NULL, &reader) != WEFT_STATUS_OK) return failed("reader");
    result = read_grains(reader, first, count);
  } else {
    weftFlowWriter writer = NULL;
    if (weftCreateFlowWriter(instance, argv[3], NULL, &writer) != WEFT_STATUS_OK) return failed("writer");
    say("writer");
    if (strcmp(verb, "write") == 0) {
      wait_for_the_test();
      result = write_grains(writer, first, count);
    } else if (strcmp(verb, "samples") == 0) {
      result = write_samples(writer, first, (size_t)count);
    } else if (strcmp(verb, "die") == 0) {
      result = die_with_a_grain_open(writer, first);
    } else if (strcmp(verb, "hold") == 0) {
      wait_for_the_test();
      result = 0;
    }
  }
  if (weftDestroyInstance(instance) != WEFT_STATUS_OK) return failed("destroy");
  return result;
}
