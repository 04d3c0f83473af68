#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/base/result.hpp>

struct fi_info;
struct fi_fabric_attr;
struct fid;
struct fid_fabric;

namespace weft::fabric {

/// The functions that libfabric exports; all others are inline calls through its objects. Private to engine/fabric.
///
/// It is opened at its first use and not linked. Debian's build pulls in libpsm, whose constructor takes SIGSEGV,
/// SIGBUS, SIGABRT, SIGILL, SIGINT and SIGTERM while it loads: opened by us, the handlers of the process can be put
/// back. It also makes libfabric optional: without it a node still has its other lanes.
/// Loaded code belongs to the process, so this is the one thing in the component that exists once. It is never closed.
struct Library {
  int (*getinfo)(std::uint32_t version, const char* node, const char* service, std::uint64_t flags,
                 const fi_info* hints, fi_info** info);
  void (*freeinfo)(fi_info* info);
  fi_info* (*dupinfo)(const fi_info* info);
  int (*fabric)(fi_fabric_attr* attr, fid_fabric** fabric, void* context);
  std::uint32_t (*version)();
  const char* (*strerror)(int code);
  char* (*tostr)(const void* data, int type);
  int (*open_fid)(std::uint32_t version, const char* name, void* attributes, std::size_t size, std::uint64_t flags,
                  fid** opened, void* context);

  /// Unsupported when libfabric is not installed, or is older than 1.17. Any thread.
  static Result<const Library*> open();

  /// Turns libfabric's cache of registrations off for the domains that this process opens from now on. With it verbs
  /// registers everything for remote writing and reading, what is only sent from too, and goes on doing so after
  /// fi_close: any peer that guesses a key could write where it was granted nothing. Unsupported where another user of
  /// libfabric in this process has it at work. Any thread.
  Result<void> stop_registration_cache() const;
};

}  // namespace weft::fabric
