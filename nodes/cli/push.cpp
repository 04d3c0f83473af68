#include <deque>
#include <memory>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/failure.hpp>
#include <weft/nodes/cli/progress_bar.hpp>
#include <weft/nodes/cli/push_result.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>
#include <weft/tensor/safetensors.hpp>
#include <weft/tensor/safetensors_metadata.hpp>

namespace weft::cli {
namespace {

constexpr std::uint64_t kFlyingBytes = 256ull << 20;
constexpr std::size_t kFlyingTensors = 64;

// One tensor of the file on its way to every receiver that is still there. One buffer for all of them.
struct Flight {
  std::uint64_t bytes = 0;
  std::shared_ptr<std::byte[]> buffer{};
  std::vector<std::pair<std::size_t, Future<Receipt>>> calls{};  // receiver, call
};

class Pusher {
 public:
  Pusher(Context& context, TensorNode& node, const SafetensorsFile& file, std::vector<PushResult>& receivers)
      : context_(context),
        node_(node),
        file_(file),
        attributes_(attributes_of(file.header().metadata())),
        receivers_(receivers) {}

  Result<void> run(ProgressBar& bar) {
    for (const auto& entry : file_.entries()) {
      while (!flights_.empty() && (flights_.size() == kFlyingTensors || flying_ + entry.bytes > kFlyingBytes))
        land(bar);
      if (Signals::caught() != 0) break;
      WEFT_TRY(launch(entry));
    }
    while (!flights_.empty()) land(bar);
    if (Signals::caught() != 0) return fail(ErrorClass::kCancelled, "push", "cancelled");
    return {};
  }

 private:
  Result<void> launch(const SafetensorsEntry& entry) {
    Flight flight{.bytes = entry.bytes, .buffer = std::make_shared_for_overwrite<std::byte[]>(entry.bytes)};
    WEFT_TRY(file_.read(entry.offset, {flight.buffer.get(), entry.bytes}));
    TensorMeta meta = entry.meta;
    meta.attributes = attributes_;
    WEFT_LET(const auto view, TensorView::make(meta, flight.buffer.get()));
    for (std::size_t at = 0; at < receivers_.size(); ++at)
      if (!receivers_[at].gone)
        flight.calls.emplace_back(at, node_.push(receivers_[at].ticket, entry.name, view,
                                                 {.deadline = deadline_of(context_), .lane = context_.settings.lane}));
    flying_ += flight.bytes;
    flights_.push_back(std::move(flight));
    return {};
  }

  void land(ProgressBar& bar) {
    auto flight = std::move(flights_.front());
    flights_.pop_front();
    for (auto& [receiver, call] : flight.calls) {
      auto receipt = await(call, [&] { show(bar, &flight); });
      if (receipt) settled_ += flight.bytes;
      receivers_[receiver].take(std::move(receipt), flight.bytes);
    }
    flying_ -= flight.bytes;
    show(bar, nullptr);
  }

  void show(ProgressBar& bar, const Flight* landing) const {
    std::uint64_t bytes = settled_;
    std::uint64_t tensors = 0;
    const auto add = [&](const Flight& flight) {
      for (const auto& [_, call] : flight.calls) bytes += std::min(flight.bytes, call.progress().done);
    };
    if (landing != nullptr) add(*landing);
    for (const auto& flight : flights_) add(flight);
    for (const auto& receiver : receivers_) tensors += receiver.tensors;
    bar.update(tensors, bytes);
  }

  Context& context_;
  TensorNode& node_;
  const SafetensorsFile& file_;
  Attributes attributes_;
  std::vector<PushResult>& receivers_;
  std::deque<Flight> flights_;
  std::uint64_t flying_ = 0, settled_ = 0;
};

class PushCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("FILE", path_, "a .safetensors file");
    arguments.positionals("TICKET", tickets_, "of the receivers: what `weft recv` printed there", Needed::kYes);
  }

  Result<int> run(Context& context) override {
    std::vector<PushResult> receivers;
    for (const auto& argument : tickets_) {
      WEFT_LET(auto tickets, read_tickets(context, argument));
      for (auto& ticket : tickets) receivers.emplace_back(std::move(ticket));
    }
    WEFT_LET(const auto file, SafetensorsFile::open(path_));
    std::uint64_t bytes = 0;
    for (const auto& entry : file.entries()) bytes += entry.bytes;
    WEFT_LET(auto node, start_client(context));

    const auto all = receivers.size();
    ProgressBar bar(context.out, "", "tensors", file.entries().size() * all, bytes * all);
    Pusher pusher(context, node, file, receivers);
    WEFT_TRY(pusher.run(bar));
    const auto failed = failures(receivers);
    const auto taken = bar.taken();
    if (failed == 0) bar.finish(fmt::format("{}   verified", lane_text(receivers)));
    return tell(context, receivers, failed, file.entries().size(), bytes, taken);
  }

 private:
  Result<int> tell(Context& context, std::vector<PushResult>& receivers, std::size_t failed, std::size_t tensors,
                   std::uint64_t bytes, Duration taken) const {
    auto& out = context.out;
    if (out.format() == Format::kJson) {
      Json list = Json::array();
      for (const auto& receiver : receivers) list.push_back(receiver.json());
      out.json({{"file", path_},
                {"tensors", tensors},
                {"bytes", bytes},
                {"seconds", seconds(taken)},
                {"failed", failed},
                {"receivers", std::move(list)}});
    } else if (receivers.size() > 1 || out.format() == Format::kPlain) {
      out.table(push_table(receivers, tensors, out.format() == Format::kPlain));
    }
    if (failed == 0) return 0;
    const bool nothing = receivers.size() == 1 && receivers.front().tensors == 0;
    if (nothing && receivers.front().error) return fail(*receivers.front().error);
    if (out.format() != Format::kJson) complain(out, receivers, failed);
    return kSomeFailed;
  }

  // What failed, and the command that tries only that again.
  void complain(Output& out, const std::vector<PushResult>& receivers, std::size_t failed) const {
    if (receivers.size() == 1) static_cast<void>(report(*receivers.front().error, out));
    out.complain(fmt::format("{} {} of {} receivers lack tensors", out.words_style(Style::kBad, "error:"), failed,
                             receivers.size()));
    std::string again = "weft push " + escaped(path_);
    for (const auto& receiver : receivers)
      if (receiver.error) again += " " + receiver.ticket.to_string();
    out.complain(fmt::format(" {} {}", out.words_style(Style::kHeading, "hint:"), again));
  }

  static constexpr int kSomeFailed = 10;
  std::string path_;
  std::vector<std::string> tickets_;
};

}  // namespace

std::unique_ptr<Command> make_push() { return std::make_unique<PushCommand>(); }

}  // namespace weft::cli
