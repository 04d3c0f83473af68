#include <weft/python/node.hpp>

#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include <weft/python/arguments.hpp>
#include <weft/python/courier.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/gil.hpp>
#include <weft/python/input.hpp>
#include <weft/python/node_handle.hpp>
#include <weft/python/tensor.hpp>
#include <weft/python/transfer.hpp>

namespace weft::python {
namespace {

constexpr const char* kItems = "a list of names, or of weft.Item(name, slice, into)";

template <class T>
nb::object plain(Result<T> result) {
  return nb::cast(value_of(std::move(result)));
}

}  // namespace

template <class Ask>
auto PyNode::asking(const Peer& peer, Ask ask) {
  if (!peer.ticket() || peer.ticket()->node != id_) return ask();
  const GilReleased released;
  return ask();
}

nb::object PyNode::transfer(const char* operation, std::shared_ptr<Call> call, nb::object report, bool waits_on_drop) {
  return nb::cast(new Transfer(handle_, std::move(call), operation, std::move(report), waits_on_drop),
                  nb::rv_policy::take_ownership);
}

PyNode::PyNode(const nb::dict& keywords) {
  NodeOptions options = options_of(keywords);
  Courier::get().start();
  std::optional<Result<TensorNode>> started;
  {
    const GilReleased released;
    started.emplace(TensorNode::start(std::move(options)));
  }
  handle_ = std::make_shared<NodeHandle>(value_of(std::move(*started)));
  id_ = handle_->get().id();
}

std::string PyNode::repr() {
  if (handle_->inherited()) return "<weft.Node of another process>";
  if (!handle_->runs()) return fmt::format("<weft.Node {}, stopped>", id_.short_string());
  const Ticket ticket = node().ticket();
  return fmt::format("<weft.Node {} on {}>", id_.short_string(),
                     ticket.addresses.empty() ? "no address" : ticket.addresses.front());
}

std::uint64_t PyNode::put(nb::handle name, nb::handle data) {
  std::string named = name_of(name);
  const Input input = read_input(data, "put", named);
  const auto generation = value_of(node().put(std::move(named), view_of(input), input.hold));
  Courier::get().deliver();  // what it replaced, where nobody reads that any more
  return generation.value;
}

std::uint64_t PyNode::put_many(nb::handle tensors) {
  std::vector<PutItem> items;
  const char* const hint = "a mapping of names to what put takes";
  if (PyMapping_Check(tensors.ptr()) == 0 || !nb::hasattr(tensors, "items")) wrong("tensors", tensors, hint);
  for (const nb::handle pair : nb::object(tensors.attr("items")())) {
    std::string name = name_of(pair[0]);
    Input input = read_input(pair[1], "put_many", name);
    const TensorView view = view_of(input);
    items.push_back({.name = std::move(name), .view = view, .keep_alive = std::move(input.hold)});
  }
  const auto generation = value_of(node().put_many(std::move(items)));
  Courier::get().deliver();
  return generation.value;
}

nb::object PyNode::lend(nb::handle name, nb::handle data) {
  std::string named = name_of(name);
  Input input = read_input(data, "lend", named);
  Loan loan = value_of(node().lend(named, view_of(input)));
  return nb::cast(new PyLoan(std::move(loan), std::move(input.hold), std::move(named)), nb::rv_policy::take_ownership);
}

std::string PyLoan::repr() const {
  return fmt::format("<weft.Loan of {}, generation {}{}>", repr_of(name_), loan_.generation().value,
                     ended_ ? ": ended" : "");
}

std::size_t PyNode::serve(nb::handle path, nb::handle prefix) {
  const std::filesystem::path file = path_of(path);
  std::string before = text_of(prefix, "prefix");
  TensorNode& served = node();
  std::optional<Result<std::size_t>> result;
  {
    const GilReleased released;
    result.emplace(served.serve(file, {.prefix = std::move(before)}));
  }
  return value_of(std::move(*result));
}

void PyNode::remove(nb::handle name) {
  value_of(node().remove(name_of(name)));
  Courier::get().deliver();
}

NodeStats PyNode::stats() {
  TensorNode& asked = node();
  const GilReleased released;
  return asked.stats();
}

nb::object PyNode::get(nb::handle peer, nb::handle name, nb::handle slice, nb::handle pages, nb::handle into,
                       nb::handle device, nb::handle generation, nb::handle verify, nb::handle timeout, nb::handle lane,
                       nb::handle progress, nb::handle trace) {
  check_device(device);
  std::vector<SingleIndex> singles;
  GetOptions options{.slice = slice_of(slice, singles),
                     .generation = generation_of(generation),
                     .verify = verify_of(verify),
                     .deadline = deadline_of(timeout),
                     .lane = lane_of(lane),
                     .trace = trace_of(trace)};
  PageLists lists;
  read_pages(pages, lists);
  options.pages = lists.pages;
  const PyTensor* const known = tensor_in(name);
  std::string named = known == nullptr ? name_of(name) : std::string();
  KeepAlive memory;
  if (!into.is_none()) {
    const Input output = read_output(into, "get", known == nullptr ? named : known->tensor.name());
    options.into = mutable_view_of(output);
    memory = output.hold;
  }
  const bool waits = memory != nullptr;
  nb::object report = report_of(progress);
  auto convert = [memory, singles,
                  known = known == nullptr ? std::string() : std::string(known->tensor.name())](Result<Tensor> result) {
    Tensor tensor = value_of(std::move(result));
    if (const nb::object error = beyond_axis(tensor.meta().shape, singles, known.empty() ? tensor.name() : known))
      raise(error);
    return make_tensor(std::move(tensor), memory, known);
  };
  const Peer from = peer_of(peer);
  TensorNode& asked = node();
  Future<Tensor> future = asking(from, [&] {
    return known != nullptr ? asked.get(from, known->tensor, std::move(options))
                            : asked.get(from, std::move(named), std::move(options));
  });
  return transfer("get", make_call<Tensor>(std::move(future), std::move(convert), std::move(memory)), std::move(report),
                  waits);
}

nb::object PyNode::push(nb::handle peer, nb::handle name, nb::handle data, nb::handle verify, nb::handle timeout,
                        nb::handle lane, nb::handle progress, nb::handle trace) {
  std::string named = name_of(name);
  nb::object report = report_of(progress);
  const Input input = read_input(data, "push", named);
  PushOptions options{
      .verify = verify_of(verify), .deadline = deadline_of(timeout), .lane = lane_of(lane), .trace = trace_of(trace)};
  const Peer to = peer_of(peer);
  const TensorView view = view_of(input);
  TensorNode& asked = node();
  Future<Receipt> future = asking(to, [&] { return asked.push(to, std::move(named), view, std::move(options)); });
  return transfer("push", make_call<Receipt>(std::move(future), &plain<Receipt>, input.hold), std::move(report));
}

nb::object PyNode::receive(nb::handle pattern, nb::handle timeout) {
  Future<Tensor> future = node().receive(name_of(pattern, "pattern"), {.deadline = deadline_of(timeout)});
  auto convert = [](Result<Tensor> tensor) { return make_tensor(value_of(std::move(tensor))); };
  return transfer("receive", make_call<Tensor>(std::move(future), convert));
}

nb::object PyNode::try_receive(nb::handle pattern) {
  const std::string glob = name_of(pattern, "pattern");
  handle_->check_running();
  TensorNode& asked = node();
  std::optional<Tensor> tensor;
  {
    const GilReleased released;
    tensor = asked.try_receive(glob);
  }
  if (!tensor) {
    handle_->check_running();  // it may have been stopped meanwhile
    return nb::none();
  }
  return make_tensor(std::move(*tensor));
}

nb::object PyNode::list(nb::handle peer, nb::handle pattern, nb::handle timeout) {
  auto convert = [](Result<std::vector<Entry>> entries) -> nb::object {
    nb::list all;
    for (Entry& entry : value_of(std::move(entries))) all.append(nb::cast(std::move(entry)));
    return all;
  };
  Future<std::vector<Entry>> future =
      node().list(peer_of(peer), name_of(pattern, "pattern"), {.deadline = deadline_of(timeout)});
  return transfer("list", make_call<std::vector<Entry>>(std::move(future), convert));
}

nb::object PyNode::explain(nb::handle peer, nb::handle name, nb::handle timeout) {
  Future<Plan> future = node().explain(peer_of(peer), name_of(name), deadline_of(timeout));
  return transfer("explain", make_call<Plan>(std::move(future), &plain<Plan>));
}

nb::object PyNode::ping(nb::handle peer, nb::handle timeout) {
  Future<PingReport> future = node().ping(peer_of(peer), deadline_of(timeout));
  return transfer("ping", make_call<PingReport>(std::move(future), &plain<PingReport>));
}

nb::object PyNode::stop(nb::handle timeout) {
  auto convert = [](Result<void> result) -> nb::object {
    value_of(std::move(result));
    return nb::none();
  };
  Future<void> future = node().stop(duration_of(timeout, "timeout"));
  handle_->note_stop();
  return transfer("stop", make_call<void>(std::move(future), convert));
}

nb::object PyNode::lanes() {
  nb::list all;
  for (LaneReport& lane : node().lanes()) all.append(nb::cast(std::move(lane)));
  return all;
}

PyNode::~PyNode() {
  if (!handle_->runs()) return;
  const ErrorAside aside;
  warn_of_drop(fmt::format("a weft.Node ({}) was dropped that was not stopped: keep it in a `with`, or stop() it",
                           id_.short_string()));
}

PyLoan::~PyLoan() {
  if (born_ != fork_count()) {
    leave_alone(std::move(loan_));
    return;
  }
  const ErrorAside aside;
  if (!looked_after_)
    warn_of_drop(fmt::format(
        "the loan of {} was dropped and not ended: the name is served no longer; keep it, or use put", repr_of(name_)));
  end();
}

void PyLoan::end() {
  if (born_ != fork_count()) return;
  looked_after_ = ended_ = true;
  {
    const GilReleased released;  // it waits for who still reads it
    loan_.end();
  }
  memory_.reset();
}

nb::object PyNode::get_many(nb::handle peer, nb::handle items, nb::handle pages, nb::handle generation,
                            nb::handle verify, nb::handle timeout, nb::handle lane, nb::handle progress,
                            nb::handle trace) {
  BatchOptions options{.generation = generation_of(generation),
                       .verify = verify_of(verify),
                       .deadline = deadline_of(timeout),
                       .lane = lane_of(lane),
                       .trace = trace_of(trace)};
  PageLists lists;
  read_pages(pages, lists);
  options.pages = lists.pages;
  std::vector<GetItem> all;
  struct Kept {
    KeepAlive memory{};
    std::vector<SingleIndex> singles{};
    std::string name{};
  };
  std::vector<Kept> memory;
  bool waits = false;
  nb::object report = report_of(progress);
  if (PyUnicode_Check(items.ptr()) != 0) wrong("items", items, kItems);
  for (const nb::handle item : iterated(items, "items", kItems)) {
    auto& added = all.emplace_back();
    auto& kept = memory.emplace_back();
    if (PyUnicode_Check(item.ptr()) != 0) {
      added.name = name_of(item);
      continue;
    }
    for (const char* part : {"name", "slice", "into"})
      if (PyObject_HasAttrString(item.ptr(), part) == 0) wrong("items", item, kItems);
    added.name = name_of(item.attr("name"));
    added.slice = slice_of(item.attr("slice"), kept.singles);
    if (!kept.singles.empty()) kept.name = added.name;
    const nb::object into = item.attr("into");
    if (into.is_none()) continue;
    const Input output = read_output(into, "get_many", added.name);
    added.into = mutable_view_of(output);
    kept.memory = output.hold;
    waits = true;
  }
  auto convert = [memory](Result<std::vector<Result<Tensor>>> results) -> nb::object {
    nb::list made;
    std::size_t i = 0;
    for (auto& result : value_of(std::move(results))) {
      const Kept& kept = memory[i++];
      if (!result)
        made.append(exception_of(result.error()));
      else if (const nb::object error = beyond_axis(result->meta().shape, kept.singles, kept.name))
        made.append(error);
      else
        made.append(make_tensor(std::move(*result), kept.memory));
    }
    return nb::module_::import_("weft._results").attr("Results")(made);
  };
  const Peer from = peer_of(peer);
  TensorNode& asked = node();
  auto future = asking(from, [&] { return asked.get_many(from, std::move(all), std::move(options)); });
  auto kept = waits ? std::make_shared<std::vector<Kept>>(memory) : KeepAlive();
  return transfer("get_many", make_call<std::vector<Result<Tensor>>>(std::move(future), std::move(convert), kept),
                  std::move(report), waits);
}

}  // namespace weft::python
