#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/demo_lane.hpp>
#include <weft/nodes/cli/demo_model.hpp>
#include <weft/nodes/cli/demo_raw.hpp>
#include <weft/nodes/cli/demo_server.hpp>
#include <weft/nodes/cli/failure.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/nodes/cli/table.hpp>

namespace weft::cli {
namespace {

constexpr std::uint64_t kRoomBeside = 16ull << 20;

std::string rate_text(double rate) { return rate > 0 ? fmt::format("{:.2f} GB/s", rate / 1e9) : std::string("-"); }

/// What the machine does without Weft.
struct Beside {
  Result<RawRate> raw;
  double copying = 0;
};

class DemoCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.path("--model", "FILE", model_, "a .safetensors file of yours instead of one that is made");
    arguments.parsed("--size", "SIZE", "of the model that is made (default 256MiB)",
                     [this](std::string_view text) -> Result<void> {
                       WEFT_LET(size_, parse_size(text));
                       return {};
                     });
    arguments.list("--lanes", "LANES", lanes_, "only these: tls,tcp; default: every lane this host has");
  }

  Result<int> run(Context& context) override {
    if (size_ < kLeastDemoBytes)
      return fail(ErrorClass::kInvalidArgument, "demo",
                  fmt::format("--size is at least {}", human_bytes(kLeastDemoBytes)));
    if (!model_.empty()) return show(context, model_);
    const auto items = demo_tensors(size_);
    WEFT_LET(const auto folder, ScratchFolder::make(size_ + kRoomBeside));
    const auto path = folder.path() / "model.safetensors";
    WEFT_TRY(write_demo_model(context, path, items));
    return show(context, path);
  }

 private:
  Result<int> show(Context& context, const std::filesystem::path& path) const {
    WEFT_LET(const auto model, SafetensorsFile::open(path));
    std::uint64_t bytes = 0;
    for (const auto& entry : model.entries()) bytes += entry.bytes;
    WEFT_LET(const auto server, DemoServer::start(context, path));
    context.out.say(fmt::format("process {} serves {} tensors, {}; this process pulls them and compares every byte",
                                server.process(), model.entries().size(), human_bytes(bytes)));
    WEFT_LET(const auto lanes, lanes_to_show(context, server.ticket()));
    std::vector<LaneResult> results;
    for (const auto lane : lanes) {
      results.push_back(run_lane(context, server.ticket(), model, lane));
      WEFT_TRY(in_time(context));
    }
    const Beside beside{raw_rate(context, bytes), memcpy_rate(context, bytes)};
    WEFT_TRY(in_time(context));
    if (context.out.format() == Format::kJson)
      tell_json(context, model.entries().size(), bytes, results, beside);
    else
      tell(context, results, beside);
    return verdict(context, results);
  }

  Result<std::vector<Lane>> lanes_to_show(Context& context, const Ticket& ticket) const {
    std::vector<Lane> lanes;
    for (const auto& word : lanes_) {
      WEFT_LET(const auto lane, parse_lane_name(word));
      lanes.push_back(lane);
    }
    if (context.settings.lane != Lane::kAuto) lanes.push_back(context.settings.lane);
    if (!lanes.empty()) return lanes;
    WEFT_LET(auto node, start_client(context));
    WEFT_LET(const auto plan, await(node.explain(ticket, {}, deadline_of(context))));
    for (const auto& lane : plan.lanes)
      if (const auto known = parse_lane(lane.lane); known && lane.usable) lanes.push_back(*known);
    if (lanes.empty()) return fail(ErrorClass::kUnsupported, "demo", "no lane between two processes of this host");
    return lanes;
  }

  static void tell(Context& context, const std::vector<LaneResult>& results, const Beside& beside) {
    auto& out = context.out;
    Table table({{"LANE"}, {"FIRST PASS", true}, {"WARM", true}, {"FIRST TENSOR", true}, {"CHECKED"}});
    for (const auto& result : results) {
      const auto first = result.first_tensor ? latency_text(*result.first_tensor, out.utf8()) : std::string("-");
      const auto checked = result.error
                               ? fmt::format("{}: {}", to_string(result.error->kind()), failure_text(*result.error))
                               : fmt::format("{} passes, every byte equal", result.passes);
      table.add(
          {std::string(to_string(result.lane)), rate_text(result.first_pass), rate_text(result.warm), first, checked});
    }
    const auto& raw = beside.raw;
    table.add({"raw libfabric", "-", rate_text(raw ? raw->bytes_per_second : 0), "-",
               raw ? raw->how : failure_text(raw.error())});
    table.add({"memcpy", "-", rate_text(beside.copying), "-", "memory to memory, one core"});
    out.table(table);
    out.say(
        "\nBy hand, in two terminals:\n"
        "  weft serve model.safetensors --ticket-file t\n"
        "  weft ls @t\n"
        "  weft get @t -o copy.safetensors");
  }

  static void tell_json(Context& context, std::size_t tensors, std::uint64_t bytes,
                        const std::vector<LaneResult>& results, const Beside& beside) {
    Json lanes = Json::array();
    for (const auto& result : results) {
      Json lane{
          {"lane", to_string(result.lane)}, {"verified", !result.error}, {"first_pass_gbps", result.first_pass / 1e9},
          {"gbps", result.warm / 1e9},      {"passes", result.passes},   {"first_tensor_ms", nullptr}};
      if (result.first_tensor) lane["first_tensor_ms"] = milliseconds(*result.first_tensor);
      if (result.error)
        lane.update({{"class", to_string(result.error->kind())}, {"message", failure_text(*result.error)}});
      lanes.push_back(std::move(lane));
    }
    const Json raw = beside.raw ? Json(beside.raw->bytes_per_second / 1e9) : Json(nullptr);
    context.out.json({{"tensors", tensors},
                      {"bytes", bytes},
                      {"lanes", std::move(lanes)},
                      {"raw_libfabric_gbps", raw},
                      {"memcpy_gbps", beside.copying / 1e9}});
  }

  // A lane that failed is the demo's failure; the table has told which.
  static Result<int> verdict(Context&, const std::vector<LaneResult>& results) {
    for (const auto& result : results)
      if (result.error) return fail(*result.error);
    return 0;
  }

  std::filesystem::path model_;
  std::uint64_t size_ = 256ull << 20;
  std::vector<std::string> lanes_;
};

}  // namespace

std::unique_ptr<Command> make_demo() { return std::make_unique<DemoCommand>(); }

}  // namespace weft::cli
