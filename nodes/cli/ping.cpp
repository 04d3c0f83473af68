#include <algorithm>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>

namespace weft::cli {
namespace {

class PingCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("TICKET", ticket_, "of the node");
    arguments.number("-c,--count", "N", count_, "round trips (default 4)", {.most = kMostTrips});
  }

  Result<int> run(Context& context) override {
    WEFT_LET(const auto ticket, read_ticket(context, ticket_));
    WEFT_LET(auto node, start_client(context));
    const auto begun = Clock::now();
    WEFT_LET(auto last, await(node.ping(ticket, deadline_of(context))));
    const Duration connected = Clock::now() - begun;  // dialling, TLS, hello, and a round trip
    std::vector<Duration> trips;
    while (trips.size() < count_ && Signals::caught() == 0) {
      auto trip = await(node.ping(ticket, deadline_of(context)));
      if (!trip && Signals::caught() != 0) break;  // what was measured is told all the same
      WEFT_LET(last, std::move(trip));
      trips.push_back(last.round_trip);
    }
    if (trips.empty()) return fail(ErrorClass::kCancelled, "ping", "cancelled");
    std::ranges::sort(trips);
    if (context.out.format() == Format::kJson)
      show_json(context, last, trips, connected);
    else
      show(context, last, trips, connected);
    return Signals::caught() == 0 ? 0 : 128 + Signals::caught();
  }

 private:
  static void show_json(Context& context, const PingReport& last, const std::vector<Duration>& trips,
                        Duration connected) {
    context.out.json({{"peer", last.peer},
                      {"node", last.node.to_string()},
                      {"incarnation", last.incarnation.to_string()},
                      {"address", last.address},
                      {"version", last.version},
                      {"count", trips.size()},
                      {"min_ms", milliseconds(trips.front())},
                      {"p50_ms", milliseconds(trips[trips.size() / 2])},
                      {"max_ms", milliseconds(trips.back())},
                      {"connect_ms", milliseconds(connected)},
                      {"skew_ms", milliseconds(last.skew)}});
  }

  static void show(Context& context, const PingReport& last, const std::vector<Duration>& trips, Duration connected) {
    auto& out = context.out;
    const auto text = [&](Duration time) { return latency_text(time, out.utf8()); };
    if (out.format() == Format::kPlain) {
      for (const auto trip : trips) out.data(fmt::format("{:.6f}", milliseconds(trip)));
      return;
    }
    out.data(fmt::format("{} at {}, protocol {}", escaped(last.peer), escaped(last.address), last.version));
    out.data(fmt::format("round trip   p50 {}  min {}  max {}   ({} of them)", text(trips[trips.size() / 2]),
                         text(trips.front()), text(trips.back()), trips.size()));
    out.data(fmt::format("connecting   {}", text(connected)));
    out.data(fmt::format("clock skew   {:+.2f} ms", milliseconds(last.skew)));
  }

  static constexpr std::uint64_t kMostTrips = 1'000'000;  // each is kept, for the median
  std::string ticket_;
  std::uint64_t count_ = 4;
};

}  // namespace

std::unique_ptr<Command> make_ping() { return std::make_unique<PingCommand>(); }

}  // namespace weft::cli
