/* What a user's first C program looks like to the build: headers as installed, one library, a C compiler. */
#include <stdio.h>

#include <weft/fabrics.h>
#include <weft/flow.h>

int main(void) {
  weftVersion version = {.structSize = sizeof version};
  weftGetVersion(&version);
  weftInstance instance = weftCreateInstance(NULL, NULL);
  if (instance == NULL || version.protocolMax == 0) return 1;
  weftFlowReader reader = NULL;
  puts(weftStatusName(weftCreateFlowReader(instance, "no-such-flow", NULL, &reader)));
  return weftDestroyInstance(instance) == WEFT_STATUS_OK ? 0 : 1;
}
