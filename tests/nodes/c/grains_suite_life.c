/* Of grains_suite: how it begins and ends for targets and initiators: processes, removal, closing, restarts, refusals.
 */
#include "grains_suite.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* The child of the first test: told the info by a pipe, as text. */

static bool send_from_here(Ends* ends, const char* text, uint64_t count) {
  Ring ring;
  weftTargetInfo info = NULL;
  weftFabricsInitiator initiator = NULL;
  weftFabricsResult result;
  CHECK(open_ends(ends));
  CHECK(make_ring(&ring, 4, BYTES));
  OK(weftFabricsTargetInfoFromString(text, &info));
  CHECK(make_initiator(ends, ring.regions, NULL, &initiator));
  OK(weftFabricsInitiatorAddTarget(initiator, info));
  CHECK(settle(initiator));
  for (uint64_t index = 0; index != count; ++index) {
    fill(&ring, index);
    OK(weftFabricsInitiatorTransferGrain(initiator, index));
    CHECK(settle(initiator));
    CHECK(next_result(initiator, &result));
    CHECK(result.status == WEFT_STATUS_OK);
    CHECK(result.index == index);
  }
  OK(weftFabricsFreeTargetInfo(info));
  CHECK(close_ends(ends));
  return free_ring(&ring);
}

static int run_sender(Ends* ends, int from, uint64_t count) {
  char text[16384];
  size_t size = 0;
  ssize_t got = 0;
  while (size != sizeof text - 1 && (got = read(from, text + size, sizeof text - 1 - size)) > 0) size += (size_t)got;
  text[size] = '\0';
  return send_from_here(ends, text, count) ? 0 : 1;
}

static bool receive_from(Ends* ends, int to, pid_t sender, uint64_t count) {
  Ring ring;
  weftFabricsTarget target = NULL;
  weftTargetInfo info = NULL;
  int status = -1;
  CHECK(open_ends(ends));
  CHECK(make_ring(&ring, 4, BYTES));
  CHECK(make_target(ends, ring.regions, NULL, &target, &info));
  char* text = text_of(info);
  CHECK(text != NULL);
  CHECK(write(to, text, strlen(text)) == (ssize_t)strlen(text));
  CHECK(close(to) == 0);
  free(text);
  for (uint64_t index = 0; index != count; ++index) CHECK(read_grain(target, index, BYTES));
  OK(weftFabricsTargetReleaseGrain(target, count - 1));
  CHECK(waitpid(sender, &status, 0) == sender);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  OK(weftFabricsFreeTargetInfo(info));
  CHECK(close_ends(ends));
  return free_ring(&ring);
}

/* Before this process has threads, which a fork would lose. */
bool two_processes(Ends* ends) {
  const uint64_t count = 20;
  int words[2];
  CHECK(pipe(words) == 0);
  fflush(stdout);
  const pid_t sender = fork();
  CHECK(sender >= 0);
  if (sender == 0) {
    close(words[1]);
    const int status = run_sender(ends, words[0], count);
    fflush(stdout);
    _exit(status);
  }
  close(words[0]);
  const bool received = receive_from(ends, words[1], sender, count);
  if (!received) kill(sender, SIGKILL);
  return received;
}

/* Connects, and leaves grains 0 to `count` under way to a target that reads none. */
static bool start_to_send(weftFabricsInitiator initiator, weftTargetInfo info, uint64_t count) {
  OK(weftFabricsInitiatorAddTarget(initiator, info));
  CHECK(settle(initiator));
  for (uint64_t index = 0; index != count; ++index) OK(weftFabricsInitiatorTransferGrain(initiator, index));
  CHECK_STATUS(weftFabricsInitiatorMakeProgressNonBlocking(initiator), WEFT_ERR_NOT_READY);
  return true;
}

/* How many grains arrived, and of how many that is not known. */
typedef struct Told {
  unsigned arrived, unsure;
} Told;

/* The results of grains 0 to `count`, each told once. */
static bool take_results(weftFabricsInitiator initiator, unsigned count, Told* all) {
  bool told[100] = {false};
  weftFabricsResult result;
  CHECK(count <= sizeof told / sizeof *told);
  for (unsigned i = 0; i != count; ++i) {
    CHECK(next_result(initiator, &result));
    CHECK(result.index < count && !told[result.index]);
    told[result.index] = true;
    all->arrived += result.status == WEFT_STATUS_OK ? 1 : 0;
    all->unsure += result.mayHaveArrived ? 1 : 0;
  }
  return true;
}

/* `count` grains under way to a ring of four that nobody reads, which then ends in one way or the other. */
static bool end_with_grains_under_way(Ends* ends, bool destroyed) {
  enum { COUNT = 100, SLOTS = 4 };
  Ring in, out;
  weftFabricsTarget target = NULL;
  weftTargetInfo info = NULL;
  weftFabricsInitiator initiator = NULL;
  weftFabricsResult result = {.structSize = sizeof result};
  uint64_t index = 0;
  unsigned there = 0;
  Told told = {0};
  CHECK(make_ring(&in, SLOTS, BYTES) && make_ring(&out, SLOTS, BYTES));
  CHECK(make_target(ends, in.regions, NULL, &target, &info));
  CHECK(make_initiator(ends, out.regions, NULL, &initiator));
  CHECK(start_to_send(initiator, info, COUNT));
  if (destroyed) OK(weftFabricsDestroyTarget(ends->fabrics, target));
  OK(weftFabricsInitiatorRemoveTarget(initiator, info));
  CHECK(settle(initiator));
  CHECK(take_results(initiator, COUNT, &told));
  CHECK_STATUS(weftFabricsInitiatorNextResult(initiator, &result), WEFT_ERR_NOT_READY);
  CHECK(told.arrived + told.unsure <= SLOTS);
  if (!destroyed) {
    /* A result says that the bytes lie there; the target's own thread tells of them after that. */
    for (; there != told.arrived; ++there) OK(weftFabricsTargetWaitForNewGrain(target, &index, SUITE_MS));
    while (weftFabricsTargetTryNewGrain(target, &index) == WEFT_STATUS_OK) ++there;
    CHECK(there <= told.arrived + told.unsure);
    OK(weftFabricsDestroyTarget(ends->fabrics, target));
  }
  OK(weftFabricsDestroyInitiator(ends->fabrics, initiator));
  OK(weftFabricsFreeTargetInfo(info));
  return free_ring(&in) && free_ring(&out);
}
bool removal(Ends* ends) { return end_with_grains_under_way(ends, false); }
bool closing(Ends* ends) { return end_with_grains_under_way(ends, true); }

/* The child: a target that reads nothing, until it is killed. */
static bool expose(Ends* ends, int to) {
  Ring ring;
  weftFabricsTarget target = NULL;
  weftTargetInfo info = NULL;
  CHECK(open_instance(ends));
  CHECK(make_ring(&ring, 2, BYTES));
  CHECK(make_target(ends, ring.regions, NULL, &target, &info));
  char* text = text_of(info);
  CHECK(text != NULL && write(to, text, strlen(text) + 1) == (ssize_t)strlen(text) + 1);
  while (true) pause();
}

static bool send_to_one_that_dies(Ends* ends, int from, pid_t receiver) {
  enum { COUNT = 10, SLOTS = 2 };
  Ring ring;
  weftTargetInfo info = NULL;
  weftFabricsInitiator initiator = NULL;
  Told told = {0};
  char text[16384] = "";
  for (size_t size = 0; size == 0 || text[size - 1] != '\0';) {
    const ssize_t got = read(from, text + size, sizeof text - size);
    CHECK(got > 0);
    size += (size_t)got;
  }
  CHECK(open_instance(ends));
  CHECK(make_ring(&ring, 4, BYTES));
  OK(weftFabricsTargetInfoFromString(text, &info));
  CHECK(make_initiator(ends, ring.regions, NULL, &initiator));
  CHECK(start_to_send(initiator, info, COUNT));
  CHECK(kill(receiver, SIGKILL) == 0 && waitpid(receiver, NULL, 0) == receiver);
  CHECK(settle(initiator));
  CHECK(take_results(initiator, COUNT, &told));
  CHECK(told.arrived + told.unsure <= SLOTS);
  /* It was not removed: it is being connected again, and that is not waited for. */
  while (weftFabricsInitiatorTransferGrain(initiator, COUNT) != WEFT_ERR_NOT_READY) poll(NULL, 0, 1);
  OK(weftFabricsInitiatorMakeProgressBlocking(initiator, SUITE_MS));
  OK(weftFabricsInitiatorMakeProgressNonBlocking(initiator));
  OK(weftFabricsFreeTargetInfo(info));
  CHECK(close_instance(ends));
  return free_ring(&ring);
}

bool killed(Ends* ends) {
  int words[2];
  char socket[64];
  strcpy(ends->domain, "/tmp/weft-suite-XXXXXX");
  CHECK(mkdtemp(ends->domain) != NULL && pipe(words) == 0);
  fflush(stdout);
  const pid_t receiver = fork();
  CHECK(receiver >= 0);
  if (receiver == 0) {
    expose(ends, words[1]);
    fflush(stdout);
    _exit(1);
  }
  close(words[1]);
  const bool sent = send_to_one_that_dies(ends, words[0], receiver);
  if (!sent) kill(receiver, SIGKILL);
  close(words[0]);
  DIR* const left = opendir(ends->domain); /* of shm, the socket of the one that died */
  CHECK(left != NULL);
  for (const struct dirent* entry = readdir(left); entry != NULL; entry = readdir(left)) {
    if (entry->d_name[0] == '.' || strlen(entry->d_name) > 30) continue;
    snprintf(socket, sizeof socket, "%s/%.30s", ends->domain, entry->d_name);
    unlink(socket);
  }
  closedir(left);
  CHECK(rmdir(ends->domain) == 0);
  return sent;
}

/* A service that nobody has: a name of a socket, or a port, of those that the kernel gives to nobody by itself. */
static bool free_service(const Ends* ends, char text[8]) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  strcpy(text, "studio");
  if (ends->provider == WEFT_FABRICS_PROVIDER_SHM) return true;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0 && inet_pton(AF_INET, ends->node, &address.sin_addr) == 1);
  unsigned port = 16384 + (unsigned)getpid() % 8192;
  for (unsigned tries = 0;; ++tries, ++port) {
    CHECK(tries != 1000);
    address.sin_port = htons((uint16_t)port);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) == 0) break;
  }
  CHECK(close(fd) == 0);
  snprintf(text, 8, "%u", port);
  return true;
}

bool restart(Ends* ends) {
  Ring in, out;
  weftFabricsTarget target = NULL;
  weftTargetInfo info = NULL, later = NULL;
  weftFabricsInitiator initiator = NULL;
  char service[8], options[96], identity[48];
  CHECK(make_ring(&in, 2, BYTES) && make_ring(&out, 2, BYTES));
  CHECK(free_service(ends, service));
  snprintf(identity, sizeof identity, "%s/identity", ends->domain);
  snprintf(options, sizeof options, "{\"identity\": \"%s\", \"ring\": \"video\"}", identity);
  OK(weftFabricsCreateTarget(ends->fabrics, &target));
  OK(set_up_target(ends, target, in.regions, service, options, &info));
  CHECK(make_initiator(ends, out.regions, NULL, &initiator));
  OK(weftFabricsInitiatorAddTarget(initiator, info));
  CHECK(settle(initiator));
  OK(weftFabricsDestroyTarget(ends->fabrics, target));
  OK(weftFabricsCreateTarget(ends->fabrics, &target));
  OK(set_up_target(ends, target, in.regions, service, options, &later));
  char *before = text_of(info), *after = text_of(later);
  CHECK(before != NULL && after != NULL && strcmp(before, after) == 0);
  free(before);
  free(after);
  fill(&out, 1);
  weftStatus status = weftFabricsInitiatorTransferGrain(initiator, 1);
  while (status == WEFT_ERR_NOT_READY) {
    poll(NULL, 0, 10);
    status = weftFabricsInitiatorTransferGrain(initiator, 1);
  }
  OK(status);
  /* One that went to the ring that is gone is told so, and goes again. */
  uint64_t index = 0;
  while (weftFabricsTargetReadGrain(target, 500, &index) == WEFT_ERR_NOT_READY)
    weftFabricsInitiatorTransferGrain(initiator, 1);
  CHECK(index == 1 && memcmp(in.memory + BYTES, out.memory + BYTES, BYTES) == 0);
  OK(weftFabricsDestroyInitiator(ends->fabrics, initiator));
  OK(weftFabricsDestroyTarget(ends->fabrics, target));
  OK(weftFabricsFreeTargetInfo(info));
  OK(weftFabricsFreeTargetInfo(later));
  CHECK(unlink(identity) == 0);
  return free_ring(&in) && free_ring(&out);
}

bool errors(Ends* ends) {
  const bool shm = ends->provider == WEFT_FABRICS_PROVIDER_SHM;
  Ring in, out, smaller;
  weftFabricsTarget target = NULL, second = NULL;
  weftTargetInfo info = NULL, none = NULL;
  weftFabricsInitiator initiator = NULL, odd = NULL;
  weftFabricsInstance other = NULL;
  char service[8];
  CHECK(make_ring(&in, 2, BYTES) && make_ring(&out, 2, BYTES) && make_ring(&smaller, 2, BYTES / 2));
  CHECK(free_service(ends, service));
  OK(weftFabricsCreateTarget(ends->fabrics, &target));
  OK(set_up_target(ends, target, in.regions, service, NULL, &info));

  /* addresses */
  OK(weftFabricsCreateInstance(ends->instance, &other));
  OK(weftFabricsCreateTarget(other, &second));
  CHECK_STATUS(set_up_target(ends, second, in.regions, service, NULL, &none), WEFT_ERR_ADDRESS_IN_USE);
  CHECK_STATUS(set_up_target(ends, second, in.regions, "no/service", NULL, &none), WEFT_ERR_INVALID_ARG);
  Ends elsewhere = *ends;
  elsewhere.node = "192.0.2.1"; /* nobody's */
  CHECK_STATUS(set_up_target(&elsewhere, second, in.regions, NULL, NULL, &none),
               shm ? WEFT_ERR_INVALID_ARG : WEFT_ERR_NO_FABRIC);
  elsewhere.node = NULL;
  CHECK_STATUS(set_up_target(&elsewhere, second, in.regions, service, NULL, &none), WEFT_ERR_INVALID_ARG);
  CHECK_STATUS(set_up_target(ends, second, in.regions, NULL, "{\"cqDepth\": 0}", &none), WEFT_ERR_INVALID_ARG);
  OK(weftFabricsDestroyInstance(other));

  /* shapes, and the other end's provider */
  CHECK(make_initiator(ends, smaller.regions, NULL, &odd));
  CHECK_STATUS(weftFabricsInitiatorAddTarget(odd, info), WEFT_ERR_INVALID_ARG);
  CHECK(make_initiator(ends, out.regions, "{\"slices\": 2}", &odd));
  CHECK_STATUS(weftFabricsInitiatorAddTarget(odd, info), WEFT_ERR_INVALID_ARG);
  elsewhere = *ends;
  elsewhere.provider = shm ? WEFT_FABRICS_PROVIDER_TCP : WEFT_FABRICS_PROVIDER_SHM;
  elsewhere.node = NULL;
  CHECK(make_initiator(&elsewhere, out.regions, NULL, &odd));
  CHECK_STATUS(weftFabricsInitiatorAddTarget(odd, info), WEFT_ERR_INVALID_ARG);

  /* what is not set up, not there, or over */
  OK(weftFabricsCreateInitiator(ends->fabrics, &initiator));
  CHECK_STATUS(weftFabricsInitiatorAddTarget(initiator, info), WEFT_ERR_INVALID_STATE);
  CHECK_STATUS(weftFabricsInitiatorTransferGrain(initiator, 0), WEFT_ERR_INVALID_STATE);
  OK(weftFabricsDestroyTarget(ends->fabrics, target));
  CHECK_STATUS(weftFabricsDestroyTarget(ends->fabrics, target), WEFT_ERR_INVALID_ARG);
  CHECK(make_initiator(ends, out.regions, NULL, &initiator));
  OK(weftFabricsInitiatorAddTarget(initiator, info));
  CHECK_STATUS(weftFabricsInitiatorMakeProgressBlocking(initiator, 200), WEFT_ERR_NOT_READY);
  CHECK_STATUS(weftFabricsInitiatorTransferGrain(initiator, 0), WEFT_ERR_NOT_READY);
  char text[1024]; /* what stands in the way */
  size_t size = sizeof text;
  OK(weftLastError(text, &size));
  CHECK(strstr(text, ends->provider == WEFT_FABRICS_PROVIDER_ANY ? "has no target" : "was not reached") != NULL);
  OK(weftFabricsInitiatorRemoveTarget(initiator, info));
  OK(weftFabricsFreeTargetInfo(info));
  CHECK_STATUS(weftFabricsTargetInfoFromString("AAAA", &info), WEFT_ERR_INVALID_ARG);
  OK(weftFabricsDestroyInstance(ends->fabrics));
  OK(weftFabricsCreateInstance(ends->instance, &ends->fabrics));
  return free_ring(&in) && free_ring(&out) && free_ring(&smaller);
}
