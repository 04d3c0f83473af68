#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/nodes/future.hpp>
#include <weft/nodes/hand_on.hpp>
#include <weft/nodes/tensor.hpp>
#include <weft/python/python.hpp>
#include <weft/python/tensor.hpp>

namespace weft::python {

class Mailbox;

/// A call of the engine's that is under way, whatever it gives. It is resolved by a thread of the engine, which never
/// takes the GIL: it stores the result, wakes who waits, and posts the call to the mailbox of an event loop.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  // Pairs with the release in `finish`: who sees it done sees the result.
  bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  /// Makes progress, or sleeps. Without the GIL. Whether it is done.
  bool wait(TimePoint until);
  /// From now on its end is posted there; false: it is done already.
  bool watch(std::shared_ptr<Mailbox> mailbox);

  /// Without the GIL: it may wait until no write can reach the caller's memory any more.
  virtual void cancel() = 0;
  virtual void ask_cancel() = 0;
  virtual Progress progress() const = 0;
  virtual TransferId id() const = 0;
  /// Once, with the GIL, when it is done: the value for Python. Raises.
  virtual nb::object take() = 0;
  /// When it is done and its value will not be looked at.
  virtual void give_back() = 0;
  /// A value that `take` gave, and that nobody has seen after all. Whether it went back.
  virtual bool put_back(nb::handle value) = 0;
  /// Of a call that is done and not taken yet: whether a push has arrived, or may have.
  virtual bool may_have_arrived() const = 0;

  /// The Transfer that the mailbox's owner keeps for it. With the GIL.
  PyObject* transfer = nullptr;

 protected:
  virtual void drive(TimePoint until) = 0;
  void finish();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Mailbox> mailbox_;
  std::atomic<bool> done_{false};
};

/// `Convert` makes a Python object of a T, with the GIL.
template <class T, class Convert>
class CallOf final : public Call {
 public:
  CallOf(Convert convert, KeepAlive memory) : convert_(std::move(convert)), memory_(std::move(memory)) {}

  void start(Future<T> future) {
    auto self = std::static_pointer_cast<CallOf>(shared_from_this());
    rest_ = detail::HandedOn<T>(std::move(future), [self = std::move(self)](Result<T> result) {
      self->result_.emplace(std::move(result));
      self->memory_.reset();
      self->finish();
    });
  }

  void cancel() override { rest_.cancel(); }
  void ask_cancel() override { rest_.ask_cancel(); }
  Progress progress() const override { return rest_.progress(); }
  TransferId id() const override { return rest_.id(); }
  nb::object take() override {
    auto result = std::exchange(result_, std::nullopt);
    return convert_(std::move(*result));
  }
  void give_back() override {
    auto result = std::exchange(result_, std::nullopt);
    if constexpr (!std::is_void_v<T>)
      if (result && *result) rest_.give_back(std::move(**result));
  }
  bool put_back(nb::handle value) override {
    if constexpr (std::is_same_v<T, Tensor>) {
      const PyTensor* const tensor = rest_.takes_back() ? tensor_in(value) : nullptr;
      if (tensor != nullptr) rest_.give_back(tensor->tensor.share());
      return tensor != nullptr;
    }
    return false;
  }
  bool may_have_arrived() const override {
    if (!result_) return false;
    return *result_ ? std::is_same_v<T, Receipt> : result_->error().may_have_arrived();
  }

 private:
  void drive(TimePoint until) override {
    rest_.drive([this] { return done(); }, until);
  }

  Convert convert_;
  KeepAlive memory_;  ///< what the engine reads or writes until the end
  std::optional<Result<T>> result_;
  detail::HandedOn<T> rest_;
};

template <class T, class Convert>
std::shared_ptr<Call> make_call(Future<T> future, Convert convert, KeepAlive memory = {}) {
  auto call = std::make_shared<CallOf<T, Convert>>(std::move(convert), std::move(memory));
  call->start(std::move(future));
  return call;
}

}  // namespace weft::python
