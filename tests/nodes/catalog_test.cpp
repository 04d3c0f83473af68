#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

TEST_CASE("catalog: an unknown name is NotFound and says which is near", "[T-07]") {
  auto server = start();
  auto client = start();
  need(server.put("layers.0.weight", blob(10, 1)));
  const auto missing = client.get(server.ticket(), "layers.0.wieght").wait();
  CHECK(failure(missing) == ErrorClass::kNotFound);
  CHECK(missing.error().context().name == "layers.0.wieght");
  CHECK(missing.error().hint().find("layers.0.weight") != std::string_view::npos);
}

TEST_CASE("catalog: names are 1 to 255 bytes of clean text", "[T-06]") {
  auto node = start();
  CHECK(failure(node.put("", blob(1, 1))) == ErrorClass::kInvalidArgument);
  CHECK(failure(node.put(std::string(256, 'x'), blob(1, 1))) == ErrorClass::kInvalidArgument);
  CHECK(failure(node.put(std::string("a\0b", 3), blob(1, 1))) == ErrorClass::kInvalidArgument);
  CHECK(failure(node.put("\xff\xfe", blob(1, 1))) == ErrorClass::kInvalidArgument);
  CHECK(node.put(std::string(255, 'x'), blob(1, 1)).has_value());
}

TEST_CASE("catalog: replacing is seen, removing too, and memory comes back", "[T-06][T-W6]") {
  auto server = start();
  auto client = start();
  const auto held = std::make_shared<int>(1);
  const auto content = noise(100'000, 1);
  const auto first = need(server.put("t", TensorView::bytes(content), held));
  const auto second = need(server.put("t", blob(100'000, 2)));
  CHECK(first < second);
  const Tensor got = need(client.get(server.ticket(), "t").wait());
  CHECK(same_bytes(got, noise(100'000, 2)));
  CHECK(got.generation() == second);
  need(server.remove("t"));
  CHECK(failure(server.remove("t")) == ErrorClass::kNotFound);
  CHECK(failure(client.get(server.ticket(), "t").wait()) == ErrorClass::kNotFound);
  CHECK(server.stats().catalog_tensors == 0);
  CHECK(held.use_count() == 1);
}

TEST_CASE("catalog: many that are put together are seen together, as one generation", "[T-06]") {
  auto server = start();
  auto client = start();
  const auto older = noise(1000, 1), newer = noise(1000, 2);
  const auto held = std::make_shared<int>(1);
  const auto items = [&](const std::vector<std::byte>& bytes) {
    std::vector<PutItem> all;
    for (const char* name : {"a", "b", "c"})
      all.push_back({.name = name, .view = TensorView::bytes(bytes), .keep_alive = held});
    return all;
  };
  const auto first = need(server.put_many(items(older)));
  const auto second = need(server.put_many(items(newer)));
  CHECK(first < second);
  for (auto& got : need(client.get_many(server.ticket(), {{.name = "c"}, {.name = "a"}, {.name = "b"}}).wait())) {
    const Tensor tensor = need(std::move(got));
    CHECK(same_bytes(tensor, newer));
    CHECK(tensor.generation() == second);
  }

  auto twice = items(older);
  twice[2].name = "a";
  const auto refused = server.put_many(std::move(twice));
  CHECK(failure(refused) == ErrorClass::kInvalidArgument);
  CHECK(refused.error().context().name == "a");
  auto nameless = items(older);
  nameless[1].name = "";
  CHECK(failure(server.put_many(std::move(nameless))) == ErrorClass::kInvalidArgument);
  CHECK(same_bytes(need(client.get(server.ticket(), "a").wait()), newer));
  CHECK(server.stats().catalog_tensors == 3);
  need(server.put_many({}));
  CHECK(server.stats().catalog_tensors == 3);
  for (const char* name : {"a", "b", "c"}) need(server.remove(name));
  CHECK(soon([&] { return held.use_count() == 1; }));
}

TEST_CASE("catalog: a batch is of one snapshot while others are published", "[T-06][T-F5]") {
  auto server = start();
  auto client = start();
  constexpr std::size_t kNames = 64;
  const auto publish = [&](std::uint32_t step) {
    const auto held = std::make_shared<std::vector<std::byte>>(noise(8192, step));
    std::vector<PutItem> all;
    for (std::size_t i = 0; i < kNames; ++i)
      all.push_back({.name = std::to_string(i), .view = TensorView::bytes(*held), .keep_alive = held});
    return need(server.put_many(std::move(all)));
  };
  publish(0);
  std::atomic<bool> over{false};
  std::thread publisher([&] {
    for (std::uint32_t step = 1; !over; ++step) publish(step);
  });
  std::vector<GetItem> items;
  for (std::size_t i = 0; i < kNames; ++i) items.push_back({.name = std::to_string(i)});
  Generation newest{};
  std::size_t mixed = 0, older = 0;
  for (int round = 0; round < 300; ++round) {
    const auto all = need(client.get_many(server.ticket(), items).wait());
    for (const auto& got : all)
      if (got->generation() != all.front()->generation() || got->digest() != all.front()->digest()) ++mixed;
    if (all.front()->generation() < newest) ++older;
    newest = all.front()->generation();
  }
  over = true;
  publisher.join();
  CHECK(mixed == 0);
  CHECK(older == 0);
}

TEST_CASE("catalog: what was replaced is let go though nobody asks for anything", "[T-06]") {
  auto server = start();
  auto client = start();
  const auto held = std::make_shared<int>(1);
  const auto content = noise(100'000, 1);
  need(server.put("t", TensorView::bytes(content), held));
  need(client.get(server.ticket(), "t").wait());  // the loop has looked at it
  need(server.put("t", blob(100, 2)));
  CHECK(soon([&] { return held.use_count() == 1; }));
}

TEST_CASE("catalog: a tensor replaced while it is pulled arrives whole, of one generation", "[T-06][N2]") {
  constexpr std::size_t kBytes = 4 << 20;
  std::atomic<int> written{0};
  std::atomic<bool> halfway{false}, replaced{false};
  // The server's loop waits at its fourth piece, until the tensor has been replaced.
  auto server = start({.on_phase = [&](std::string_view phase) {
    if (phase != "written" || ++written != 4) return;
    halfway = true;
    while (!replaced) std::this_thread::yield();
  }});
  auto client = start();
  std::uint64_t next = 1;
  std::vector<Generation> generations{{}};
  const auto replace = [&] { generations.push_back(need(server.put("t", blob(kBytes, next++)))); };
  replace();
  for (int i = 0; i < 20; ++i) {
    halfway = replaced = false;
    written = 0;
    auto pull = client.get(server.ticket(), "t");
    while (!halfway && !pull.ready()) std::this_thread::yield();
    CHECK(halfway);
    const Generation pulled = generations.back();
    if (i % 4 == 3) need(server.remove("t"));
    replace();
    replaced = true;
    const Tensor got = need(pull.wait());
    CHECK(got.generation() == pulled);
    CHECK(same_bytes(got, noise(kBytes, next - 2)));
  }
}

TEST_CASE("catalog: one bad name of a batch fails alone, the order is kept", "[T-F5]") {
  auto server = start();
  auto client = start();
  std::vector<GetItem> items;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string name = "t" + std::to_string(i);
    if (i != 7) need(server.put(name, blob(i * 977, i)));
    items.push_back({.name = name});
  }
  std::vector<std::uint8_t> memory(100 * 977);
  items[100].into = MutableTensorView::of<std::uint8_t>(memory, {100 * 977});
  items[200].slice = {{10, 20}};
  const auto all = need(client.get_many(server.ticket(), items).wait());
  REQUIRE(all.size() == 300);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(i);
    if (i == 7) {
      CHECK(failure(all[i]) == ErrorClass::kNotFound);
      continue;
    }
    REQUIRE(all[i].has_value());
    CHECK(all[i]->name() == items[i].name);
    auto expected = noise(i * 977, i);
    if (i == 200) expected = {expected.begin() + 10, expected.begin() + 20};
    CHECK(same_bytes(*all[i], expected));
  }
  CHECK(static_cast<const void*>(all[100]->bytes().data()) == memory.data());
  CHECK(need(client.get_many(server.ticket(), {}).wait()).empty());
}

TEST_CASE("catalog: what a get gave pulls again without its name, until it was replaced", "[T-W12][T18]") {
  auto server = start();
  auto client = start();
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{3 << 20}}) {
    need(server.put("t", blob(bytes, 1)));
    const Tensor known = need(client.get(server.ticket(), "t").wait());
    CHECK(same_bytes(need(client.get(server.ticket(), known).wait()), noise(bytes, 1)));
    need(server.put("other", blob(10, 9)));
    CHECK(same_bytes(need(client.get(server.ticket(), known).wait()), noise(bytes, 1)));
    need(server.put("t", blob(bytes, 2)));
    CHECK(failure(client.get(server.ticket(), known).wait()) == ErrorClass::kStale);
    need(server.remove("t"));
    need(server.put("new", blob(bytes, 3)));  // may take the index of what went
    CHECK(failure(client.get(server.ticket(), known).wait()) == ErrorClass::kStale);
  }
}

TEST_CASE("catalog: generation rules: any, exactly, newer, at least") {
  auto server = start();
  auto client = start();
  const auto first = need(server.put("t", blob(10, 1)));
  const auto second = need(server.put("t", blob(10, 2)));
  const auto get = [&](GenerationRule rule) { return client.get(server.ticket(), "t", {.generation = rule}).wait(); };
  CHECK(get(GenerationRule::any()).has_value());
  CHECK(get(GenerationRule::exactly(second)).has_value());
  CHECK(failure(get(GenerationRule::exactly(first))) == ErrorClass::kStale);
  CHECK(get(GenerationRule::newer_than(first)).has_value());
  CHECK(failure(get(GenerationRule::newer_than(second))) == ErrorClass::kNotFound);
  CHECK(get(GenerationRule::at_least(second)).has_value());
  CHECK(failure(get(GenerationRule::at_least(Generation{second.value + 1}))) == ErrorClass::kNotFound);
}

TEST_CASE("catalog: a listing is sorted, filtered by a glob and whole, however long") {
  auto server = start();
  auto client = start();
  for (int i = 0; i < 5000; ++i) need(server.put("kv." + std::to_string(i), tensor(DType::kF16, {i % 7 + 1, 3}, 1)));
  need(server.put("w", blob(5, 1)));
  const auto everything = need(client.list(server.ticket()).wait());
  CHECK(everything.size() == 5001);
  CHECK(std::is_sorted(everything.begin(), everything.end(),
                       [](const Entry& a, const Entry& b) { return a.name < b.name; }));
  CHECK(need(client.list(server.ticket(), "kv.499?").wait()).size() == 10);
  const auto one = need(client.list(server.ticket(), "kv.13").wait());
  REQUIRE(one.size() == 1);
  CHECK(one[0].meta.dtype == DType::kF16);
  CHECK(one[0].meta.shape == Shape{7, 3});
  CHECK(one[0].bytes == 42);
  CHECK(need(client.list(server.ticket(), "none*").wait()).empty());
}

TEST_CASE("loan: its end takes the name out and waits until nothing reads") {
  auto server = start();
  auto client = start();
  constexpr std::size_t kBytes = 64 << 20;
  auto content = noise(kBytes, 1);
  auto loan = need(server.lend("t", TensorView::bytes(content)));
  CHECK(same_bytes(need(client.get(server.ticket(), "t").wait()), content));
  CHECK(loan.generation().value != 0);
  auto pull = client.get(server.ticket(), "t");
  while (pull.progress().done == 0 && !pull.ready()) std::this_thread::yield();
  loan.end();
  const auto expected = noise(kBytes, 1);
  std::fill(content.begin(), content.end(), std::byte{0xEE});  // the memory is the caller's again
  const auto got = pull.wait();
  if (got)
    CHECK(same_bytes(*got, expected));
  else
    CHECK(failure(got) == ErrorClass::kCancelled);
  CHECK(failure(client.get(server.ticket(), "t").wait()) == ErrorClass::kNotFound);
}

TEST_CASE("loan: one that was replaced ends without taking the new one out") {
  auto server = start();
  auto client = start();
  const auto content = noise(1000, 1);
  {
    auto loan = need(server.lend("t", TensorView::bytes(content)));
    need(server.put("t", blob(1000, 2)));
  }
  CHECK(same_bytes(need(client.get(server.ticket(), "t").wait()), noise(1000, 2)));
}
