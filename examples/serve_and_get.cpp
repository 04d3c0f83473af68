/// Serves tensors to whoever has the ticket, and pulls them: whole, a slice, into memory of the caller's own.
/// Both nodes live in this process; in life the ticket is handed to another one.
#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

#include <weft/weft.hpp>

using namespace std::chrono_literals;

namespace {

std::vector<float> ramp(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

}  // namespace

int main() {
  auto server = weft::unwrap(weft::TensorNode::start());  // loopback, an ephemeral port, a fresh identity

  // Borrowed: nothing is copied, and the memory must stay as it is until the loan ends.
  const std::vector<float> weights = ramp(1024 * 1024);
  auto loan = weft::unwrap(server.lend("layers.0.w", weft::TensorView::of<float>(weights, {1024, 1024})));
  // Shared: served until it is replaced or removed; the keep-alive drops after the last transfer.
  const auto bias = std::make_shared<const std::vector<float>>(1024, 0.5f);
  weft::unwrap(server.put("layers.0.b", weft::TensorView::of<float>(*bias, {1024}), bias));

  const std::string ticket = server.ticket().to_string();
  std::printf("serving at %.16s…\n", ticket.c_str());

  auto client = weft::unwrap(weft::TensorNode::start());
  for (const weft::Entry& entry : weft::unwrap(client.list(ticket, "layers.*").wait()))
    std::printf("%s %s, %llu bytes\n", entry.name.c_str(), entry.meta.shape.to_string().c_str(),
                static_cast<unsigned long long>(entry.bytes));

  // Whole, in memory that Weft gives; it is ours as long as `tensor` lives.
  const weft::Tensor tensor = weft::unwrap(client.get(ticket, "layers.0.w").wait());
  const auto values = weft::unwrap(tensor.as<float>());
  std::printf("got %zu floats over %s, the last is %.0f\n", values.size(),
              std::string(weft::to_string(tensor.lane())).c_str(), static_cast<double>(values.back()));

  // Rows 128 to 256, straight into memory of our own.
  std::vector<float> rows(128 * 1024);
  auto part = client.get(
      ticket, "layers.0.w",
      {.slice = {{128, 256}}, .into = weft::MutableTensorView::of<float>(rows, {128, 1024}), .deadline = 10s});
  weft::unwrap(part.wait());
  std::printf("row 128 begins with %.0f\n", static_cast<double>(rows.front()));

  // Whatever the world can cause is a Result: what was wrong, its class, and the next step.
  const auto missing = client.get(ticket, "layers.0.v").wait();
  if (missing) return 1;
  std::printf("error: %s\n hint: %s\n", missing.error().to_string().c_str(),
              std::string(missing.error().hint()).c_str());
  return weft::exit_code(missing.error().kind()) == 3 ? 0 : 1;
}
