#include <weft/python/courier.hpp>

#include <chrono>
#include <new>
#include <system_error>

#include <weft/python/gil.hpp>
#include <weft/python/python.hpp>

namespace weft::python {
namespace {

constexpr std::size_t kMostRecords = 1024;
// How long the thread leaves things to the next call into Weft: a burst then costs one hold of the GIL.
constexpr auto kPatience = std::chrono::milliseconds(10);

std::atomic<Courier*> the_courier{nullptr};
thread_local int deliveries = 0;  // that will come on this thread

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
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no memory, no thread: the next call has it, if any
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
  if (waiting_.exchange(true, std::memory_order_relaxed) && started_) return;
  if (deliveries != 0) return;
  begin();
  changed_.notify_one();
}

void Courier::start() {
  const std::lock_guard lock(mutex_);
  begin();
}

/// Under the lock.
void Courier::begin() {
  if (started_ || closed_) return;
  thread_ = std::thread([this] { run(); });
  started_ = true;
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
      const GilTaken gil;
      deliver();
    }
    lock.lock();
  }
}

void Courier::deliver() noexcept {
  if (!waiting_.load(std::memory_order_relaxed)) return;  // what this thread has left it sees
  outlasting([this] { hand_over(); });
}

void Courier::hand_over() {
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

/// The thread is not waited for: it may want the GIL, which others would then have too, daemon threads that Weft has
/// just been taken from among them.
void Courier::close() {
  deliver();
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

Courier::Delivery::Delivery() noexcept { ++deliveries; }

Courier::Delivery::~Delivery() {
  if (--deliveries == 0) get().deliver();
}

}  // namespace weft::python
