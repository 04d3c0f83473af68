/// Pushes tensors to a receiver: taken as they come, placed into memory that the receiver chooses, or refused.
#include <cstdio>
#include <string>
#include <vector>

#include <weft/weft.hpp>

int main() {
  auto receiver = weft::unwrap(weft::TensorNode::start());
  auto sender = weft::unwrap(weft::TensorNode::start());
  const weft::Ticket ticket = receiver.ticket();

  // A receive that waits is what allows the push: nobody can fill the memory of a node that does not ask.
  const std::vector<float> activation(4096, 1.5f);
  auto next = receiver.receive("activations.*");
  const auto receipt =
      weft::unwrap(sender.push(ticket, "activations.7", weft::TensorView::of<float>(activation, {8, 512})).wait());
  const weft::Tensor pushed = weft::unwrap(next.wait());
  std::printf("%s %s arrived, %llu bytes%s\n", std::string(pushed.name()).c_str(),
              pushed.meta().shape.to_string().c_str(), static_cast<unsigned long long>(receipt.bytes),
              receipt.digest == pushed.digest() ? ", verified" : "");

  // Adapters land in a slot of the receiver's own; the function sees the offer before any byte of it has moved. The
  // slot outlives the handler: members of one scope end in reverse order.
  std::vector<float> slot(64 * 64);
  auto handler = weft::unwrap(
      receiver.on_offer("adapters.*", [&slot](const weft::Offer& offer) -> weft::Result<weft::MutableTensorView> {
        if (offer.meta.dtype != weft::DType::kF32 || offer.bytes != slot.size() * sizeof(float))
          return weft::fail(weft::ErrorClass::kForbidden, "adapters", "a slot holds 64 × 64 floats");
        return weft::MutableTensorView::of<float>(slot, {64, 64});
      }));
  const std::vector<float> adapter(64 * 64, 0.25f);
  weft::unwrap(sender.push(ticket, "adapters.fr", weft::TensorView::of<float>(adapter, {64, 64})).wait());
  const weft::Tensor placed = weft::unwrap(receiver.receive("adapters.*").wait());
  std::printf("%s arrived %s\n", std::string(placed.name()).c_str(),
              placed.view().data() == slot.data() && slot == adapter ? "in its slot" : "elsewhere");

  // Refused: the sender learns why, and nothing has travelled.
  const std::vector<float> big(128 * 64);
  const auto refused = sender.push(ticket, "adapters.big", weft::TensorView::of<float>(big, {128, 64})).wait();
  std::printf("adapters.big: %s\n", refused ? "taken" : refused.error().to_string().c_str());
  return 0;
}
