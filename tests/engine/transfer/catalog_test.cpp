#include <atomic>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include <weft/transfer/catalog.hpp>

using namespace weft;
using namespace weft::transfer;

namespace {

std::shared_ptr<transfer::Entry> entry(std::string name, std::uint64_t bytes = 4) {
  auto made = std::make_shared<transfer::Entry>();
  made->name = std::move(name);
  made->bytes = bytes;
  return made;
}

}  // namespace

TEST_CASE("catalog: one publish of many names shares one generation, and a replaced name keeps its index", "[T-06]") {
  Catalog catalog;
  const Generation first = catalog.publish({entry("a"), entry("b")});
  const auto before = catalog.snapshot();
  CHECK(before->find("a")->generation == first);
  CHECK(before->find("b")->generation == first);
  const std::uint32_t index = before->find("a")->index;
  const Generation second = catalog.publish({entry("a", 8)});
  CHECK(second > first);
  const auto after = catalog.snapshot();
  CHECK(after->find("a")->index == index);
  CHECK(after->find(index) == after->find("a"));
  CHECK(after->bytes() == 12);
  CHECK(before->find("a")->generation == first);  // a batch goes on reading what it began with
}

TEST_CASE("catalog: a removed name is gone, its entry lives while a snapshot holds it, generations are never reused") {
  Catalog catalog;
  const Generation made = catalog.publish({entry("a")});
  const auto held = catalog.snapshot();
  const std::string_view name = "a";
  CHECK(catalog.remove({&name, 1}).size() == 1);
  CHECK(catalog.remove({&name, 1}).empty());
  CHECK(catalog.snapshot()->find("a") == nullptr);
  CHECK(catalog.snapshot()->size() == 0);
  CHECK(held->find("a") != nullptr);
  CHECK(catalog.publish({entry("a")}) > made);
  CHECK(catalog.draw() > made);
}

TEST_CASE("catalog: remove_entry takes only the entry that was meant") {
  Catalog catalog;
  const auto old = entry("a");
  catalog.publish({old});
  catalog.publish({entry("a")});
  CHECK_FALSE(catalog.remove_entry(*old));
  CHECK(catalog.snapshot()->find("a") != nullptr);
}

TEST_CASE("catalog: listings are sorted, globbed, and go on after a name") {
  Catalog catalog;
  catalog.publish({entry("l.2"), entry("l.0"), entry("x"), entry("l.1")});
  const auto page = catalog.snapshot()->list("l.*", "", 2);
  REQUIRE(page.size() == 2);
  CHECK(page[0]->name == "l.0");
  CHECK(page[1]->name == "l.1");
  const auto rest = catalog.snapshot()->list("l.*", "l.1", 0);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0]->name == "l.2");
}

TEST_CASE("catalog: a reader on another thread sees whole snapshots while somebody publishes", "[T-31]") {
  Catalog catalog;
  catalog.publish({entry("a"), entry("b")});
  std::atomic<bool> stop{false};
  std::atomic<bool> mixed{false};
  std::jthread reader([&] {
    Catalog::Reader view(catalog);
    Generation last{};
    while (!stop.load()) {
      const auto snapshot = view.current();
      const auto a = snapshot->find("a");
      const auto b = snapshot->find("b");
      if (!a || !b || a->generation != b->generation || a->generation < last) mixed = true;
      if (a) last = a->generation;
    }
  });
  for (int i = 0; i < 2000; ++i) catalog.publish({entry("a"), entry("b")});
  stop = true;
  reader.join();
  CHECK_FALSE(mixed.load());
}

TEST_CASE("leaf cache: a reader on another thread sees all leaves or none") {
  for (int round = 0; round < 200; ++round) {
    LeafCache cache;
    std::jthread writer([&] { cache.set({1, 2, 3}); });
    const auto* seen = cache.get();
    if (seen != nullptr) CHECK(*seen == std::vector<std::uint64_t>{1, 2, 3});
    writer.join();
    REQUIRE(cache.get() != nullptr);
    cache.set({9});  // once only
    CHECK(cache.get()->size() == 3);
  }
}
