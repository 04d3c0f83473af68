/// A trainer publishes its weights again and again while readers pull them: each reader sees whole generations, never a
/// mixture, and none twice. Served memory is not written in place: a step puts a new tensor under the old name.
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include <weft/weft.hpp>

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kElements = 1 << 20;
constexpr float kSteps = 100;

/// Publishes step 0, 1, … kSteps. Memory of an old step is freed when the last transfer that reads it has ended.
void train(weft::TensorNode& node) {
  for (float step = 0; step <= kSteps; ++step) {
    const auto weights = std::make_shared<const std::vector<float>>(kElements, step);
    weft::unwrap(node.put("policy.w", weft::TensorView::of<float>(*weights, {kElements}), weights));
  }
}

struct Seen {
  int generations = 0;
  bool whole = true;
  bool rising = true;
};

/// Follows the trainer until its last step.
Seen follow(weft::TensorNode& node, const weft::Ticket& trainer) {
  Seen seen;
  weft::Generation last{};
  for (float step = -1; step < kSteps;) {
    auto got = node.get(trainer, "policy.w", {.generation = weft::GenerationRule::newer_than(last)}).wait();
    if (!got && got.error().kind() == weft::ErrorClass::kNotFound) {  // nothing newer yet
      std::this_thread::sleep_for(1ms);
      continue;
    }
    const weft::Tensor tensor = weft::unwrap(std::move(got));
    const auto values = weft::unwrap(tensor.as<float>());
    for (const float value : values) seen.whole = seen.whole && value == values.front();
    seen.rising = seen.rising && tensor.generation() > last && values.front() > step;
    step = values.front();
    last = tensor.generation();
    ++seen.generations;
  }
  return seen;
}

}  // namespace

int main() {
  auto trainer = weft::unwrap(weft::TensorNode::start());
  auto reader = weft::unwrap(weft::TensorNode::start());
  const weft::Ticket ticket = trainer.ticket();

  std::vector<Seen> seen(2);
  {
    std::vector<std::jthread> threads;
    for (Seen& mine : seen) threads.emplace_back([&] { mine = follow(reader, ticket); });  // any thread may use a node
    threads.emplace_back([&] { train(trainer); });
  }
  for (const Seen& mine : seen)
    std::printf("%d generations seen, %s, %s\n", mine.generations, mine.whole ? "each whole" : "MIXED",
                mine.rising ? "each newer than the last" : "OUT OF ORDER");
  return 0;
}
