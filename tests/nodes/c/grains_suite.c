/* The workflow of <weft/fabrics.h> over one provider: what holds over one holds over each.
 *   grains_suite PROVIDER [NODE]   prints "ok NAME", or "not ok NAME" with what was wrong before it
 *   grains_suite --list            prints the names
 * Targets and initiators are of one instance, but in the tests of several processes. */
#include "grains_suite.h"

#include <poll.h>
#include <stdatomic.h>

static bool workflow(Ends* ends) {
  Ring in, out;
  weftFabricsTarget target = NULL;
  weftFabricsInitiator initiator = NULL;
  weftTargetInfo info = NULL, again = NULL;
  weftFabricsResult result;
  weftFabricsGrain grain = {.structSize = sizeof grain};
  uint64_t index = 0;
  CHECK(make_ring(&in, 4, BYTES) && make_ring(&out, 4, BYTES));
  CHECK(make_target(ends, in.regions, NULL, &target, &info));
  char* text = text_of(info);
  CHECK(text != NULL);
  OK(weftFabricsTargetInfoFromString(text, &again));
  free(text);
  CHECK_STATUS(weftFabricsTargetTryNewGrain(target, &index), WEFT_ERR_NOT_READY);
  CHECK(make_initiator(ends, out.regions, NULL, &initiator));
  CHECK_STATUS(weftFabricsInitiatorTransferGrain(initiator, 0), WEFT_ERR_NOT_READY);
  OK(weftFabricsInitiatorAddTarget(initiator, again));
  CHECK_STATUS(weftFabricsInitiatorAddTarget(initiator, info), WEFT_ERR_EXISTS);
  CHECK(settle(initiator));
  const uint64_t indices[] = {0, 1, 2, 3, 4, 9, 1ull << 40};
  for (size_t i = 0; i != sizeof indices / sizeof *indices; ++i) {
    fill(&out, indices[i]);
    OK(weftFabricsInitiatorTransferGrain(initiator, indices[i]));
    CHECK(read_grain(target, indices[i], BYTES));
    CHECK(settle(initiator));
    CHECK(next_result(initiator, &result));
    CHECK(result.status == WEFT_STATUS_OK && result.index == indices[i] && result.target == 0);
  }
  CHECK_STATUS(weftFabricsInitiatorNextResult(initiator, &result), WEFT_ERR_NOT_READY);
  OK(weftFabricsTargetReleaseGrain(target, 1ull << 40));
  CHECK_STATUS(weftFabricsTargetReleaseGrain(target, 1ull << 40), WEFT_ERR_NOT_FOUND);
  CHECK_STATUS(weftFabricsTargetGetGrain(target, 1ull << 40, &grain), WEFT_ERR_NOT_FOUND);
  OK(weftFabricsInitiatorRemoveTarget(initiator, info));
  CHECK_STATUS(weftFabricsInitiatorRemoveTarget(initiator, info), WEFT_ERR_NOT_FOUND);
  CHECK_STATUS(weftFabricsInitiatorTransferGrain(initiator, 1), WEFT_ERR_NOT_READY);
  OK(weftFabricsDestroyInitiator(ends->fabrics, initiator));
  OK(weftFabricsDestroyTarget(ends->fabrics, target));
  OK(weftFabricsFreeTargetInfo(info));
  OK(weftFabricsFreeTargetInfo(again));
  return free_ring(&in) && free_ring(&out);
}

typedef struct Heard {
  atomic_uint_fast64_t whole, wrong;
} Heard;

static void hear(void* user, const weftFabricsGrain* grain) {
  Heard* heard = user;
  if (!grain->complete) return;
  if (!holds(grain, grain->index, BYTES)) atomic_fetch_add(&heard->wrong, 1);
  atomic_fetch_add(&heard->whole, 1);
}

/* By the descriptor and by a callback; the reads are the workflow's. */
static bool completions(Ends* ends) {
  Ring polled_ring, called_ring, out;
  weftFabricsTarget polled = NULL, called = NULL;
  weftTargetInfo polled_info = NULL, called_info = NULL;
  weftFabricsInitiator initiator = NULL;
  weftFabricsResult result;
  Heard heard;
  atomic_init(&heard.whole, 0);
  atomic_init(&heard.wrong, 0);
  struct pollfd waits = {.fd = -1, .events = POLLIN};
  CHECK(make_ring(&polled_ring, 2, BYTES) && make_ring(&called_ring, 2, BYTES) && make_ring(&out, 2, BYTES));
  CHECK(make_target(ends, polled_ring.regions, NULL, &polled, &polled_info));
  OK(weftFabricsCreateTarget(ends->fabrics, &called));
  OK(weftFabricsTargetSetGrainCallback(called, hear, &heard));
  OK(set_up_target(ends, called, called_ring.regions, NULL, NULL, &called_info));
  CHECK(make_initiator(ends, out.regions, NULL, &initiator));
  OK(weftFabricsInitiatorAddTarget(initiator, polled_info));
  OK(weftFabricsInitiatorAddTarget(initiator, called_info));
  CHECK(settle(initiator));
  OK(weftFabricsTargetEventFd(polled, &waits.fd));
  for (uint64_t index = 0; index != 8; ++index) {
    CHECK(poll(&waits, 1, 0) == 0);
    fill(&out, index);
    OK(weftFabricsInitiatorTransferGrain(initiator, index));
    CHECK(poll(&waits, 1, SUITE_MS) == 1);
    CHECK(read_grain(polled, index, BYTES));
    CHECK(settle(initiator));
    for (int end = 0; end != 2; ++end) {
      CHECK(next_result(initiator, &result));
      CHECK(result.status == WEFT_STATUS_OK && result.index == index);
    }
  }
  uint64_t none = 0;
  CHECK_STATUS(weftFabricsTargetTryNewGrain(called, &none), WEFT_ERR_INVALID_STATE);
  while (atomic_load(&heard.whole) != 8) poll(NULL, 0, 1);
  CHECK(atomic_load(&heard.wrong) == 0);
  OK(weftFabricsDestroyInitiator(ends->fabrics, initiator));
  OK(weftFabricsDestroyTarget(ends->fabrics, called));
  OK(weftFabricsDestroyTarget(ends->fabrics, polled));
  OK(weftFabricsFreeTargetInfo(polled_info));
  OK(weftFabricsFreeTargetInfo(called_info));
  return free_ring(&polled_ring) && free_ring(&called_ring) && free_ring(&out);
}

static bool slices(Ends* ends) {
  Ring in, out;
  weftFabricsTarget target = NULL;
  weftTargetInfo info = NULL;
  weftFabricsInitiator initiator = NULL;
  weftFabricsGrain grain = {.structSize = sizeof grain};
  uint64_t index = 0;
  CHECK(make_ring(&in, 2, BYTES) && make_ring(&out, 2, BYTES));
  CHECK(make_target(ends, in.regions, "{\"slices\": 4}", &target, &info));
  CHECK(make_initiator(ends, out.regions, "{\"slices\": 4}", &initiator));
  OK(weftFabricsInitiatorAddTarget(initiator, info));
  CHECK(settle(initiator));
  CHECK_STATUS(weftFabricsInitiatorTransferGrainSlices(initiator, 0, 3, 2), WEFT_ERR_INVALID_ARG);
  CHECK_STATUS(weftFabricsInitiatorTransferGrainSlices(initiator, 0, 0, 5), WEFT_ERR_INVALID_ARG);
  CHECK_STATUS(weftFabricsInitiatorTransferGrainSlices(initiator, 0, 2, 2), WEFT_ERR_INVALID_ARG);
  fill(&out, 0);
  const uint32_t cuts[] = {0, 1, 3, 4};
  for (size_t i = 0; i != 3; ++i) {
    OK(weftFabricsInitiatorTransferGrainSlices(initiator, 0, cuts[i], cuts[i + 1]));
    OK(weftFabricsTargetReadGrain(target, SUITE_MS, &index));
    OK(weftFabricsTargetGetGrain(target, 0, &grain));
    CHECK(grain.validSlices == cuts[i + 1]);
    CHECK(grain.complete == (cuts[i + 1] == 4));
    CHECK(holds(&grain, 0, cuts[i + 1] * BYTES / 4));
  }
  OK(weftFabricsInitiatorTransferGrainSlices(initiator, 1, 0, 0));
  OK(weftFabricsTargetReadGrain(target, SUITE_MS, &index));
  OK(weftFabricsTargetGetGrain(target, 1, &grain));
  CHECK(grain.invalid && grain.complete && grain.size == 0);
  CHECK(settle(initiator));
  OK(weftFabricsDestroyInitiator(ends->fabrics, initiator));
  OK(weftFabricsDestroyTarget(ends->fabrics, target));
  OK(weftFabricsFreeTargetInfo(info));
  return free_ring(&in) && free_ring(&out);
}

/* More channels than any lane gathers at once, over the wrap of both flows. */
static bool samples(Ends* ends) {
  enum { CHANNELS = 64, LENGTH = 100, SAMPLE = 4 };
  const weftFlowConfig config = {.structSize = sizeof config,
                                 .layout = WEFT_FLOW_CONTINUOUS,
                                 .sampleSize = SAMPLE,
                                 .channels = CHANNELS,
                                 .bufferLength = LENGTH};
  weftFlowWriter source = NULL, sink = NULL;
  weftRegions in = NULL, out = NULL;
  weftFabricsTarget target = NULL;
  weftTargetInfo info = NULL;
  weftFabricsInitiator initiator = NULL;
  OK(weftCreateFlow(ends->instance, "from", &config));
  OK(weftCreateFlow(ends->instance, "to", &config));
  OK(weftCreateFlowWriter(ends->instance, "from", NULL, &source));
  OK(weftCreateFlowWriter(ends->instance, "to", NULL, &sink));
  OK(weftFabricsRegionsForFlowWriter(source, &out));
  OK(weftFabricsRegionsForFlowWriter(sink, &in));
  CHECK(make_target(ends, in, "{\"syncBatch\": 48}", &target, &info));
  CHECK(make_initiator(ends, out, "{\"syncBatch\": 48}", &initiator));
  OK(weftFabricsInitiatorAddTarget(initiator, info));
  CHECK(settle(initiator));
  for (uint64_t head = 48, count = 48; head < 400; count = head % 48 + 1, head += count) {
    weftMutableWrappedMultiBufferSlice to;
    OK(weftFlowWriterOpenSamples(source, head, count, &to));
    for (size_t part = 0; part != 2; ++part)
      for (size_t channel = 0; channel != CHANNELS && to.fragments[part].size != 0; ++channel)
        memset((uint8_t*)to.fragments[part].pointer + channel * to.stride, (int)(head + channel * 3),
               to.fragments[part].size);
    OK(weftFlowWriterCommitSamples(source));
    OK(weftFabricsInitiatorTransferSamples(initiator, head, count));
    uint64_t got_head = 0;
    size_t got_count = 0;
    OK(weftFabricsTargetReadSamples(target, SUITE_MS, &got_head, &got_count));
    CHECK(got_head == head && got_count == count);
    OK(weftFlowWriterOpenSamples(sink, head, count, &to));
    for (size_t part = 0; part != 2; ++part)
      for (size_t channel = 0; channel != CHANNELS; ++channel)
        for (size_t at = 0; at != to.fragments[part].size; ++at)
          CHECK(((uint8_t*)to.fragments[part].pointer)[channel * to.stride + at] == (uint8_t)(head + channel * 3));
    OK(weftFlowWriterCommitSamples(sink));
    CHECK(settle(initiator));
  }
  OK(weftFabricsDestroyInitiator(ends->fabrics, initiator));
  OK(weftFabricsDestroyTarget(ends->fabrics, target));
  OK(weftFabricsFreeTargetInfo(info));
  OK(weftFabricsRegionsFree(in));
  OK(weftFabricsRegionsFree(out));
  OK(weftDestroyFlow(ends->instance, "from"));
  OK(weftDestroyFlow(ends->instance, "to"));
  return true;
}

static bool many_targets(Ends* ends) {
  enum { TARGETS = 4 };
  Ring in[TARGETS], out;
  weftFabricsTarget targets[TARGETS];
  weftTargetInfo infos[TARGETS];
  weftFabricsInitiator initiator = NULL;
  weftFabricsResult result;
  uint64_t index = 0;
  CHECK(make_ring(&out, 4, BYTES));
  CHECK(make_initiator(ends, out.regions, NULL, &initiator));
  for (size_t i = 0; i != TARGETS; ++i) {
    CHECK(make_ring(&in[i], 4, BYTES));
    CHECK(make_target(ends, in[i].regions, NULL, &targets[i], &infos[i]));
  }
  /* One more joins with each grain, and gets all from then on. */
  for (uint64_t sent = 0; sent != TARGETS; ++sent) {
    OK(weftFabricsInitiatorAddTarget(initiator, infos[sent]));
    CHECK(settle(initiator));
    fill(&out, sent);
    OK(weftFabricsInitiatorTransferGrain(initiator, sent));
    CHECK(settle(initiator));
    unsigned told = 0;
    for (uint64_t i = 0; i <= sent; ++i) {
      CHECK(read_grain(targets[i], sent, BYTES));
      CHECK(next_result(initiator, &result));
      CHECK(result.status == WEFT_STATUS_OK && result.index == sent && result.target <= sent);
      told |= 1u << result.target;
    }
    CHECK(told == (1u << (sent + 1)) - 1);
    CHECK_STATUS(weftFabricsInitiatorNextResult(initiator, &result), WEFT_ERR_NOT_READY);
  }
  fill(&out, 9);
  OK(weftFabricsInitiatorTransferGrainToTarget(initiator, infos[2], 9));
  CHECK(read_grain(targets[2], 9, BYTES));
  CHECK(settle(initiator));
  CHECK(next_result(initiator, &result));
  CHECK(result.target == 2);
  for (size_t i = 0; i != TARGETS; ++i)
    if (i != 2) CHECK_STATUS(weftFabricsTargetTryNewGrain(targets[i], &index), WEFT_ERR_NOT_READY);
  OK(weftFabricsInitiatorRemoveTarget(initiator, infos[2]));
  CHECK_STATUS(weftFabricsInitiatorTransferGrainToTarget(initiator, infos[2], 10), WEFT_ERR_NOT_FOUND);
  fill(&out, 10);
  OK(weftFabricsInitiatorTransferGrain(initiator, 10));
  CHECK(settle(initiator));
  for (size_t i = 0; i != TARGETS - 1; ++i) {
    CHECK(next_result(initiator, &result));
    CHECK(result.status == WEFT_STATUS_OK && result.target != 2);
  }
  CHECK_STATUS(weftFabricsTargetTryNewGrain(targets[2], &index), WEFT_ERR_NOT_READY);
  OK(weftFabricsDestroyInitiator(ends->fabrics, initiator));
  for (size_t i = 0; i != TARGETS; ++i) {
    OK(weftFabricsDestroyTarget(ends->fabrics, targets[i]));
    OK(weftFabricsFreeTargetInfo(infos[i]));
    CHECK(free_ring(&in[i]));
  }
  return free_ring(&out);
}

/* A slot that is held is not written, and what waits for it does so until it is released. */
static bool credits(Ends* ends) {
  Ring in, out;
  weftFabricsTarget target = NULL;
  weftTargetInfo info = NULL;
  weftFabricsInitiator initiator = NULL;
  weftFabricsResult result;
  CHECK(make_ring(&in, 1, BYTES) && make_ring(&out, 4, BYTES));
  CHECK(make_target(ends, in.regions, NULL, &target, &info));
  CHECK(make_initiator(ends, out.regions, "{\"cqDepth\": 3}", &initiator));
  OK(weftFabricsInitiatorAddTarget(initiator, info));
  CHECK(settle(initiator));
  fill(&out, 0);
  OK(weftFabricsInitiatorTransferGrain(initiator, 0));
  CHECK(read_grain(target, 0, BYTES));
  CHECK(settle(initiator));
  CHECK(next_result(initiator, &result));
  for (uint64_t index = 1; index != 4; ++index) {
    fill(&out, index);
    OK(weftFabricsInitiatorTransferGrain(initiator, index));
  }
  CHECK_STATUS(weftFabricsInitiatorTransferGrain(initiator, 4), WEFT_ERR_OVERLOADED); /* one past cqDepth */
  CHECK_STATUS(weftFabricsInitiatorMakeProgressBlocking(initiator, 100), WEFT_ERR_NOT_READY);
  CHECK_STATUS(weftFabricsInitiatorNextResult(initiator, &result), WEFT_ERR_NOT_READY);
  for (size_t at = 0; at != BYTES; ++at) CHECK(in.memory[at] == byte_of(0, at));
  for (uint64_t index = 1; index != 4; ++index) CHECK(read_grain(target, index, BYTES));
  CHECK(settle(initiator));
  for (uint64_t index = 1; index != 4; ++index) {
    CHECK(next_result(initiator, &result));
    CHECK(result.index == index && result.status == WEFT_STATUS_OK);
  }
  OK(weftFabricsDestroyInitiator(ends->fabrics, initiator));
  OK(weftFabricsDestroyTarget(ends->fabrics, target));
  OK(weftFabricsFreeTargetInfo(info));
  return free_ring(&in) && free_ring(&out);
}

typedef struct Test {
  const char* name;
  bool (*run)(Ends* ends);
  bool alone; /* opens its ends itself */
} Test;

static const Test kTests[] = {
    /* [O-17] */
    {"a flow of one process comes whole to a reader of another, through an initiator and a target", flow_to_flow, true},
    /* [M-18] */
    {"samples of one process come whole to a reader of another, through an initiator and a target", samples_to_samples,
     true},
    /* [M-44] */
    {"the info goes to another process as text, and that one's grains come whole", two_processes, true},
    /* [O-W4][M-25] */
    {"a target killed with ten grains under way: each ends once, and nothing is pending", killed, true},
    /* [M-02][M-15][M-44] */
    {"the workflow, from the set-up to the removal", workflow, false},
    {"grains are waited for by a descriptor and taken by a callback", completions, false},
    /* [O-W20][M-44] */
    {"slices, the header alone, and what lies beyond a grain", slices, false},
    /* [O-W20][M-24] */
    {"samples of 64 channels go from flow to flow", samples, false},
    /* [M-44] */
    {"many targets: each gets all from its joining on, one alone, and none once removed", many_targets, false},
    {"a slot that is held is not written, and what waits is told once", credits, false},
    /* [O-W20][M-22] */
    {"a target removed with a hundred grains under way: each ends once", removal, false},
    {"a target destroyed with a hundred grains under way: each ends once", closing, false},
    {"a target that comes back with its identity has the same info and is written again", restart, false},
    /* [M-40] */
    {"what is wrong has a status of its own", errors, false},
};
enum { TESTS = sizeof kTests / sizeof *kTests };

int main(int argc, char** argv) {
  Ends ends = {.provider = WEFT_FABRICS_PROVIDER_ANY};
  char host[256] = "";
  int failed = 0;
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (size_t i = 0; i != TESTS; ++i) puts(kTests[i].name);
    return 0;
  }
  if (argc < 2 || weftFabricsProviderFromString(argv[1], &ends.provider) != WEFT_STATUS_OK) return 2;
  gethostname(host, sizeof host - 1);
  ends.node = argc > 2 ? argv[2] : ends.provider == WEFT_FABRICS_PROVIDER_SHM ? host : "127.0.0.1";
  for (size_t i = 0; i != TESTS; ++i) {
    alarm(120); /* a test that hangs ends all of them, and that fails */
    const bool fine =
        kTests[i].alone ? kTests[i].run(&ends) : open_ends(&ends) && kTests[i].run(&ends) && close_ends(&ends);
    printf("%s grains over %s, in C: %s\n", fine ? "ok" : "not ok", argv[1], kTests[i].name);
    fflush(stdout);
    failed += fine ? 0 : 1;
  }
  return failed == 0 ? 0 : 1;
}
