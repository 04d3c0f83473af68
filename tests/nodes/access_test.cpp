#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

namespace {

/// A push whose error names a class. Whoever refuses it does so before a byte of it travels.
Result<Receipt> push(TensorNode& from, const Ticket& to, const std::string& name) {
  static const auto content = noise(100'000, 1);
  return from.push(to, name, TensorView::bytes(content)).wait();
}

}  // namespace

TEST_CASE("start: a wide address without an access rule is refused, and says what to choose", "[T-19]") {
  const auto refused = TensorNode::start({.listen = {"0.0.0.0:0"}});
  CHECK(failure(refused) == ErrorClass::kInvalidArgument);
  CHECK(refused.error().hint().find("--allow") != std::string_view::npos);
  CHECK(failure(TensorNode::start({.listen = {":0"}})) == ErrorClass::kInvalidArgument);
  CHECK(TensorNode::start({.listen = {"0.0.0.0:0"}, .access = Access::any()}).has_value());
  CHECK(failure(TensorNode::start({.listen = {"not an address"}})) == ErrorClass::kInvalidArgument);
}

TEST_CASE("start: the ticket of every interface leads here, over IPv6 too", "[T-02]") {
  auto client = start();
  for (const char* address : {":0", "[::]:0"}) {
    CAPTURE(address);
    auto server = TensorNode::start({.listen = {address}, .access = Access::any()});
    if (!server && address[0] == '[') SKIP("this host has no IPv6");
    const Ticket ticket = need(std::move(server)).ticket();
    for (const auto& told : ticket.addresses) {
      CHECK(told.find("0.0.0.0") == std::string::npos);
      CHECK(told.find("[::]") == std::string::npos);
    }
  }
  auto server = start({.listen = {"[::]:0"}, .access = Access::any()});
  need(server.put("t", blob(10, 1)));
  for (const auto& address : server.ticket().addresses) {
    if (address.find("127.0.0.1") == std::string::npos && address.find("[::1]") == std::string::npos) continue;
    Ticket only = server.ticket();
    only.addresses = {address};
    auto fresh = start();
    need(fresh.get(only, "t").wait());
  }
}

TEST_CASE("access: a listing shows all that may be got, however much may not", "[T-19]") {
  auto server = start({.access = Access::local().names("z*")});
  auto client = start();
  for (int i = 0; i < 4200; ++i) need(server.put("a" + std::to_string(i), blob(1, 1)));
  need(server.put("z.1", blob(1, 1)));
  for (int i = 0; i < 100; ++i) need(server.put("m" + std::to_string(i), blob(1, 1)));
  need(server.put("z.2", blob(1, 1)));
  const auto shown = need(client.list(server.ticket()).wait());
  REQUIRE(shown.size() == 2);
  CHECK(shown[0].name == "z.1");
  CHECK(shown[1].name == "z.2");
  CHECK(need(client.list(server.ticket(), "a*").wait()).empty());
}

TEST_CASE("start: an address in use is Exists", "[T-02]") {
  auto node = start();
  std::string address = node.ticket().addresses.front();
  address.erase(0, std::string("tcp://").size());
  CHECK(failure(TensorNode::start({.listen = {address}})) == ErrorClass::kExists);
}

TEST_CASE("access: a peer that is not listed is Forbidden, and the hint admits it", "[T-19][T-F3]") {
  auto client = start();
  auto friendly = start();
  auto server = start({.access = Access::peers({friendly.id()})});
  need(server.put("t", blob(100'000, 1)));
  CHECK(same_bytes(need(friendly.get(server.ticket(), "t").wait()), noise(100'000, 1)));
  const auto refused = client.get(server.ticket(), "t").wait();
  CHECK(failure(refused) == ErrorClass::kForbidden);
  CHECK(refused.error().hint().find(client.id().to_string()) != std::string_view::npos);
  CHECK(failure(client.list(server.ticket()).wait()) == ErrorClass::kForbidden);
  CHECK(failure(push(client, server.ticket(), "x")) == ErrorClass::kForbidden);
  CHECK_FALSE(server.try_receive().has_value());
  CHECK(same_bytes(need(friendly.get(server.ticket(), "t").wait()), noise(100'000, 1)));
}

TEST_CASE("access: verbs and names are refused one by one, whether the name exists or not", "[T-F3]") {
  auto client = start();
  auto server = start({.access = Access::local().names("kv.*").verbs(AccessVerb::kGet | AccessVerb::kList)});
  need(server.put("kv.1", blob(10, 1)));
  need(server.put("secret", blob(10, 1)));
  CHECK(client.get(server.ticket(), "kv.1").wait().has_value());
  CHECK(failure(client.get(server.ticket(), "secret").wait()) == ErrorClass::kForbidden);
  CHECK(failure(client.get(server.ticket(), "absent").wait()) == ErrorClass::kForbidden);
  CHECK(failure(client.get(server.ticket(), "kv.absent").wait()) == ErrorClass::kNotFound);
  CHECK(need(client.list(server.ticket()).wait()).size() == 1);
  CHECK(failure(push(client, server.ticket(), "kv.1")) == ErrorClass::kForbidden);
  const std::vector<std::byte> few(10);  // go with the offer: they were said, and who heard them says no
  const auto refused = client.push(server.ticket(), "kv.1", TensorView::bytes(few)).wait();
  CHECK(failure(refused) == ErrorClass::kForbidden);
  CHECK_FALSE(refused.error().may_have_arrived());
  auto closed = start({.access = Access::local().verbs(AccessVerb::kPush)});
  CHECK(failure(client.list(closed.ticket()).wait()) == ErrorClass::kForbidden);
}

TEST_CASE("tickets: bad ones come back as the call's error, whatever the call", "[T-03][T-18]") {
  auto server = start();
  auto client = start();
  const std::string good = server.ticket().to_string();
  CHECK((good.starts_with("weft") || good.starts_with("node")));
  const std::vector<std::string> bad = {"",
                                        "invalid_address",
                                        "node123456789",
                                        "http://invalid.com",
                                        "node" + std::string(60, 'X'),
                                        good.substr(0, good.size() / 2),
                                        good + "aaaa",
                                        std::string(1 << 20, 'a')};
  for (const std::string& text : bad) {
    CAPTURE(text.substr(0, 80));
    const auto got = client.get(text, "t").wait();
    CHECK((failure(got) == ErrorClass::kMalformed || got.error().kind() == ErrorClass::kUnsupported));
    CHECK_FALSE(client.list(text).wait().has_value());
    CHECK_FALSE(client.ping(text).wait().has_value());
    CHECK_FALSE(client.explain(text).wait().has_value());
    CHECK_FALSE(client.get_many(text, {{.name = "t"}}).wait().has_value());
  }
  for (std::size_t at = 4; at < good.size(); at += 7) {
    std::string flipped = good;
    flipped[at] = flipped[at] == 'q' ? 'r' : 'q';
    if (flipped != good) CHECK_FALSE(client.ping(flipped).wait().has_value());
  }
}

TEST_CASE("tickets: an expired one is refused by every call, and a fresh one is not", "[T-03][T-18]") {
  auto server = start();
  auto client = start();
  const std::vector<std::byte> bytes(64);
  need(server.put("t", TensorView::bytes(bytes), nullptr));
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  Ticket fresh = server.ticket();
  fresh.not_after = now.count() + 3600;
  need(client.get(fresh, "t").wait());
  Ticket old = fresh;
  old.not_after = now.count() - 1;
  const auto refused = [](const auto& result) {
    CHECK(failure(result) == ErrorClass::kInvalidArgument);
    CHECK(result.error().message() == "the ticket has expired");
    CHECK(result.error().hint() == "get a fresh one from the node");
  };
  for (const Peer& peer : {Peer(old), Peer(old.to_string())}) {
    for (TensorNode* asking : {&client, &server}) {  // the server itself: without a wire
      refused(asking->get(peer, "t").wait());
      refused(asking->get_many(peer, {{.name = "t"}}).wait());
      refused(asking->list(peer).wait());
      refused(asking->push(peer, "t", TensorView::bytes(bytes)).wait());
      refused(asking->ping(peer).wait());
      refused(asking->explain(peer, "t").wait());
    }
  }
  std::vector<std::byte> slot(64);
  auto target = need(server.open_target({.name = "grains", .slots = {slot}}));
  auto initiator = need(client.open_initiator());
  TargetInfo info = target.info();
  info.ticket = old;
  refused(initiator.add_target(info));
  info.ticket = fresh;
  until_connected(initiator, need(initiator.add_target(info)));
}

TEST_CASE("tickets: an address that leads to another node is Unauthenticated", "[T-19]") {
  auto server = start();
  auto other = start();
  auto client = start();
  Ticket wrong = server.ticket();
  wrong.addresses = other.ticket().addresses;
  CHECK(failure(client.ping(wrong).wait()) == ErrorClass::kUnauthenticated);
  CHECK(client.ping(other.ticket()).wait().has_value());
}

TEST_CASE("tickets: an address nobody listens on is PeerUnreachable at once", "[T-05]") {
  auto client = start();
  Ticket gone = start().ticket();
  CHECK(failure(client.ping(gone).wait()) == ErrorClass::kPeerUnreachable);
  gone.addresses.clear();
  CHECK(failure(client.ping(gone).wait()) == ErrorClass::kPeerUnreachable);
}

TEST_CASE("self: a node's own ticket is served without a wire") {
  auto node = start();
  const auto content = noise(500'000, 1);
  need(node.put("t", blob(500'000, 1)));
  const Ticket self = node.ticket();
  const Tensor got = need(node.get(self, "t").wait());
  CHECK(same_bytes(got, content));
  CHECK(got.lane() == Lane::kLocal);
  CHECK(same_bytes(need(node.get(self, got).wait()), content));
  CHECK(same_bytes(need(node.get(self, "t", {.slice = {{10, 20}}}).wait()),
                   {content.begin() + 10, content.begin() + 20}));
  CHECK(failure(node.get(self, "absent").wait()) == ErrorClass::kNotFound);
  CHECK(need(node.list(self).wait()).size() == 1);
  CHECK(need(node.ping(self).wait()).node == node.id());
  CHECK(need(node.explain(self, "t").wait()).lanes.front().lane == "local");
  auto waiting = node.receive("x");
  CHECK(need(node.push(self, "x", TensorView::bytes(content)).wait()).bytes == 500'000);
  CHECK(same_bytes(need(waiting.wait()), content));
  CHECK(node.stats().dials == 0);
}

TEST_CASE("self: into and pages mean the same as over a wire") {
  auto node = start();
  need(node.put("t", tensor(DType::kU8, {10, 100}, 1)));
  const auto content = noise(1000, 1);
  std::vector<std::uint8_t> memory(1000, 0xEE);
  const std::vector<std::uint32_t> source{7, 2}, target{0, 9};
  need(node.get(node.ticket(), "t",
                {.pages = {.source = source, .target = target},
                 .into = MutableTensorView::of<std::uint8_t>(memory, {10, 100})})
           .wait());
  CHECK(std::memcmp(memory.data(), content.data() + 700, 100) == 0);
  CHECK(std::memcmp(memory.data() + 900, content.data() + 200, 100) == 0);
  CHECK(memory[100] == 0xEE);
  std::vector<float> other(250);
  CHECK(failure(node.get(node.ticket(), "t", {.into = MutableTensorView::of<float>(other, {250})}).wait()) ==
        ErrorClass::kInvalidArgument);
}

TEST_CASE("ping, explain, stats: tell what is", "[T-14][T-F4]") {
  auto server = start();
  auto client = start();
  need(server.put("small", blob(100, 1)));
  need(server.put("large", blob(10 << 20, 1)));
  const PingReport ping = need(client.ping(server.ticket()).wait());
  CHECK(ping.node == server.id());
  CHECK(ping.round_trip.count() > 0);
  CHECK(ping.address == server.ticket().addresses.front());
  const Plan plan = need(client.explain(server.ticket(), "large").wait());
  CHECK(plan.bytes == 10 << 20);
  CHECK(plan.same_host);
  CHECK(std::count_if(plan.lanes.begin(), plan.lanes.end(), [](const PlanLane& lane) { return lane.chosen; }) == 1);
  CHECK(need(client.explain(server.ticket(), "small").wait()).lanes.front().lane == "tls");
  CHECK(failure(client.explain(server.ticket(), "absent").wait()) == ErrorClass::kNotFound);
  CHECK(need(client.explain(server.ticket()).wait()).name.empty());
  for (const PlanLane& lane : plan.lanes) CHECK(lane.expected.empty());  // nothing was measured yet
  const Tensor got = need(client.get(server.ticket(), "large").wait());
  for (const PlanLane& lane : need(client.explain(server.ticket(), "large").wait()).lanes)
    CHECK(lane.expected.empty() == (lane.lane != to_string(got.lane())));
  CHECK(server.stats().catalog_tensors == 2);
  CHECK(server.stats().catalog_bytes == (10 << 20) + 100);
  CHECK(client.stats().bytes_in == 10 << 20);
  CHECK(client.stats().pulls == 1);
  CHECK(client.stats().landing_bytes >= got.bytes().size());
  auto sealed = start({.lanes = {Lane::kTls}});
  const Tensor other = need(sealed.get(server.ticket(), "large").wait());
  CHECK(other.lane() == Lane::kTls);
  CHECK(same_bytes(other, noise(10 << 20, 1)));
}
