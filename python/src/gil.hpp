#pragma once

#include <cxxabi.h>

#include <weft/python/python.hpp>

/// The GIL, and what an interpreter that ends does to threads that want it: before Python 3.14 it ends them, daemon
/// threads and ours, by an unwinding (pthread_exit) that passes no noexcept frame, and that would drop references
/// without the GIL on its way. Here such a thread stays where it is until the process has ended, as it does in newer
/// Pythons.
namespace weft::python {

/// For ever.
[[noreturn]] void park() noexcept;

/// What may take the GIL, or run Python's code, where no unwinding may pass.
template <class Work>
void outlasting(Work&& work) {
  try {
    std::forward<Work>(work)();
  } catch (const abi::__forced_unwind&) {
    park();
  }
}

/// For as long as it lives others have the GIL.
class GilReleased {
 public:
  GilReleased() noexcept : state_(PyEval_SaveThread()) {}
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;
  ~GilReleased() {
    outlasting([this] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

/// For as long as it lives a thread that Python may not know has the GIL.
class GilTaken {
 public:
  GilTaken() noexcept {
    outlasting([this] { state_ = PyGILState_Ensure(); });
  }
  GilTaken(const GilTaken&) = delete;
  GilTaken& operator=(const GilTaken&) = delete;
  ~GilTaken() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_{};
};

/// Calls Python's code, with nothing on the way that an unwinding would have to drop.
nb::object call(nb::handle function, nb::handle arguments);

}  // namespace weft::python
