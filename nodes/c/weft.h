#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H
/* Weft in C: statuses, errors, versions, instances. <weft/flow.h> has flows, <weft/fabrics.h> targets and initiators.
 *
 * Rules of every function of these headers:
 * - in_ parameters are read during the call only, out_ ones are written on success only, in_out_ ones may be both.
 *   A NULL where a pointer is required is WEFT_ERR_INVALID_ARG.
 * - The caller owns what it passes; what a function gave is given back to the …Free…, …Release… or …Destroy… named
 *   with it. A parent takes its children with it: their handles are stale then.
 * - Handles are checked: a stale one, one destroyed already, one of another kind and a pointer that never was one are
 *   WEFT_ERR_INVALID_ARG. Any thread may use any handle; a call that runs while its handle is destroyed ends in order.
 * - Structs with a structSize are filled by the caller with sizeof of the struct it was compiled with; fields that it
 *   does not have are taken as zero, or not written.
 * - No call blocks longer than its timeoutMs; of those without one docs/c-api.md says which block, and how long. No C++
 *   exception leaves a function. */
#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#define WEFT_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* One for each cause; docs/c-api.md says which function gives which. */
typedef enum weftStatus {
  WEFT_STATUS_OK = 0,
  WEFT_ERR_UNKNOWN = 1,                /* something that is no std::exception was thrown */
  WEFT_ERR_FLOW_NOT_FOUND = 2,         /* the domain has no flow of that name */
  WEFT_ERR_OUT_OF_RANGE_TOO_LATE = 3,  /* overwritten already */
  WEFT_ERR_OUT_OF_RANGE_TOO_EARLY = 4, /* not written yet, or left out */
  WEFT_ERR_INVALID_FLOW_READER = 5,    /* not given: a handle that is no reader is INVALID_ARG */
  WEFT_ERR_INVALID_FLOW_WRITER = 6,    /* not given: a handle that is no writer is INVALID_ARG */
  WEFT_ERR_TIMEOUT = 7,                /* timeoutMs is over, or the call's own bound */
  WEFT_ERR_INVALID_ARG = 8,            /* the call itself was wrong, nothing was done */
  WEFT_ERR_CONFLICT = 9,               /* another writer has the flow */
  WEFT_ERR_PERMISSION_DENIED = 10,     /* files, or a key that was refused */
  WEFT_ERR_FLOW_INVALID = 11,          /* no flow, cut short, or destroyed or replaced meanwhile */

  WEFT_ERR_STRLEN = 1024,    /* the buffer is too small; the size that it needs was written */
  WEFT_ERR_INTERRUPTED,      /* a signal came; call again */
  WEFT_ERR_NO_FABRIC,        /* no such provider, interface or device here */
  WEFT_ERR_INVALID_STATE,    /* not now: not set up, a grain is open, the other layout */
  WEFT_ERR_INTERNAL,         /* a fault of Weft's own */
  WEFT_ERR_NOT_READY,        /* nothing there yet, or work is pending: call again */
  WEFT_ERR_NOT_FOUND,        /* no such target, file or folder */
  WEFT_ERR_EXISTS,           /* there already */
  WEFT_ERR_UNSUPPORTED_OPERATION = 1032,

  WEFT_ERR_ADDRESS_IN_USE = 1100,
  WEFT_ERR_REFUSED,       /* nobody listens there */
  WEFT_ERR_PEER_LOST,     /* a connection was there and ended */
  WEFT_ERR_STALE,         /* what is named is gone: the peer restarted */
  WEFT_ERR_INTEGRITY,     /* bytes that are not what they were */
  WEFT_ERR_NO_MEMORY,     /* memory, descriptors, threads or disk of this host */
  WEFT_ERR_OVERLOADED,    /* a queue is full: try later */
  WEFT_ERR_CANCELLED,     /* taken back before it was done */
  WEFT_ERR_SHUTTING_DOWN, /* what it was called on is being destroyed */
  WEFT_STATUS_IS_INT = 0x7fffffff /* any int may be passed to weftStatusName */
} weftStatus;

/* "WEFT_ERR_STALE"; never NULL, "WEFT_ERR_UNKNOWN" for a value that is none. Any thread. */
WEFT_EXPORT const char* weftStatusName(weftStatus in_status);

/* This thread's last failure in full, with its hint; the empty string when there was none. A call that succeeds leaves
 * it as it is, and so does this one. NULL text: only the size, its NUL included. Too small: WEFT_ERR_STRLEN. */
WEFT_EXPORT weftStatus weftLastError(char* out_text, size_t* in_out_size);
/* The status of that failure, for the functions that give a handle instead of a status. */
WEFT_EXPORT weftStatus weftLastStatus(void);

typedef struct weftVersion {
  size_t structSize;
  uint32_t major, minor, patch;      /* of the library */
  uint32_t protocolMin, protocolMax; /* spoken between nodes */
  char libfabric[32];                /* of the one that runs, "" without any */
} weftVersion;
/* Fills what structSize covers; NULL, or a structSize of 0, does nothing. Any thread. */
WEFT_EXPORT void weftGetVersion(weftVersion* out_version);

typedef struct weftInstance_t* weftInstance;

/* The root of everything else, bound to a domain: the folder that its flows lie in, made (mode 0700) when only its last
 * part is missing. NULL: a private folder of this user's below /dev/shm. Options are a JSON object, or NULL:
 *   "identity": "FILE"   the key file of the nodes that targets start, made when it is not there; with it and a fixed
 *                        address a target info stays valid over a restart. Without: a fresh identity each.
 *   "trust": ["NET"]     networks ("10.0.0.0/8") in which bytes may travel in clear; loopback always may
 * NULL on failure; weftLastStatus tells: INVALID_ARG (an unknown key, not a folder), NOT_FOUND, PERMISSION_DENIED (the
 * default folder is another user's, or open to others), NO_MEMORY. */
WEFT_EXPORT weftInstance weftCreateInstance(const char* in_domain, const char* in_options);
/* With every flow reader, flow writer and fabrics instance of it. */
WEFT_EXPORT weftStatus weftDestroyInstance(weftInstance in_instance);

#ifdef __cplusplus
}
#endif
#endif
