#include <weft/python/node.hpp>

#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include <weft/python/arguments.hpp>
#include <weft/python/courier.hpp>
#include <weft/python/errors.hpp>
#include <weft/python/input.hpp>
#include <weft/python/node_handle.hpp>
#include <weft/python/tensor.hpp>
#include <weft/python/transfer.hpp>

namespace weft::python {
namespace {

std::string name_of(nb::handle name) {
  if (PyUnicode_Check(name.ptr()) != 0) return nb::cast<std::string>(name);
  PyErr_SetString(PyExc_TypeError, "a tensor is named by a str, or by a weft.Tensor that an earlier get gave");
  throw nb::python_error();
}

template <class T>
nb::object plain(Result<T> result) {
  return nb::cast(value_of(std::move(result)));
}

}  // namespace

template <class Ask>
auto PyNode::asking(const Peer& peer, Ask ask) {
  if (!peer.ticket() || peer.ticket()->node != id_) return ask();
  const nb::gil_scoped_release released;
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
    const nb::gil_scoped_release released;
    started.emplace(TensorNode::start(std::move(options)));
  }
  handle_ = std::make_shared<NodeHandle>(value_of(std::move(*started)));
  id_ = handle_->get().id();
}

std::string PyNode::repr() {
  if (handle_->inherited()) return "<weft.Node of another process>";
  const Ticket ticket = node().ticket();
  return fmt::format("<weft.Node {} on {}>", id_.short_string(),
                     ticket.addresses.empty() ? "no address" : ticket.addresses.front());
}

std::uint64_t PyNode::put(std::string name, nb::handle data) {
  const Input input = read_input(data);
  const auto generation = value_of(node().put(std::move(name), view_of(input), input.hold));
  Courier::get().deliver();  // what it replaced, where nobody reads that any more
  return generation.value;
}

std::uint64_t PyNode::put_many(nb::handle tensors) {
  std::vector<PutItem> items;
  for (const nb::handle pair : nb::object(tensors.attr("items")())) {
    Input input = read_input(pair[1]);
    const TensorView view = view_of(input);
    items.push_back({.name = name_of(pair[0]), .view = view, .keep_alive = std::move(input.hold)});
  }
  const auto generation = value_of(node().put_many(std::move(items)));
  Courier::get().deliver();
  return generation.value;
}

nb::object PyNode::lend(std::string name, nb::handle data) {
  Input input = read_input(data);
  Loan loan = value_of(node().lend(std::move(name), view_of(input)));
  return nb::cast(PyLoan(std::move(loan), std::move(input.hold)));
}

std::size_t PyNode::serve(nb::handle path, std::string prefix) {
  const std::filesystem::path file = path_of(path);
  TensorNode& served = node();
  std::optional<Result<std::size_t>> result;
  {
    const nb::gil_scoped_release released;
    result.emplace(served.serve(file, {.prefix = std::move(prefix)}));
  }
  return value_of(std::move(*result));
}

void PyNode::remove(std::string_view name) {
  value_of(node().remove(name));
  Courier::get().deliver();
}

NodeStats PyNode::stats() {
  TensorNode& asked = node();
  const nb::gil_scoped_release released;
  return asked.stats();
}

nb::object PyNode::get(nb::handle peer, nb::handle name, nb::handle slice, nb::handle pages, nb::handle into,
                       nb::handle device, nb::handle generation, nb::handle verify, nb::handle timeout, nb::handle lane,
                       nb::object progress, nb::handle trace) {
  check_device(device);
  GetOptions options{.slice = slice_of(slice),
                     .generation = generation_of(generation),
                     .verify = verify_of(verify),
                     .deadline = deadline_of(timeout),
                     .lane = lane_of(lane),
                     .trace = trace_of(trace)};
  PageLists lists;
  read_pages(pages, lists);
  options.pages = lists.pages;
  KeepAlive memory;
  if (!into.is_none()) {
    const Input output = read_output(into);
    options.into = mutable_view_of(output);
    memory = output.hold;
  }
  const bool waits = memory != nullptr;
  const PyTensor* const known = tensor_in(name);
  std::string named = known == nullptr ? name_of(name) : std::string();
  auto convert = [memory, known = known == nullptr ? std::string() : std::string(known->tensor.name())](
                     Result<Tensor> tensor) { return make_tensor(value_of(std::move(tensor)), memory, known); };
  const Peer from = peer_of(peer);
  TensorNode& asked = node();
  Future<Tensor> future = asking(from, [&] {
    return known != nullptr ? asked.get(from, known->tensor, std::move(options))
                            : asked.get(from, std::move(named), std::move(options));
  });
  return transfer("get", make_call<Tensor>(std::move(future), std::move(convert), std::move(memory)),
                  std::move(progress), waits);
}

nb::object PyNode::push(nb::handle peer, std::string name, nb::handle data, nb::handle verify, nb::handle timeout,
                        nb::handle lane, nb::object progress, nb::handle trace) {
  const Input input = read_input(data);
  PushOptions options{
      .verify = verify_of(verify), .deadline = deadline_of(timeout), .lane = lane_of(lane), .trace = trace_of(trace)};
  const Peer to = peer_of(peer);
  const TensorView view = view_of(input);
  TensorNode& asked = node();
  Future<Receipt> future = asking(to, [&] { return asked.push(to, std::move(name), view, std::move(options)); });
  return transfer("push", make_call<Receipt>(std::move(future), &plain<Receipt>, input.hold), std::move(progress));
}

nb::object PyNode::receive(std::string pattern, nb::handle timeout) {
  Future<Tensor> future = node().receive(std::move(pattern), {.deadline = deadline_of(timeout)});
  auto convert = [](Result<Tensor> tensor) { return make_tensor(value_of(std::move(tensor))); };
  return transfer("receive", make_call<Tensor>(std::move(future), convert));
}

nb::object PyNode::try_receive(std::string_view pattern) {
  TensorNode& asked = node();
  std::optional<Tensor> tensor;
  {
    const nb::gil_scoped_release released;
    tensor = asked.try_receive(pattern);
  }
  if (!tensor) return nb::none();
  return make_tensor(std::move(*tensor));
}

nb::object PyNode::list(nb::handle peer, std::string pattern, nb::handle timeout) {
  auto convert = [](Result<std::vector<Entry>> entries) -> nb::object {
    nb::list all;
    for (Entry& entry : value_of(std::move(entries))) all.append(nb::cast(std::move(entry)));
    return all;
  };
  Future<std::vector<Entry>> future =
      node().list(peer_of(peer), std::move(pattern), {.deadline = deadline_of(timeout)});
  return transfer("list", make_call<std::vector<Entry>>(std::move(future), convert));
}

nb::object PyNode::explain(nb::handle peer, std::string name, nb::handle timeout) {
  Future<Plan> future = node().explain(peer_of(peer), std::move(name), deadline_of(timeout));
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
  return transfer("stop", make_call<void>(std::move(future), convert));
}

nb::object PyNode::lanes() {
  nb::list all;
  for (LaneReport& lane : node().lanes()) all.append(nb::cast(std::move(lane)));
  return all;
}

PyLoan::~PyLoan() {
  if (born_ != fork_count()) {
    leave_alone(std::move(loan_));
    return;
  }
  end();
}

void PyLoan::end() {
  {
    const nb::gil_scoped_release released;  // it waits for who still reads it
    loan_.end();
  }
  memory_.reset();
}

nb::object PyNode::get_many(nb::handle peer, nb::handle items, nb::handle pages, nb::handle generation,
                            nb::handle verify, nb::handle timeout, nb::handle lane, nb::object progress,
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
  std::vector<KeepAlive> memory;
  bool waits = false;
  for (const nb::handle item : nb::object(nb::borrow(items))) {
    auto& added = all.emplace_back();
    auto& kept = memory.emplace_back();
    if (PyUnicode_Check(item.ptr()) != 0) {
      added.name = nb::cast<std::string>(item);
      continue;
    }
    added.name = name_of(item.attr("name"));
    added.slice = slice_of(item.attr("slice"));
    const nb::object into = item.attr("into");
    if (into.is_none()) continue;
    const Input output = read_output(into);
    added.into = mutable_view_of(output);
    kept = output.hold;
    waits = true;
  }
  auto convert = [memory](Result<std::vector<Result<Tensor>>> results) -> nb::object {
    nb::list made;
    std::size_t i = 0;
    for (auto& result : value_of(std::move(results))) {
      KeepAlive owner = memory[i++];
      made.append(result ? make_tensor(std::move(*result), std::move(owner)) : exception_of(result.error()));
    }
    return nb::module_::import_("weft._results").attr("Results")(made);
  };
  const Peer from = peer_of(peer);
  TensorNode& asked = node();
  auto future = asking(from, [&] { return asked.get_many(from, std::move(all), std::move(options)); });
  auto kept = waits ? std::make_shared<std::vector<KeepAlive>>(memory) : KeepAlive();
  return transfer("get_many", make_call<std::vector<Result<Tensor>>>(std::move(future), std::move(convert), kept),
                  std::move(progress), waits);
}

}  // namespace weft::python
