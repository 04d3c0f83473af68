#include <weft/actors/supervisor.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include <weft/actors/caf.hpp>
#include <weft/actors/callback_queue.hpp>
#include <weft/actors/guarded.hpp>

namespace weft::actors {

/// A job on its way to a worker actor. Messages must be copyable, jobs are not: so it is shared, and run once.
struct JobMessage {
  std::shared_ptr<Worker::Job> job;
};

/// Tells the callbacks' actor to serve its queue until that ends.
struct ServeCallbacks {
  CallbackQueue* queue = nullptr;
};

/// Tells the endpoint actor to run its loop until it is stopped.
struct RunLoop {
  Loop* loop = nullptr;
  std::atomic<std::thread::id>* thread = nullptr;
};

}  // namespace weft::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weft::actors::JobMessage)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weft::actors::ServeCallbacks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weft::actors::RunLoop)

namespace weft::actors {
namespace {

caf::behavior worker_behavior(caf::event_based_actor*, std::atomic<std::thread::id>* thread, const LogSink* log) {
  return {[thread, log](const JobMessage& message) {
    thread->store(std::this_thread::get_id(), std::memory_order_relaxed);
    // An exception that reached CAF would end the actor, and with it every later job, in silence.
    run_guarded(*log, "job", *message.job);
    *message.job = nullptr;
  }};
}

caf::behavior callbacks_behavior(caf::event_based_actor*) {
  return {[](const ServeCallbacks& message) { message.queue->serve(); }};
}

caf::behavior endpoint_behavior(caf::event_based_actor*) {
  return {[](const RunLoop& message) {
    message.thread->store(std::this_thread::get_id(), std::memory_order_relaxed);
    message.loop->run();
  }};
}

/// Behind what it was sent before; returns when it has ended.
void end(caf::actor_system& system, caf::actor& actor) {
  if (!actor) return;
  const caf::scoped_actor self(system);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  self->wait_for(std::exchange(actor, nullptr));
}

class ActorWorker final : public Worker {
 public:
  ActorWorker(caf::actor_system& system, const LogSink& log)
      : actor_(system.spawn<caf::detached>(worker_behavior, &thread_, &log)) {}
  void run(Job job) override { caf::anon_send(actor_, JobMessage{std::make_shared<Job>(std::move(job))}); }
  bool is_this_thread() const { return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id(); }
  void stop(caf::actor_system& system) { end(system, actor_); }

 private:
  std::atomic<std::thread::id> thread_{};
  caf::actor actor_;
};

}  // namespace

namespace {

/// CAF leaves a reference to the system's logger in every thread that makes a system, spawns an actor or waits for one,
/// and the system's end waits for all of them: it would wait for ever for the one of another thread.
struct ForgetLogger {
  ForgetLogger() = default;
  ForgetLogger(const ForgetLogger&) = delete;
  ForgetLogger& operator=(const ForgetLogger&) = delete;
  ~ForgetLogger() { caf::logger::set_current_actor_system(nullptr); }
};

}  // namespace

struct Supervisor::State {
  LogSink log{};
  caf::actor_system_config config{};
  std::unique_ptr<caf::actor_system> system{};
  std::unique_ptr<ActorWorker> worker{};
  std::unique_ptr<ActorWorker> names{};
  std::unique_ptr<CallbackQueue> callbacks{};
  caf::actor caller{};  // of the callbacks
  caf::actor endpoint{};
  std::atomic<std::thread::id> endpoint_thread{};
  Loop* loop = nullptr;
  bool stopped = false;
};

Result<std::unique_ptr<Supervisor>> Supervisor::start(LogSink log) {
  const ForgetLogger forget;
  auto state = std::make_unique<State>();
  state->log = std::move(log);
  try {
    // Every actor of ours has a thread of its own, so the scheduler needs no more than one that sleeps.
    state->config.set("scheduler.max-threads", std::size_t{1});
#if CAF_VERSION < 1800
    // Nothing runs there: all actors are detached. It need not look a hundred times a second.
    state->config.set("work-stealing.relaxed-sleep-duration", caf::timespan{std::chrono::seconds(1)});
#endif
    state->system = std::make_unique<caf::actor_system>(state->config);
    state->worker = std::make_unique<ActorWorker>(*state->system, state->log);
    state->names = std::make_unique<ActorWorker>(*state->system, state->log);
    state->callbacks = std::make_unique<CallbackQueue>(state->log);
    state->caller = state->system->spawn<caf::detached>(callbacks_behavior);
  } catch (const std::system_error& error) {
    return fail(Error(ErrorClass::kResourceExhausted, "start", "no threads for a node's actors")
                    .with_native(error.code().value(), error.code().message())
                    .with_hint("raise the limit of processes: ulimit -u"));
  } catch (const std::exception& error) {
    return fail(ErrorClass::kInternal, "start", error.what());
  }
  return std::unique_ptr<Supervisor>(new Supervisor(std::move(state)));
}

Supervisor::Supervisor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Supervisor::~Supervisor() { stop(); }

Worker& Supervisor::worker() noexcept { return *state_->worker; }
Worker& Supervisor::names() noexcept { return *state_->names; }
Worker& Supervisor::callbacks() noexcept { return *state_->callbacks; }

Result<void> Supervisor::run(Loop& loop) {
  const ForgetLogger forget;
  try {
    state_->loop = &loop;
    state_->callbacks->set_drive(
        [&loop](const std::function<bool()>& ready, TimePoint until) { loop.drive(ready, until); });
    caf::anon_send(state_->caller, ServeCallbacks{state_->callbacks.get()});
    state_->endpoint = state_->system->spawn<caf::detached>(endpoint_behavior);
    caf::anon_send(state_->endpoint, RunLoop{&loop, &state_->endpoint_thread});
  } catch (const std::exception& error) {
    return fail(ErrorClass::kResourceExhausted, "start", error.what());
  }
  return {};
}

bool Supervisor::on_own_thread() const noexcept {
  return on_callback_thread() || (state_->worker && state_->worker->is_this_thread()) ||
         (state_->names && state_->names->is_this_thread()) ||
         state_->endpoint_thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

bool Supervisor::on_callback_thread() const noexcept { return state_->callbacks->is_this_thread(); }

void Supervisor::stop() {
  if (!state_ || std::exchange(state_->stopped, true)) return;
  const ForgetLogger forget;
  if (state_->endpoint) {
    state_->loop->stop_running();
    end(*state_->system, state_->endpoint);
  }
  state_->worker->stop(*state_->system);
  state_->names->stop(*state_->system);
  state_->callbacks->end();
  end(*state_->system, state_->caller);
}

}  // namespace weft::actors
