/* A flow in C: one process writes frames into a ring in shared memory, another reads them where they lie. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weft/flow.h>

enum { FRAMES = 3, FRAME_BYTES = 1 << 20, WAIT_MS = 10000 };

static void expect(weftStatus status) {
  if (status == WEFT_STATUS_OK) return;
  char text[1024] = "";
  size_t size = sizeof text;
  weftLastError(text, &size);
  fprintf(stderr, "error: %s\n", text);
  exit(1);
}

static void write_frames(weftInstance instance, const char* name) {
  weftFlowWriter writer;
  expect(weftCreateFlowWriter(instance, name, NULL, &writer));
  for (uint64_t index = 0; index != FRAMES; ++index) {
    weftGrainInfo info = {.structSize = sizeof info};
    uint8_t* payload;
    expect(weftFlowWriterOpenGrain(writer, index, &info, &payload));
    memset(payload, (int)(10 + index), (size_t)info.grainSize);
    info.validSlices = info.totalSlices;
    expect(weftFlowWriterCommitGrain(writer, &info));
  }
}

static void read_frames(weftInstance instance, const char* name) {
  weftFlowReader reader;
  expect(weftCreateFlowReader(instance, name, NULL, &reader));
  for (uint64_t index = 0; index != FRAMES; ++index) {
    weftGrainInfo info = {.structSize = sizeof info};
    const uint8_t* payload;
    expect(weftFlowReaderGetGrain(reader, index, WAIT_MS, &info, &payload));
    const uint8_t last = payload[info.grainSize - 1];
    expect(weftFlowReaderCheckGrain(reader, &info)); /* nobody has overwritten it meanwhile */
    printf("frame %" PRIu64 ": %" PRIu64 " bytes of %d\n", index, info.grainSize, last);
  }
  weftFlowInfo info = {.structSize = sizeof info};
  expect(weftFlowReaderGetInfo(reader, &info));
  printf("the last one was %" PRIu64 "\n", info.headIndex);
  const uint8_t* payload;
  weftGrainInfo none = {.structSize = sizeof none};
  printf("frame %d: %s\n", FRAMES, weftStatusName(weftFlowReaderGetGrainNonBlocking(reader, FRAMES, &none, &payload)));
  fflush(stdout);
}

int main(void) {
  char name[64];
  snprintf(name, sizeof name, "example-%ld", (long)getpid());
  weftInstance instance = weftCreateInstance(NULL, NULL);
  if (instance == NULL) expect(weftLastStatus());
  weftFlowConfig config = {
      .structSize = sizeof config, .layout = WEFT_FLOW_DISCRETE, .grainCount = 4, .grainSize = FRAME_BYTES};
  expect(weftCreateFlow(instance, name, &config));
  const pid_t child = fork();
  if (child == 0) {
    read_frames(instance, name);
    return 0;
  }
  write_frames(instance, name);
  int status = 1;
  waitpid(child, &status, 0);
  expect(weftDestroyFlow(instance, name));
  expect(weftDestroyInstance(instance));
  return status == 0 ? 0 : 1;
}
