#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/variant_utils.hpp>

#include "loopback.hpp"

using namespace weft;
using namespace weft::fabric;
using namespace weft::fabric::test;

TEST_CASE("connect data of any length reaches the acceptor whole, before it decides", "[fabric][O-32][O-43]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      for (std::size_t length : {0u, 1u, 8u, 9u, 55u, 256u}) {
        if (length > 55 && std::string_view{provider} == "verbs") continue;  // no more goes into its requests
        Side a{provider};
        Side b{provider};
        const PassiveEndpoint listener = b.listener();
        const auto data = bytes_of(std::string(length, 'p'));
        const Endpoint dialled = a.dialler(unwrap(listener.local_address()), data);
        until(a, b, "a request", [&] { return b.count<ConnectionRequested>() == 1; });
        CHECK(b.first<ConnectionRequested>().data() == data);
        CHECK(b.first<ConnectionRequested>().fid() == listener.fid());
        Endpoint accepted = b.endpoint(b.first<ConnectionRequested>().info().view());
        REQUIRE(accepted.accept());
        until(a, b, "both connected", [&] { return a.count<Connected>() == 1 && b.count<Connected>() == 1; });
        CHECK(a.first<Connected>().fid() == dialled.fid());
        CHECK(b.first<Connected>().fid() == accepted.fid());
      }
    }
  }
}

TEST_CASE("a refused request tells its dialler so", "[fabric][O-34]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Side a{provider};
      Side b{provider};
      PassiveEndpoint listener = b.listener();
      const Endpoint dialled = a.dialler(unwrap(listener.local_address()));
      until(a, b, "a request", [&] { return b.count<ConnectionRequested>() == 1; });
      REQUIRE(listener.reject(b.first<ConnectionRequested>().info()));
      until(a, b, "the refusal", [&] { return a.count<EventError>() == 1; });
      CHECK(a.first<EventError>().fid() == dialled.fid());
      CHECK(a.first<EventError>().code() == ECONNREFUSED);
      CHECK(a.count<Connected>() == 0);
    }
  }
}

TEST_CASE("a dial to a port where nobody listens fails with an event", "[fabric][O-31]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Side a{provider};
      Side b{provider};
      std::optional<FabricAddress> gone;
      { gone = unwrap(b.listener().local_address()); }
      const Endpoint dialled = a.dialler(*gone);
      until(a, b, "the failure", [&] { return a.count<EventError>() == 1; });
      CHECK(a.first<EventError>().code() == ECONNREFUSED);
      CHECK(a.first<EventError>().to_string().find("refused") != std::string::npos);
    }
  }
}

TEST_CASE("a target is connected to a hundred times by the address it gave out, and by four at once",
          "[fabric][O-34][O-W16][O-W17]") {
  for (const char* provider : kSoftwareProviders) {
    DYNAMIC_SECTION("on " << provider) {
      Side a{provider};
      Side b{provider};
      const PassiveEndpoint listener = b.listener();
      const FabricAddress address = unwrap(listener.local_address());
      std::vector<Endpoint> dialled;
      std::vector<Endpoint> accepted;
      for (std::size_t lap = 0; lap < 100; ++lap) {
        a.seen.clear();
        b.seen.clear();
        dialled.push_back(a.dialler(address));
        until(a, b, "a request", [&] { return b.count<ConnectionRequested>() == 1; });
        accepted.push_back(b.endpoint(b.first<ConnectionRequested>().info().view()));
        REQUIRE(accepted.back().accept());
        until(a, b, "a connection", [&] { return a.count<Connected>() == 1 && b.count<Connected>() == 1; });
        if (dialled.size() < 4) continue;  // four are up; the oldest goes, from either side
        (lap % 2 == 0 ? dialled : accepted).front().close();
        dialled.erase(dialled.begin());
        accepted.erase(accepted.begin());
      }
      CHECK(dialled.size() == 3);
    }
  }
}

TEST_CASE("a hundred requests at once are all reported", "[fabric][O-42]") {
  for (const char* provider : provider_names()) {
    DYNAMIC_SECTION("on " << provider) {
      Side a{provider};
      Side b{provider};
      const PassiveEndpoint listener = b.listener();
      std::vector<Endpoint> dialled;
      for (int i = 0; i < 100; ++i) dialled.push_back(a.dialler(unwrap(listener.local_address())));
      until(a, b, "every request", [&] { return b.count<ConnectionRequested>() == 100; });
      std::vector<Endpoint> accepted;
      for (Event& event : b.seen)
        if (auto* request = std::get_if<ConnectionRequested>(&event)) {
          accepted.push_back(b.endpoint(request->info().view()));
          REQUIRE(accepted.back().accept());
        }
      until(a, b, "every connection", [&] { return a.count<Connected>() == 100 && b.count<Connected>() == 100; });
    }
  }
}

TEST_CASE("the peer of a shutdown or a close sees exactly one Shutdown", "[fabric][O-33]") {
  for (const char* provider : provider_names()) {
    for (bool by_close : {false, true}) {
      DYNAMIC_SECTION("on " << provider << (by_close ? " by close" : " by shutdown")) {
        Connection pair{provider};
        if (by_close)
          pair.at_a->close();
        else
          REQUIRE(pair.at_a->shutdown());
        pair.until("the end", [&] { return pair.b.count<Shutdown>() + pair.b.count<EventError>() == 1; });
        for (int lap = 0; lap < 100; ++lap) {
          pair.a.turn();
          pair.b.turn();
        }
        CHECK(pair.b.count<Shutdown>() == 1);
        CHECK(pair.b.first<Shutdown>().fid() == pair.at_b->fid());
      }
    }
  }
}

TEST_CASE("a queue is bound once, and stays open under its endpoint", "[fabric][O-26]") {
  Side side{"tcp"};
  std::optional<Endpoint> endpoint;
  {
    const EventQueue events = unwrap(EventQueue::open(side.fabric));
    const CompletionQueue completions = unwrap(CompletionQueue::open(side.domain));
    endpoint.emplace(unwrap(Endpoint::create(side.domain, side.info.view())));
    REQUIRE(endpoint->bind(events));
    REQUIRE(endpoint->bind(completions));
    CHECK(endpoint->bind(events).error().kind() == ErrorClass::kInvalidArgument);
    CHECK(endpoint->bind(completions).error().kind() == ErrorClass::kInvalidArgument);
  }
  CHECK(endpoint->enable());
}

TEST_CASE("an event is visited by its kind", "[fabric][O-43][O-56]") {
  const Event event = EventError{nullptr, ECONNREFUSED, 12, "provider text"};
  CHECK(event.is_error());
  CHECK_FALSE(event.is_connected());
  const std::string text = std::visit(overloaded{[](const Event::ConnectionRequested&) { return std::string{}; },
                                                 [](const Event::Connected&) { return std::string{}; },
                                                 [](const Event::Shutdown&) { return std::string{}; },
                                                 [](const Event::Error& error) { return error.to_string(); }},
                                      event);
  CHECK(text.find("111") != std::string::npos);
  CHECK(text.find("provider text (12)") != std::string::npos);
}
