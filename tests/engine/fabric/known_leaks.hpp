#pragma once

// Include once in a test program. libfabric 1.17 keeps 24 bytes for each endpoint that was bound to a queue, and what
// it allocated for a stranger who connects and never speaks. LeakSanitizer asks this function what to leave out.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier): its name
extern "C" const char* __lsan_default_suppressions() { return "leak:libfabric.so"; }  // NOLINT
