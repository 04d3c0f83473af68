#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <weft/base/log.hpp>

namespace weft::python {

/// What threads of the engine leave for Python: references to drop, log records. No such thread ever takes the GIL: it
/// leaves things here, and a thread of Python's own delivers them, at the next call into Weft or, where there is none,
/// from the courier's thread, which begins when there is something for it. After `close` things are leaked: the
/// interpreter is going.
class Courier {
 public:
  using Drop = void (*)(void*);

  /// The process's own; after a fork, the child's own.
  static Courier& get();
  /// In a fork's child: the parent's is left as it is, its lock may be held and its thread is not here.
  static void renew();

  /// `drop(object)` will be called with the GIL. Any thread.
  void drop(Drop drop, void* object) noexcept;
  /// Records beyond 1 024 that wait are counted and told as one. Any thread.
  void log(LogLevel level, std::string_view message, std::span<const LogField> fields);
  /// Begins to deliver by itself. With the GIL, as what is below.
  void start();
  void deliver() noexcept;
  void close();

  /// Delivers at its end; what its thread leaves meanwhile wakes nobody. With the GIL, and no lock of the engine's.
  class Delivery {
   public:
    Delivery() noexcept;
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;
    ~Delivery();
  };

 private:
  struct Record {
    LogLevel level{};
    std::string message{};
    std::vector<std::pair<std::string, std::string>> fields{};
  };
  void run();
  void wake();
  void begin();
  void hand_over();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Drop, void*>> drops_;
  std::vector<Record> records_;
  std::uint64_t lost_ = 0;
  std::atomic<bool> waiting_{false};  ///< something is there
  bool started_ = false, closed_ = false;
  std::thread thread_;
};

}  // namespace weft::python
