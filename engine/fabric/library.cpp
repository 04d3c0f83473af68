#include <weft/fabric/library.hpp>

#include <dlfcn.h>
#include <fmt/format.h>
#include <rdma/fabric.h>
#include <rdma/fi_ext.h>
#include <signal.h>

#include <array>

namespace weft::fabric {
namespace {

/// Puts back every signal disposition that changed while it lived.
class SignalGuard {
 public:
  SignalGuard() {
    for (int number = 1; number < kSignals; ++number) known_[number] = sigaction(number, nullptr, &saved_[number]) == 0;
  }
  ~SignalGuard() {
    for (int number = 1; number < kSignals; ++number)
      if (known_[number]) sigaction(number, &saved_[number], nullptr);
  }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  static constexpr int kSignals = 32;
  std::array<struct sigaction, kSignals> saved_{};
  std::array<bool, kSignals> known_{};
};

std::unexpected<Error> missing(std::string what) {
  return fail(Error{ErrorClass::kUnsupported, "dlopen", std::move(what)}.with_hint(
      "install libfabric 1.17 or newer (Debian: libfabric1)"));
}

Result<Library> load() {
  SignalGuard guard;
  void* handle = dlopen("libfabric.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* text = dlerror();
    return missing(text != nullptr ? text : "libfabric.so.1 cannot be opened");
  }
  Library library{};
  bool complete = true;
  auto resolve = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    complete = complete && function != nullptr;
  };
  resolve(library.getinfo, "fi_getinfo");
  resolve(library.freeinfo, "fi_freeinfo");
  resolve(library.dupinfo, "fi_dupinfo");
  resolve(library.fabric, "fi_fabric");
  resolve(library.version, "fi_version");
  resolve(library.strerror, "fi_strerror");
  resolve(library.tostr, "fi_tostr");
  resolve(library.open_fid, "fi_open");
  if (!complete) return missing("libfabric.so.1 lacks a function");
  const std::uint32_t version = library.version();
  if (version < FI_VERSION(1, 17))
    return missing(fmt::format("libfabric {}.{} is too old", FI_MAJOR(version), FI_MINOR(version)));
  // The first query loads the provider plugins, which may take signals as well: it happens under the guard.
  fi_info* found = nullptr;
  if (library.getinfo(FI_VERSION(1, 17), nullptr, nullptr, FI_PROV_ATTR_ONLY, nullptr, &found) == 0)
    library.freeinfo(found);
  return library;
}

/// A monitor of memory that is taken back as soon as it was given: from then on there is none that could be started,
/// and a domain without a monitor has no cache. The calls are libfabric's own way to bring a monitor (fi_mr_cache).
Result<void> stop_cache(const Library& library) {
  fid* cache = nullptr;
  if (const int code = library.open_fid(FI_VERSION(1, 17), "mr_cache", nullptr, 0, 0, &cache, nullptr); code != 0)
    return fail(
        Error{ErrorClass::kUnsupported, "fi_open", "libfabric does not let its registration cache be turned off"}
            .with_native(-code, library.strerror(-code)));
  fi_ops_mem_monitor calls{};
  calls.size = sizeof calls;
  fid_mem_monitor monitor{};
  monitor.fid.fclass = FI_CLASS_MEM_MONITOR;
  monitor.export_ops = &calls;
  const int code = fi_import_fid(cache, &monitor.fid, 0);
  if (code == 0) fi_close(&monitor.fid);
  fi_close(cache);
  if (code == 0) return {};
  return fail(Error{ErrorClass::kUnsupported, "fi_import_fid",
                    "another user of libfabric in this process has its registration cache at work"}
                  .with_native(-code, library.strerror(-code))
                  .with_hint("start with FI_MR_CACHE_MAX_COUNT=0 in the environment"));
}

}  // namespace

Result<void> Library::stop_registration_cache() const {
  static const Result<void> stopped = stop_cache(*this);
  if (!stopped) return fail(stopped.error());
  return {};
}

Result<const Library*> Library::open() {
  static const Result<Library> loaded = load();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

}  // namespace weft::fabric
