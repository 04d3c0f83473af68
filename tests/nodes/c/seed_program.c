/* A program written for the functions that Weft's are spelt after. The build puts weft for mxl and WEFT_ for MXL_ and
 * changes nothing else.
 *   seed_program target              prints its info, receives grains and prints each index; ends with grain 9
 *   seed_program initiator INFO      sends grains 0 to 9 */
#include <mxl/fabrics.h>
#include <mxl/mxl.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRAINS = 4, GRAIN_BYTES = 4096, LAST = 9 };

static uint8_t memory[GRAINS][GRAIN_BYTES];

static int failed(const char* step, mxlStatus status) {
  printf("failed %s: %d\n", step, (int)status);
  return 1;
}

static mxlStatus make_regions(mxlRegions* regions) {
  mxlFabricsMemoryRegion buffers[GRAINS];
  for (size_t i = 0; i != GRAINS; ++i) {
    buffers[i].addr = (uintptr_t)memory[i];
    buffers[i].size = GRAIN_BYTES;
    buffers[i].loc.type = MXL_PAYLOAD_LOCATION_HOST_MEMORY;
    buffers[i].loc.deviceId = 0;
  }
  return mxlFabricsRegionsFromUserBuffers(buffers, GRAINS, regions);
}

static int print_info(mxlTargetInfo const info) {
  size_t size = 0;
  mxlStatus status = mxlFabricsTargetInfoToString(info, NULL, &size);
  if (status != MXL_STATUS_OK) return failed("info size", status);
  char* text = malloc(size);
  if (text == NULL) return failed("malloc", MXL_ERR_UNKNOWN);
  status = mxlFabricsTargetInfoToString(info, text, &size);
  if (status == MXL_STATUS_OK) printf("info %s\n", text);
  fflush(stdout);
  free(text);
  return status == MXL_STATUS_OK ? 0 : failed("info", status);
}

static int receive(mxlFabricsTarget target) {
  for (uint64_t index = 0; index != LAST;) {
    mxlStatus status = mxlFabricsTargetTryNewGrain(target, &index);
    if (status == MXL_ERR_NOT_READY) status = mxlFabricsTargetWaitForNewGrain(target, &index, 200);
    if (status == MXL_ERR_NOT_READY) continue;
    if (status != MXL_STATUS_OK) return failed("grain", status);
    const uint8_t* grain = memory[index % GRAINS];
    for (size_t at = 0; at != GRAIN_BYTES; ++at)
      if (grain[at] != (uint8_t)(index + at)) return failed("content", MXL_ERR_UNKNOWN);
    printf("grain %" PRIu64 "\n", index);
    fflush(stdout);
  }
  return 0;
}

static int run_target(mxlFabricsInstance fabrics) {
  mxlFabricsTarget target;
  mxlTargetInfo info;
  mxlRegions regions;
  mxlStatus status = mxlFabricsCreateTarget(fabrics, &target);
  if (status != MXL_STATUS_OK) return failed("create target", status);
  status = make_regions(&regions);
  if (status != MXL_STATUS_OK) return failed("regions", status);
  mxlTargetConfig config = {
      .endpointAddress = {.node = "127.0.0.1", .service = "0"},
      .provider = MXL_SHARING_PROVIDER_TCP,
      .regions = regions,
      .deviceSupport = false,
  };
  status = mxlFabricsTargetSetup(target, &config, &info);
  if (status != MXL_STATUS_OK) return failed("setup", status);
  mxlFabricsRegionsFree(regions);
  int result = print_info(info);
  if (result == 0) result = receive(target);
  mxlFabricsFreeTargetInfo(info);
  status = mxlFabricsDestroyTarget(fabrics, target);
  return status == MXL_STATUS_OK ? result : failed("destroy target", status);
}

static mxlStatus finish(mxlFabricsInitiator initiator) {
  mxlStatus status = mxlFabricsInitiatorMakeProgressNonBlocking(initiator);
  while (status == MXL_ERR_NOT_READY) status = mxlFabricsInitiatorMakeProgressBlocking(initiator, 200);
  return status;
}

static int send_all(mxlFabricsInitiator initiator) {
  for (uint64_t index = 0; index <= LAST; ++index) {
    uint8_t* grain = memory[index % GRAINS];
    for (size_t at = 0; at != GRAIN_BYTES; ++at) grain[at] = (uint8_t)(index + at);
    mxlStatus status = mxlFabricsInitiatorTransferGrain(initiator, index);
    while (status == MXL_ERR_NOT_READY) {
      mxlFabricsInitiatorMakeProgressBlocking(initiator, 10);
      status = mxlFabricsInitiatorTransferGrain(initiator, index);
    }
    if (status != MXL_STATUS_OK) return failed("transfer", status);
    status = finish(initiator);
    if (status != MXL_STATUS_OK) return failed("progress", status);
  }
  puts("sent");
  return 0;
}

static int run_initiator(mxlFabricsInstance fabrics, const char* text) {
  mxlFabricsInitiator initiator;
  mxlTargetInfo info;
  mxlRegions regions;
  mxlStatus status = mxlFabricsCreateInitiator(fabrics, &initiator);
  if (status != MXL_STATUS_OK) return failed("create initiator", status);
  status = make_regions(&regions);
  if (status != MXL_STATUS_OK) return failed("regions", status);
  mxlInitiatorConfig const config = {
      .endpointAddress = {.node = "127.0.0.1", .service = "0"},
      .provider = MXL_SHARING_PROVIDER_TCP,
      .regions = regions,
      .deviceSupport = false,
  };
  status = mxlFabricsInitiatorSetup(initiator, &config);
  if (status != MXL_STATUS_OK) return failed("setup", status);
  status = mxlFabricsTargetInfoFromString(text, &info);
  if (status != MXL_STATUS_OK) return failed("info", status);
  status = mxlFabricsInitiatorAddTarget(initiator, info);
  if (status != MXL_STATUS_OK) return failed("add target", status);
  status = finish(initiator);
  if (status != MXL_STATUS_OK) return failed("connect", status);
  const int result = send_all(initiator);
  status = mxlFabricsInitiatorRemoveTarget(initiator, info);
  if (status != MXL_STATUS_OK) return failed("remove target", status);
  finish(initiator);
  mxlFabricsFreeTargetInfo(info);
  mxlFabricsRegionsFree(regions);
  status = mxlFabricsDestroyInitiator(fabrics, initiator);
  return status == MXL_STATUS_OK ? result : failed("destroy initiator", status);
}

static int provider_round_trip(void) {
  mxlFabricsProvider provider;
  char text[16];
  size_t size = sizeof text;
  mxlStatus status = mxlFabricsProviderFromString("tcp", &provider);
  if (status != MXL_STATUS_OK) return failed("provider", status);
  status = mxlFabricsProviderToString(provider, text, &size);
  return status == MXL_STATUS_OK && strcmp(text, "tcp") == 0 ? 0 : failed("provider text", status);
}

int main(int argc, char** argv) {
  if (argc < 2 || provider_round_trip() != 0) return 2;
  mxlInstance instance = mxlCreateInstance("/dev/shm", NULL);
  mxlFabricsInstance fabrics;
  if (instance == NULL) return failed("instance", MXL_ERR_UNKNOWN);
  mxlStatus status = mxlFabricsCreateInstance(instance, &fabrics);
  if (status != MXL_STATUS_OK) return failed("fabrics instance", status);
  const int result =
      strcmp(argv[1], "target") == 0 ? run_target(fabrics) : run_initiator(fabrics, argc > 2 ? argv[2] : "");
  status = mxlFabricsDestroyInstance(fabrics);
  if (status != MXL_STATUS_OK) return failed("destroy fabrics instance", status);
  status = mxlDestroyInstance(instance);
  return status == MXL_STATUS_OK ? result : failed("destroy instance", status);
}
