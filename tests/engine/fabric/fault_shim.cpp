#include "fault_shim.hpp"

#include <dlfcn.h>
#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>

#include "hooked.hpp"

namespace weft::fabric::test {
namespace {

struct State {
  FaultPlan plan;
  std::uint64_t counted = 0;
  bool reached = false;
  std::string_view where{};
  std::int64_t open = 0;
  std::uint64_t failed_closes = 0;
  std::uint64_t dirty_errors = 0;
  std::uint64_t error_reads = 0;
  std::vector<std::uint64_t> write_flags{};
  std::unique_ptr<Reordering> reordering{};
  int depth = 0;  // above 0: libfabric is calling itself
  std::unordered_map<fid*, std::unique_ptr<Hooked>> hooked{};
};
std::optional<State> state;
decltype(&fi_getinfo) real_getinfo = nullptr;
decltype(&fi_fabric) real_fabric = nullptr;

bool is_post(std::string_view name) {
  return name == "fi_writemsg" || name == "fi_sendv" || name == "fi_recv" || name.ends_with("_read");
}

/// Counts a call; what it should return instead of being made, or 0.
int verdict(std::string_view name) {
  if (!state || state->depth > 0) return 0;
  const bool counts = state->plan.only.empty() ? !name.ends_with("_read") : name == state->plan.only;
  if (!counts || state->counted++ != state->plan.nth) return 0;
  state->reached = true;
  state->where = name;
  if (state->plan.kind == FaultPlan::Kind::kDelay) {
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
    return 0;
  }
  return state->plan.kind == FaultPlan::Kind::kAgain && is_post(name) ? -FI_EAGAIN : -state->plan.code;
}

/// Makes a call of ours: libfabric's own calls within it are let through.
template <class Call>
auto pass(Call&& call) {
  struct Within {
    Within() { state->depth += state ? 1 : 0; }
    ~Within() { state->depth -= state ? 1 : 0; }
  } within;
  return call();
}

Hooked& of(fid* object) { return *state->hooked.at(object); }

/// Calls a function of an object's table unless the plan says otherwise.
template <class Call>
auto guarded(std::string_view name, Call&& call) -> decltype(call()) {
  if (const int code = verdict(name); code != 0) return code;
  return pass(std::forward<Call>(call));
}

void hook_endpoint(fid_ep* endpoint, Hooked& hooked);

int shim_close(fid* object) {
  if (state->depth > 0) return of(object).fid.real->close(object);
  Hooked& hooked = of(object);
  hooked.out(object);
  state->reordering->closes(object);
  const int code = pass([&] { return hooked.fid.real->close(object); });
  if (code != 0) ++state->failed_closes;
  --state->open;
  state->hooked.erase(object);
  return code;
}

int shim_bind(fid* object, fid* to, std::uint64_t flags) {
  return guarded("fi_bind", [&] { return of(object).fid.real->bind(object, to, flags); });
}

int shim_control(fid* object, int command, void* argument) {
  const std::string_view name = command == FI_ENABLE ? "fi_enable" : "fi_control";
  const int code = guarded(name, [&] { return of(object).fid.real->control(object, command, argument); });
  // Some providers choose their tables only now.
  if (object->fclass == FI_CLASS_EP) hook_endpoint(reinterpret_cast<fid_ep*>(object), of(object));
  return code;
}

/// Takes a new object under observation.
Hooked& observe(fid* object) {
  Hooked& hooked = *state->hooked.emplace(object, std::make_unique<Hooked>()).first->second;
  ++state->open;
  hooked.fid.in(object->ops, [](fi_ops& ops) {
    ops.close = shim_close;
    ops.bind = shim_bind;
    ops.control = shim_control;
  });
  return hooked;
}

/// Opens something and observes it by `hook`, unless libfabric itself is at work or the plan says otherwise.
template <class Object, class Open, class Set>
int opened(std::string_view name, Object** object, Open&& open, Set&& hook) {
  if (state->depth > 0) return open();
  const int code = guarded(name, open);
  if (code == 0) hook(*object, observe(&(*object)->fid));
  return code;
}

int shim_getname(fid* object, void* address, std::size_t* size) {
  return guarded("fi_getname", [&] { return of(object).cm.real->getname(object, address, size); });
}
int shim_connect(fid_ep* endpoint, const void* address, const void* data, std::size_t size) {
  return guarded("fi_connect", [&] { return of(&endpoint->fid).cm.real->connect(endpoint, address, data, size); });
}
int shim_listen(fid_pep* endpoint) {
  return guarded("fi_listen", [&] { return of(&endpoint->fid).cm.real->listen(endpoint); });
}
int shim_accept(fid_ep* endpoint, const void* data, std::size_t size) {
  return guarded("fi_accept", [&] { return of(&endpoint->fid).cm.real->accept(endpoint, data, size); });
}
int shim_shutdown(fid_ep* endpoint, std::uint64_t flags) {
  return guarded("fi_shutdown", [&] { return of(&endpoint->fid).cm.real->shutdown(endpoint, flags); });
}
ssize_t shim_recv(fid_ep* endpoint, void* data, std::size_t size, void* desc, fi_addr_t from, void* context) {
  return guarded("fi_recv",
                 [&] { return of(&endpoint->fid).msg.real->recv(endpoint, data, size, desc, from, context); });
}
ssize_t shim_sendv(fid_ep* endpoint, const iovec* ranges, void** desc, std::size_t count, fi_addr_t to, void* context) {
  return guarded("fi_sendv",
                 [&] { return of(&endpoint->fid).msg.real->sendv(endpoint, ranges, desc, count, to, context); });
}
ssize_t write_now(fid_ep* endpoint, const fi_msg_rma* message, std::uint64_t flags) {
  const ssize_t code = pass([&] { return of(&endpoint->fid).rma.real->writemsg(endpoint, message, flags); });
  if (code == 0 && state->depth == 0) state->write_flags.push_back(flags);
  return code;
}
ssize_t shim_writemsg(fid_ep* endpoint, const fi_msg_rma* message, std::uint64_t flags) {
  if (const int code = verdict("fi_writemsg"); code != 0) return code;
  if (state->depth == 0 && state->reordering->holds(endpoint, *message, flags)) return 0;
  return write_now(endpoint, message, flags);
}

void set_cm(fi_ops_cm& ops) {
  ops.getname = shim_getname;
  ops.connect = shim_connect;
  ops.listen = shim_listen;
  ops.accept = shim_accept;
  ops.shutdown = shim_shutdown;
}

void hook_endpoint(fid_ep* endpoint, Hooked& hooked) {
  hooked.cm.in(endpoint->cm, set_cm);
  hooked.msg.in(endpoint->msg, [](fi_ops_msg& ops) {
    ops.recv = shim_recv;
    ops.sendv = shim_sendv;
  });
  hooked.rma.in(endpoint->rma, [](fi_ops_rma& ops) { ops.writemsg = shim_writemsg; });
}

ssize_t shim_eq_read(fid_eq* queue, std::uint32_t* event, void* data, std::size_t size, std::uint64_t flags) {
  return guarded("fi_eq_read", [&] { return of(&queue->fid).eq.real->read(queue, event, data, size, flags); });
}
ssize_t shim_eq_readerr(fid_eq* queue, fi_eq_err_entry* entry, std::uint64_t flags) {
  ++state->error_reads;
  if (entry->err_data != nullptr || entry->err_data_size != 0) ++state->dirty_errors;
  return guarded("fi_eq_readerr", [&] { return of(&queue->fid).eq.real->readerr(queue, entry, flags); });
}
ssize_t shim_cq_read(fid_cq* queue, void* entries, std::size_t count) {
  const auto real = [queue](void* into, std::size_t most) {
    return pass([&] { return of(&queue->fid).cq.real->read(queue, into, most); });
  };
  if (const int code = verdict("fi_cq_read"); code != 0) return code;
  if (state->depth > 0) return real(entries, count);
  return state->reordering->read(queue, static_cast<fi_cq_data_entry*>(entries), count, real);
}
ssize_t shim_cq_readerr(fid_cq* queue, fi_cq_err_entry* entry, std::uint64_t flags) {
  ++state->error_reads;
  if (entry->err_data != nullptr || entry->err_data_size != 0) ++state->dirty_errors;
  return guarded("fi_cq_readerr", [&] { return of(&queue->fid).cq.real->readerr(queue, entry, flags); });
}
int shim_av_insert(fid_av* vector, const void* address, std::size_t count, fi_addr_t* handles, std::uint64_t flags,
                   void* context) {
  return guarded("fi_av_insert",
                 [&] { return of(&vector->fid).av.real->insert(vector, address, count, handles, flags, context); });
}
int shim_av_remove(fid_av* vector, fi_addr_t* handles, std::size_t count, std::uint64_t flags) {
  return guarded("fi_av_remove", [&] { return of(&vector->fid).av.real->remove(vector, handles, count, flags); });
}

int shim_endpoint(fid_domain* domain, fi_info* info, fid_ep** endpoint, void* context) {
  return opened(
      "fi_endpoint", endpoint, [&] { return of(&domain->fid).domain.real->endpoint(domain, info, endpoint, context); },
      hook_endpoint);
}
int shim_cq_open(fid_domain* domain, fi_cq_attr* attributes, fid_cq** queue, void* context) {
  fi_cq_attr asked = *attributes;
  if (state->depth == 0 && state->plan.queue_entries != 0) asked.size = state->plan.queue_entries;
  return opened(
      "fi_cq_open", queue, [&] { return of(&domain->fid).domain.real->cq_open(domain, &asked, queue, context); },
      [](fid_cq* object, Hooked& hooked) {
        hooked.cq.in(object->ops, [](fi_ops_cq& ops) {
          ops.read = shim_cq_read;
          ops.readerr = shim_cq_readerr;
        });
      });
}
int shim_av_open(fid_domain* domain, fi_av_attr* attributes, fid_av** vector, void* context) {
  return opened(
      "fi_av_open", vector, [&] { return of(&domain->fid).domain.real->av_open(domain, attributes, vector, context); },
      [](fid_av* object, Hooked& hooked) {
        hooked.av.in(object->ops, [](fi_ops_av& ops) {
          ops.insert = shim_av_insert;
          ops.remove = shim_av_remove;
        });
      });
}
int shim_regattr(fid* domain, const fi_mr_attr* attributes, std::uint64_t flags, fid_mr** region) {
  return opened(
      "fi_mr_regattr", region, [&] { return of(domain).mr.real->regattr(domain, attributes, flags, region); },
      [](fid_mr*, Hooked&) {});
}
int shim_domain(fid_fabric* fabric, fi_info* info, fid_domain** domain, void* context) {
  return opened(
      "fi_domain", domain, [&] { return of(&fabric->fid).fabric.real->domain(fabric, info, domain, context); },
      [](fid_domain* object, Hooked& hooked) {
        hooked.domain.in(object->ops, [](fi_ops_domain& ops) {
          ops.endpoint = shim_endpoint;
          ops.cq_open = shim_cq_open;
          ops.av_open = shim_av_open;
        });
        hooked.mr.in(object->mr, [](fi_ops_mr& ops) { ops.regattr = shim_regattr; });
      });
}
int shim_passive(fid_fabric* fabric, fi_info* info, fid_pep** endpoint, void* context) {
  return opened(
      "fi_passive_ep", endpoint,
      [&] { return of(&fabric->fid).fabric.real->passive_ep(fabric, info, endpoint, context); },
      [](fid_pep* object, Hooked& hooked) { hooked.cm.in(object->cm, set_cm); });
}
int shim_eq_open(fid_fabric* fabric, fi_eq_attr* attributes, fid_eq** queue, void* context) {
  return opened(
      "fi_eq_open", queue, [&] { return of(&fabric->fid).fabric.real->eq_open(fabric, attributes, queue, context); },
      [](fid_eq* object, Hooked& hooked) {
        hooked.eq.in(object->ops, [](fi_ops_eq& ops) {
          ops.read = shim_eq_read;
          ops.readerr = shim_eq_readerr;
        });
      });
}
/// Nobody sleeps over what is held.
int shim_trywait(fid_fabric* fabric, fid** objects, int count) {
  if (state->depth == 0 && state->reordering->is_awake()) return -FI_EAGAIN;
  return pass([&] { return of(&fabric->fid).fabric.real->trywait(fabric, objects, count); });
}
int shim_wait(fid_wait* set, int timeout) {
  const int code = pass([&] { return of(&set->fid).wait.real->wait(set, timeout); });
  return code == -FI_ETIMEDOUT && state->depth == 0 && state->reordering->is_awake() ? 0 : code;
}
int shim_wait_open(fid_fabric* fabric, fi_wait_attr* attributes, fid_wait** set) {
  return opened(
      "fi_wait_open", set, [&] { return of(&fabric->fid).fabric.real->wait_open(fabric, attributes, set); },
      [](fid_wait* object, Hooked& hooked) {
        hooked.wait.in(object->ops, [](fi_ops_wait& ops) { ops.wait = shim_wait; });
      });
}

int shim_fabric(fi_fabric_attr* attributes, fid_fabric** fabric, void* context) {
  if (!state) return real_fabric(attributes, fabric, context);
  return opened(
      "fi_fabric", fabric, [&] { return real_fabric(attributes, fabric, context); },
      [](fid_fabric* object, Hooked& hooked) {
        hooked.fabric.in(object->ops, [](fi_ops_fabric& ops) {
          ops.domain = shim_domain;
          ops.passive_ep = shim_passive;
          ops.eq_open = shim_eq_open;
          ops.wait_open = shim_wait_open;
          ops.trywait = shim_trywait;
        });
      });
}

int shim_getinfo(std::uint32_t version, const char* node, const char* service, std::uint64_t flags,
                 const fi_info* hints, fi_info** info) {
  if (const int code = verdict("fi_getinfo"); code != 0) return code;
  const int code = real_getinfo(version, node, service, flags, hints, info);
  if (code != 0 || !state || state->depth > 0) return code;
  for (fi_info* one = *info; one != nullptr; one = one->next) {
    if (state->plan.unordered) one->tx_attr->msg_order = one->rx_attr->msg_order = 0;
    if (state->plan.takes_receives) one->rx_attr->mode |= FI_RX_CQ_DATA;
  }
  return code;
}

}  // namespace

FaultShim::FaultShim(const FaultPlan& plan) {
  state.emplace(State{.plan = plan, .reordering = std::make_unique<Reordering>(plan.reorder, write_now)});
}

FaultShim::~FaultShim() {
  for (auto& [object, hooked] : state->hooked) hooked->out(object);
  state.reset();
}

bool FaultShim::reached() const noexcept { return state->reached || state->reordering->reached(); }
std::string_view FaultShim::where() const noexcept { return state->where; }
std::int64_t FaultShim::open_objects() const noexcept { return state->open; }
std::uint64_t FaultShim::failed_closes() const noexcept { return state->failed_closes; }
std::uint64_t FaultShim::dirty_errors() const noexcept { return state->dirty_errors; }
std::uint64_t FaultShim::error_reads() const noexcept { return state->error_reads; }
const std::vector<std::uint64_t>& FaultShim::write_flags() const noexcept { return state->write_flags; }

}  // namespace weft::fabric::test

#if defined(__clang__)
#define WEFT_TEST_UNINSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#else
#define WEFT_TEST_UNINSTRUMENTED
#endif

// The linker sends every dlsym of this program here. A sanitizer's runtime calls it before it is ready to be called:
// nothing of it may be used before the name is known.
namespace {
WEFT_TEST_UNINSTRUMENTED bool same(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}
}  // namespace

extern "C" void* __real_dlsym(void* handle, const char* name);  // NOLINT(bugprone-reserved-identifier): the linker's
extern "C" WEFT_TEST_UNINSTRUMENTED void* __wrap_dlsym(void* handle, const char* name) {  // NOLINT
  using namespace weft::fabric::test;
  void* found = __real_dlsym(handle, name);
  if (found != nullptr && same(name, "fi_getinfo")) {
    real_getinfo = reinterpret_cast<decltype(real_getinfo)>(found);
    return reinterpret_cast<void*>(&shim_getinfo);
  }
  if (found != nullptr && same(name, "fi_fabric")) {
    real_fabric = reinterpret_cast<decltype(real_fabric)>(found);
    return reinterpret_cast<void*>(&shim_fabric);
  }
  return found;
}
