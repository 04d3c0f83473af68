/// Calls as coroutines: several pulls run at once, one is awaited after the other, and an error is a value.
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include <weft/weft.hpp>

using namespace std::chrono_literals;

namespace {

/// The mean of a tensor that a peer serves.
weft::Task<weft::Result<double>> mean(weft::TensorNode& node, weft::Peer peer, std::string name) {
  // With options in two statements: g++ 12 destroys them twice when they are made inside a co_await expression.
  auto pull = node.get(peer, name, {.deadline = 10s});
  const weft::Result<weft::Tensor> tensor = co_await std::move(pull);
  if (!tensor) co_return std::unexpected(tensor.error());
  const auto values = tensor->as<float>();
  if (!values) co_return std::unexpected(values.error());
  co_return std::accumulate(values->begin(), values->end(), 0.0) / static_cast<double>(values->size());
}

/// Pulls everything that matches, all of it in flight at once. The futures are already running when they are made.
weft::Task<weft::Result<std::size_t>> pull_all(weft::TensorNode& node, weft::Peer peer, std::string pattern) {
  const auto entries = co_await node.list(peer, pattern);
  if (!entries) co_return std::unexpected(entries.error());
  std::vector<weft::Future<weft::Tensor>> pulls;
  for (const weft::Entry& entry : *entries) pulls.push_back(node.get(peer, entry.name));
  std::size_t bytes = 0;
  for (auto& pull : pulls) {
    const auto tensor = co_await std::move(pull);
    if (!tensor) co_return std::unexpected(tensor.error());  // the pulls that are left are cancelled with their futures
    bytes += tensor->bytes().size();
  }
  co_return bytes;
}

}  // namespace

int main() {
  auto server = weft::unwrap(weft::TensorNode::start());
  std::vector<weft::Loan> loans;
  const std::vector<float> ones(256 * 256, 1.0f), threes(256 * 256, 3.0f);
  loans.push_back(weft::unwrap(server.lend("layers.0.w", weft::TensorView::of<float>(ones, {256, 256}))));
  loans.push_back(weft::unwrap(server.lend("layers.1.w", weft::TensorView::of<float>(threes, {256, 256}))));

  auto client = weft::unwrap(weft::TensorNode::start());
  const weft::Ticket ticket = server.ticket();
  std::printf("mean of layers.1.w: %.1f\n", weft::unwrap(weft::block_on(mean(client, ticket, "layers.1.w"))));
  std::printf("pulled %zu bytes\n", weft::unwrap(weft::block_on(pull_all(client, ticket, "layers.*"))));
  const auto missing = weft::block_on(mean(client, ticket, "layers.2.w"));
  std::printf("layers.2.w: %s\n", missing ? "there" : missing.error().to_string().c_str());
  return 0;
}
