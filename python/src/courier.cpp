#include <weft/python/courier.hpp>

#include <atomic>
#include <chrono>
#include <new>

#include <weft/python/python.hpp>

namespace weft::python {
namespace {

constexpr std::size_t kMostRecords = 1024;
// How long the thread leaves things to the next call into Weft: a burst then costs one hold of the GIL.
constexpr auto kPatience = std::chrono::milliseconds(10);

std::atomic<Courier*> the_courier{nullptr};

}  // namespace

Courier& Courier::get() {
  Courier* courier = the_courier.load(std::memory_order_acquire);  // pairs with the exchange below
  if (courier != nullptr) return *courier;
  // Never destroyed: threads of a node that is going may come late.
  auto* const fresh = new Courier();
  if (the_courier.compare_exchange_strong(courier, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;
  return *courier;
}

void Courier::renew() { the_courier.store(new Courier(), std::memory_order_release); }

void Courier::drop(Drop drop, void* object) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    drops_.emplace_back(drop, object);
    wake();
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): then it is leaked, as it is after `close`
  }
}

void Courier::log(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  Record record{.level = level, .message = std::string(message)};
  for (const LogField& field : fields) record.fields.emplace_back(field.key, field.value);
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  if (records_.size() < kMostRecords)
    records_.push_back(std::move(record));
  else
    ++lost_;
  wake();
}

/// Under the lock.
void Courier::wake() {
  if (std::exchange(waiting_, true)) return;
  changed_.notify_one();
}

void Courier::start() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(started_, true) || closed_) return;
  thread_ = std::thread([this] { run(); });
}

void Courier::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return waiting_ || closed_; });
    if (closed_) return;
    changed_.wait_for(lock, kPatience, [this] { return closed_; });
    if (closed_ || !waiting_) continue;
    lock.unlock();
    {
      const nb::gil_scoped_acquire gil;
      deliver();
    }
    lock.lock();
  }
}

void Courier::deliver() {
  std::vector<std::pair<Drop, void*>> drops;
  std::vector<Record> records;
  std::uint64_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_) return;
    waiting_ = false;
    drops.swap(drops_);
    records.swap(records_);
    lost = std::exchange(lost_, 0);
  }
  const ErrorAside aside;
  for (const auto& [drop, object] : drops) drop(object);
  if (records.empty()) return;
  try {
    const nb::object emit = nb::module_::import_("weft._log").attr("emit");
    for (const Record& record : records) {
      nb::dict fields;
      for (const auto& [key, value] : record.fields) fields[key.c_str()] = text(value);
      emit(static_cast<int>(record.level), text(record.message), fields);
    }
    if (lost != 0) emit(static_cast<int>(LogLevel::kWarn), "log records were lost", nb::dict());
  } catch (nb::python_error& error) {
    error.discard_as_unraisable("weft's log");
  }
}

void Courier::close() {
  deliver();
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  const nb::gil_scoped_release released;  // the thread may be waiting for the GIL
  if (thread_.joinable()) thread_.join();
}

}  // namespace weft::python
