/* Of grains_suite: from a flow to a flow through four processes, two for each end as on two hosts:
 *   writer → flow "from" → initiator → target → flow "to" → reader
 * The reader checks every byte and tells the writer, which is never further ahead than a ring, nor writes over what has
 * no result yet. */
#include "grains_suite.h"

#include <signal.h>
#include <sys/wait.h>

enum { SLOTS = 4, GRAIN = 30000, GRAINS = 22, SLICES = 4 };
enum { CHANNELS = 3, LENGTH = 1000, SAMPLE = 4, BATCH = 100, BATCHES = 53 };

static const weftFlowConfig kDiscrete = {.structSize = sizeof kDiscrete,
                                         .layout = WEFT_FLOW_DISCRETE,
                                         .grainCount = SLOTS,
                                         .grainSize = GRAIN,
                                         .slicesPerGrain = SLICES};
static const weftFlowConfig kContinuous = {.structSize = sizeof kContinuous,
                                           .layout = WEFT_FLOW_CONTINUOUS,
                                           .sampleSize = SAMPLE,
                                           .channels = CHANNELS,
                                           .bufferLength = LENGTH};

/* Pipes: the flows are made, the target's info, what has its result, what was read whole, and that all results are
 * there. */
enum { FROM_MADE, TO_MADE, INFO, SENT, READ, ALL_SENT, PIPES };
typedef struct Side {
  Ends ends; /* its domain is one of two */
  const weftFlowConfig* config;
  int pipes[PIPES][2];
} Side;

static bool tell(const Side* side, int pipe) {
  CHECK(write(side->pipes[pipe][1], "", 1) == 1);
  return true;
}
/* False also when who was to tell it is gone. */
static bool hear(const Side* side, int pipe) {
  char byte;
  CHECK(read(side->pipes[pipe][0], &byte, 1) == 1);
  return true;
}

static uint8_t sample_byte(uint64_t at, size_t channel) { return (uint8_t)(at * 13 + at / 199 + channel * 101); }

/* The same piece of every channel, `at` bytes from the beginning of time. */
static void fill_samples(const weftMutableWrappedMultiBufferSlice* to, uint64_t at) {
  for (int part = 0; part != 2; at += to->fragments[part++].size)
    for (size_t channel = 0; channel != CHANNELS; ++channel)
      for (size_t i = 0; i != to->fragments[part].size; ++i)
        ((uint8_t*)to->fragments[part].pointer)[channel * to->stride + i] = sample_byte(at + i, channel);
}
static bool are_samples(const void* piece, size_t size, size_t stride, uint64_t at) {
  for (size_t channel = 0; channel != CHANNELS; ++channel)
    for (size_t i = 0; i != size; ++i)
      CHECK(((const uint8_t*)piece)[channel * stride + i] == sample_byte(at + i, channel));
  return true;
}

static bool write_flow(Side* side) {
  weftFlowWriter writer = NULL;
  OK(weftCreateFlow(side->ends.instance, "from", side->config));
  OK(weftCreateFlowWriter(side->ends.instance, "from", NULL, &writer));
  CHECK(tell(side, FROM_MADE));
  for (uint64_t index = 0; side->config == &kDiscrete && index != GRAINS; ++index) {
    weftGrainInfo info = {.structSize = sizeof info};
    uint8_t* payload = NULL;
    if (index >= SLOTS) CHECK(hear(side, SENT) && hear(side, READ));
    OK(weftFlowWriterOpenGrain(writer, index, &info, &payload));
    for (size_t at = 0; at != GRAIN; ++at) payload[at] = byte_of(index, at);
    info.validSlices = info.totalSlices;
    OK(weftFlowWriterCommitGrain(writer, &info));
  }
  for (uint64_t batch = 1; side->config == &kContinuous && batch <= BATCHES; ++batch) {
    weftMutableWrappedMultiBufferSlice to;
    if (batch > SLOTS) CHECK(hear(side, SENT) && hear(side, READ));
    OK(weftFlowWriterOpenSamples(writer, batch * BATCH, BATCH, &to));
    fill_samples(&to, (batch - 1) * BATCH * SAMPLE);
    OK(weftFlowWriterCommitSamples(writer));
  }
  for (int left = 0; left != SLOTS; ++left) CHECK(hear(side, SENT) && hear(side, READ));
  return true;
}

static bool send_flow(Side* side) {
  char text[16384];
  size_t size = 0;
  ssize_t got = 0;
  weftFlowReader reader = NULL;
  weftRegions regions = NULL;
  weftTargetInfo info = NULL;
  weftFabricsInitiator initiator = NULL;
  weftFabricsResult result;
  const bool discrete = side->config == &kDiscrete;
  CHECK(hear(side, FROM_MADE));
  OK(weftCreateFlowReader(side->ends.instance, "from", NULL, &reader));
  OK(weftFabricsRegionsForFlowReader(reader, &regions));
  while (size != sizeof text - 1 && (got = read(side->pipes[INFO][0], text + size, sizeof text - 1 - size)) > 0)
    size += (size_t)got;
  text[size] = '\0';
  OK(weftFabricsTargetInfoFromString(text, &info));
  CHECK(make_initiator(&side->ends, regions, discrete ? NULL : "{\"syncBatch\": 100}", &initiator));
  OK(weftFabricsInitiatorAddTarget(initiator, info));
  CHECK(settle(initiator));
  for (uint64_t index = 0; index != (discrete ? GRAINS : BATCHES); ++index) {
    const uint64_t sent = discrete ? index : (index + 1) * BATCH;
    if (discrete) {
      weftGrainInfo grain = {.structSize = sizeof grain};
      const uint8_t* payload = NULL;
      OK(weftFlowReaderGetGrain(reader, index, SUITE_MS, &grain, &payload));
      OK(weftFabricsInitiatorTransferGrain(initiator, index));
    } else {
      weftWrappedMultiBufferSlice from;
      OK(weftFlowReaderGetSamples(reader, sent, BATCH, SUITE_MS, &from));
      OK(weftFabricsInitiatorTransferSamples(initiator, sent, BATCH));
    }
    CHECK(settle(initiator));
    CHECK(next_result(initiator, &result));
    CHECK(result.status == WEFT_STATUS_OK && result.index == sent);
    CHECK(tell(side, SENT));
  }
  CHECK(tell(side, ALL_SENT));
  OK(weftFabricsDestroyInitiator(side->ends.fabrics, initiator));
  OK(weftFabricsFreeTargetInfo(info));
  OK(weftFabricsRegionsFree(regions));
  return true;
}

/* What comes is shown to the readers of this end. */
static bool receive_flow(Side* side) {
  weftFlowWriter writer = NULL;
  weftRegions regions = NULL;
  weftFabricsTarget target = NULL;
  weftTargetInfo info = NULL;
  const bool discrete = side->config == &kDiscrete;
  OK(weftCreateFlow(side->ends.instance, "to", side->config));
  OK(weftCreateFlowWriter(side->ends.instance, "to", NULL, &writer));
  OK(weftFabricsRegionsForFlowWriter(writer, &regions));
  CHECK(make_target(&side->ends, regions, discrete ? NULL : "{\"syncBatch\": 100}", &target, &info));
  CHECK(tell(side, TO_MADE));
  char* text = text_of(info);
  CHECK(text != NULL);
  CHECK(write(side->pipes[INFO][1], text, strlen(text)) == (ssize_t)strlen(text));
  CHECK(close(side->pipes[INFO][1]) == 0);
  free(text);
  for (uint64_t index = 0; discrete && index != GRAINS; ++index) {
    uint64_t got = 0;
    weftGrainInfo grain = {.structSize = sizeof grain};
    uint8_t* payload = NULL;
    OK(weftFabricsTargetReadGrain(target, SUITE_MS, &got));
    CHECK(got == index);
    OK(weftFlowWriterOpenGrain(writer, index, &grain, &payload));
    CHECK(grain.validSlices == SLICES && grain.grainSize == GRAIN);
    for (size_t at = 0; at != GRAIN; ++at) CHECK(payload[at] == byte_of(index, at));
    OK(weftFlowWriterCommitGrain(writer, &grain));
  }
  for (uint64_t batch = 1; !discrete && batch <= BATCHES; ++batch) {
    uint64_t head = 0;
    size_t count = 0;
    weftMutableWrappedMultiBufferSlice to;
    OK(weftFabricsTargetReadSamples(target, SUITE_MS, &head, &count));
    CHECK(head == batch * BATCH && count == BATCH);
    OK(weftFlowWriterOpenSamples(writer, head, count, &to));
    uint64_t at = (head - count) * SAMPLE;
    for (int part = 0; part != 2; at += to.fragments[part++].size)
      CHECK(are_samples(to.fragments[part].pointer, to.fragments[part].size, to.stride, at));
    OK(weftFlowWriterCommitSamples(writer));
  }
  CHECK(hear(side, ALL_SENT));
  OK(weftFabricsDestroyTarget(side->ends.fabrics, target));
  OK(weftFabricsFreeTargetInfo(info));
  OK(weftFabricsRegionsFree(regions));
  return true;
}

static bool read_flow(Side* side) {
  weftFlowReader reader = NULL;
  CHECK(hear(side, TO_MADE));
  OK(weftCreateFlowReader(side->ends.instance, "to", NULL, &reader));
  for (uint64_t index = 0; side->config == &kDiscrete && index != GRAINS; ++index) {
    weftGrainInfo grain = {.structSize = sizeof grain};
    const uint8_t* payload = NULL;
    OK(weftFlowReaderGetGrain(reader, index, SUITE_MS, &grain, &payload));
    CHECK(grain.index == index && grain.validSlices == SLICES && grain.flags == 0 && grain.grainSize == GRAIN);
    for (size_t at = 0; at != GRAIN; ++at) CHECK(payload[at] == byte_of(index, at));
    OK(weftFlowReaderCheckGrain(reader, &grain));
    CHECK(tell(side, READ));
  }
  for (uint64_t batch = 1; side->config == &kContinuous && batch <= BATCHES; ++batch) {
    weftWrappedMultiBufferSlice from;
    OK(weftFlowReaderGetSamples(reader, batch * BATCH, BATCH, SUITE_MS, &from));
    uint64_t at = (batch - 1) * BATCH * SAMPLE;
    for (int part = 0; part != 2; at += from.fragments[part++].size)
      CHECK(are_samples(from.fragments[part].pointer, from.fragments[part].size, from.stride, at));
    OK(weftFlowReaderCheckSamples(reader, batch * BATCH, BATCH));
    CHECK(tell(side, READ));
  }
  return true;
}

/* Each with the ends of pipes that it uses; that of one that dies is closed then, and who waits for it fails. */
typedef struct Role {
  bool (*run)(Side* side);
  int domain;
  bool reads[PIPES], writes[PIPES];
} Role;
static const Role kRoles[] = {
    {write_flow, 0, .reads = {[SENT] = true, [READ] = true}, .writes = {[FROM_MADE] = true}},
    {send_flow, 0, .reads = {[FROM_MADE] = true, [INFO] = true}, .writes = {[SENT] = true, [ALL_SENT] = true}},
    {receive_flow, 1, .reads = {[ALL_SENT] = true}, .writes = {[TO_MADE] = true, [INFO] = true}},
    {read_flow, 1, .reads = {[TO_MADE] = true}, .writes = {[READ] = true}},
};
enum { ROLES = sizeof kRoles / sizeof *kRoles };

static bool play(Side* side, const Role* role) {
  alarm(120);
  signal(SIGPIPE, SIG_IGN);
  for (int pipe = 0; pipe != PIPES; ++pipe) {
    if (!role->reads[pipe]) CHECK(close(side->pipes[pipe][0]) == 0);
    if (!role->writes[pipe]) CHECK(close(side->pipes[pipe][1]) == 0);
  }
  CHECK(open_instance(&side->ends));
  CHECK(role->run(side));
  return close_instance(&side->ends);
}

static bool through_four_processes(Ends* ends, const weftFlowConfig* config) {
  Side side = {.ends = *ends, .config = config};
  char domains[2][32] = {"/tmp/weft-suite-XXXXXX", "/tmp/weft-suite-XXXXXX"};
  pid_t processes[ROLES];
  bool fine = true;
  for (int i = 0; i != 2; ++i) CHECK(mkdtemp(domains[i]) != NULL);
  for (int i = 0; i != PIPES; ++i) CHECK(pipe(side.pipes[i]) == 0);
  fflush(stdout);
  for (int i = 0; i != ROLES; ++i) {
    processes[i] = fork();
    CHECK(processes[i] >= 0);
    if (processes[i] != 0) continue;
    strcpy(side.ends.domain, domains[kRoles[i].domain]);
    const bool played = play(&side, &kRoles[i]);
    fflush(stdout);
    _exit(played ? 0 : 1);
  }
  for (int i = 0; i != PIPES; ++i) CHECK(close(side.pipes[i][0]) == 0 && close(side.pipes[i][1]) == 0);
  for (int i = 0; i != ROLES; ++i) {
    int status = -1;
    CHECK(waitpid(processes[i], &status, 0) == processes[i]);
    fine = fine && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  for (int i = 0; i != 2; ++i) {
    char flow[64];
    snprintf(flow, sizeof flow, "%s/%s.weft-flow", domains[i], i == 0 ? "from" : "to");
    CHECK(unlink(flow) == 0 && rmdir(domains[i]) == 0);
  }
  return fine;
}
bool flow_to_flow(Ends* ends) { return through_four_processes(ends, &kDiscrete); }
bool samples_to_samples(Ends* ends) { return through_four_processes(ends, &kContinuous); }
