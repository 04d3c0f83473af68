#include <weft/python/held.hpp>

#include <atomic>

#include <weft/python/courier.hpp>

namespace weft::python {
namespace {

std::atomic<unsigned> forks{0};

}  // namespace

unsigned fork_count() noexcept { return forks.load(std::memory_order_relaxed); }

void note_fork() noexcept {
  forks.fetch_add(1, std::memory_order_relaxed);
  Courier::renew();
}

// Always by the courier, also on a thread that has the GIL: the engine lets go of things under locks of its own, and
// what an object's end runs may call Weft.
KeepAlive hold(void* thing, void (*drop)(void*)) {
  return {static_cast<const void*>(thing), [drop, born = fork_count()](const void* held) {
            if (born == fork_count()) Courier::get().drop(drop, const_cast<void*>(held));
          }};
}

KeepAlive hold(nb::object object) {
  return hold(object.release().ptr(), [](void* held) { Py_DECREF(static_cast<PyObject*>(held)); });
}

}  // namespace weft::python
