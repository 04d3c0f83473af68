#include <poll.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/grain_file.hpp>
#include <weft/nodes/cli/grain_pattern.hpp>
#include <weft/nodes/cli/output_file.hpp>
#include <weft/nodes/cli/presence.hpp>
#include <weft/nodes/cli/progress_bar.hpp>
#include <weft/nodes/cli/quantity.hpp>

namespace weft::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMostRingBytes = 64ull << 30;
constexpr std::uint64_t kMostGrains = 1 << 20;
constexpr Duration kBackIn = 10s;  // a target that was lost; without --timeout

/// Target infos as a person gives them: the text, @FILE that holds it, or - for standard input.
Result<TargetInfo> read_info(const std::string& argument) {
  if (argument != "-" && !argument.starts_with('@')) return TargetInfo::parse(argument);
  std::ifstream file(argument == "-" ? "/dev/stdin" : argument.substr(1));
  if (!file)
    return fail(Error{ErrorClass::kNotFound, "open", "no file " + escaped(argument)}.with_hint(
        "`weft grains recv --info-file FILE` writes one when it is ready"));
  return TargetInfo::parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// What hints at tickets is about target infos here.
Error of_info(Error error) {
  if (error.hint().find("ticket") == std::string_view::npos) return error;
  return std::move(error).with_hint(
      "does `weft grains recv` run there? A new start has a new target info, unless --identity and a fixed --listen "
      "keep it");
}

class GrainsCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("ACTION", action_, "recv: open a ring and take what comes; send: write rings of others");
    arguments.positionals("INFO", infos_, "send: target infos: the text, @FILE or -", Needed::kNo);
    arguments.number("--grains", "N", grains_, "recv: slots of the ring (default 16)");
    arguments.parsed("--size", "SIZE", "recv: of a grain (default 1MiB)",
                     [this](std::string_view text) -> Result<void> {
                       WEFT_LET(size_, parse_size(text));
                       return {};
                     });
    arguments.number("--initiators", "N", initiators_, "recv: how many may write at a time (default 1)");
    arguments.text("--name", "NAME", name_, "recv: of the ring (default grains); with --identity the info stays valid");
    arguments.number("-n,--count", "N", count_, "end after N grains (send: default 1000)");
    arguments.number("--rate", "N", rate_, "send: so many grains a second; default: as fast as they go");
    arguments.path("--file", "FILE", file_, "send: cut into grains, instead of a pattern; recv: put together again");
    presence_.declare(arguments);
  }

  Result<int> run(Context& context) override {
    if (action_ == "recv") return receive(context);
    if (action_ == "send") return send(context);
    return fail(Error{ErrorClass::kInvalidArgument, "grains", "\"" + escaped(action_) + "\" is neither recv nor send"}
                    .with_hint("weft grains recv --info-file i; elsewhere: weft grains send @i"));
  }

 private:
  struct Tally {
    std::uint64_t grains = 0, bytes = 0, bad = 0, failed = 0;
    TimePoint begun = Clock::now();
  };

  Result<int> receive(Context& context) {
    WEFT_TRY(check_receive());
    WEFT_TRY(check_file());
    WEFT_LET(auto options, presence_.options(context));
    WEFT_TRY(presence_.prepare());
    std::vector<std::byte> memory;  // goes after the node
    WEFT_LET(auto node, start_node(context, std::move(options)));
    WEFT_TRY(need_lane(node, context.settings.lane));
    std::optional<GrainFile> file;
    if (!file_.empty()) {
      WEFT_LET(file, GrainFile::create(file_, size_));
    }
    memory.resize(static_cast<std::size_t>(grains_ * size_));
    TargetOptions ring{.name = name_,
                       .initiators = static_cast<std::uint32_t>(std::min(initiators_, grains_)),
                       .lane = context.settings.lane};
    for (std::uint64_t at = 0; at < memory.size(); at += size_)
      ring.slots.push_back(std::span(memory).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size_)));
    WEFT_LET(auto target, node.open_target(std::move(ring)));
    WEFT_TRY(presence_.announce(context, target.info(), {{"grains", grains_}, {"grain_bytes", size_}}));
    context.out.say(
        fmt::format("a ring of {} grains of {}    (there: weft grains send INFO)", grains_, human_bytes(size_)));
    Tally tally;
    ProgressBar bar(context.out, "", "grains", count_, count_ * size_);
    auto over = take_all(context, target, file, tally, bar);
    target.close();
    if (over && is_all(tally, file)) bar.finish(file ? "" : "checked");
    tell(context, tally);
    if (!over) return fail(std::move(over).error());
    if (tally.bad != 0)
      return fail(ErrorClass::kIntegrityFailure, "grains",
                  fmt::format("{} of {} grains were not what their index says", tally.bad, tally.grains));
    if (!is_all(tally, file)) return fail(too_few(tally));
    return exit_after_signal();
  }

  Result<void> check_receive() const {
    const auto refuse = [](std::string why) { return fail(ErrorClass::kInvalidArgument, "grains", std::move(why)); };
    if (!infos_.empty()) return refuse("recv takes no target info: it makes one");
    if (grains_ == 0 || grains_ > kMostGrains || size_ == 0 || size_ > kMostRingBytes / grains_)
      return refuse(fmt::format("a ring of {} grains of {} cannot be: 1 to {} grains, together at most {}", grains_,
                                human_bytes(size_), kMostGrains, human_bytes(kMostRingBytes)));
    if (!file_.empty() && count_ != 0) return refuse("--file ends with the file: leave -n out");
    if (!file_.empty() && initiators_ != 1) return refuse("--file is written by one initiator");
    return {};
  }

  Result<void> check_file() const {
    if (file_.empty()) return {};
    WEFT_TRY(check_folder("--file", folder_of(file_)));
    if (std::error_code ignored; std::filesystem::exists(std::filesystem::symlink_status(file_, ignored)))
      return fail_errno(EEXIST, "open", file_.string());
    return {};
  }

  static Result<void> need_lane(const TensorNode& node, Lane lane) {
    if (lane == Lane::kAuto) return {};
    std::string why = "it is not built in";
    for (const LaneReport& report : node.lanes()) {
      if (report.lane != to_string(lane)) continue;
      if (report.used) return {};
      why = report.detail;
    }
    return fail(Error(ErrorClass::kNotFound, "grains", fmt::format("no lane {} here: {}", to_string(lane), why))
                    .with_hint("`weft info` lists the lanes"));
  }

  /// Until the grains that were asked for have come, --timeout or a signal.
  Result<void> take_all(Context& context, Target& target, std::optional<GrainFile>& file, Tally& tally,
                        ProgressBar& bar) const {
    while ((count_ == 0 || tally.grains < count_) && in_time(context)) {
      const TimePoint tick = Clock::now() + kTick;
      const auto grain = target.read(context.until ? std::min(*context.until, tick) : tick);
      if (!grain && grain.error().kind() == ErrorClass::kDeadlineExceeded) continue;
      if (!grain) return fail(Error(grain.error()));
      if (!grain->complete) continue;
      if (file && grain->invalid) return file->finish(grain->index);
      if (tally.grains == 0) tally.begun = Clock::now();
      ++tally.grains;
      tally.bytes += grain->data.size();
      if (file) {
        WEFT_TRY(file->put(grain->index, grain->data));
      } else if (!grain->invalid) {
        tally.bad += is_grain(grain->index, grain->data) ? 0 : 1;
      }
      WEFT_TRY(target.release(grain->slot));
      if (count_ != 0) bar.update(tally.grains, tally.bytes);
    }
    return {};
  }

  bool is_all(const Tally& tally, const std::optional<GrainFile>& file) const {
    return file ? file->is_whole() : count_ == 0 || tally.grains == count_;
  }

  Error too_few(const Tally& tally) const {
    const auto kind = Signals::caught() != 0 ? ErrorClass::kCancelled : ErrorClass::kDeadlineExceeded;
    return Error(kind, "grains",
                 count_ != 0 ? fmt::format("{} of {} grains came", tally.grains, count_)
                             : fmt::format("the file is not whole: {} grains of it came", tally.grains))
        .with_hint("does `weft grains send` run there? Give it longer");
  }

  /// What is sent, and how far that is.
  struct Sending {
    std::uint64_t count = 0;       // of grains
    std::uint64_t next = 0;        // of calls that were taken: the grains, then the word that a file is over
    std::uint64_t file_bytes = 0;  // of --file
    std::vector<std::vector<std::byte>> sources{};
    std::vector<std::size_t> users{};  // results that a source waits for
    std::size_t targets = 0;
    TimePoint begun{};
  };

  Result<int> send(Context& context) {
    if (infos_.empty())
      return fail(Error{ErrorClass::kInvalidArgument, "grains", "send to whom?"}.with_hint("weft grains send @i"));
    if (!file_.empty() && count_ != 0)
      return fail(ErrorClass::kInvalidArgument, "grains", "--file is sent whole: leave -n out");
    std::vector<TargetInfo> infos;
    for (const auto& argument : infos_) {
      WEFT_LET(auto info, read_info(argument));
      infos.push_back(std::move(info));
    }
    const auto bytes = static_cast<std::size_t>(infos.front().grain_bytes);
    std::ifstream file(file_, std::ios::binary);
    if (!file_.empty() && !file) return fail_errno(errno, "open", file_.string());
    Sending sending{.count = count_ == 0 ? 1000 : count_, .targets = infos.size()};
    if (!file_.empty()) {
      std::error_code refused;
      sending.file_bytes = std::filesystem::file_size(file_, refused);
      if (refused) return fail_errno(refused.value(), "stat", file_.string());
      sending.count = (sending.file_bytes + bytes - 1) / bytes;
    }
    WEFT_LET(auto node, start_client(context));
    WEFT_TRY(need_lane(node, context.settings.lane));
    // What is sent is read until its results are there, so it goes after the initiator.
    const std::size_t ahead = std::max<std::size_t>(2, std::min<std::size_t>(infos.front().grains, 64));
    sending.sources.assign(ahead, std::vector<std::byte>(bytes));
    sending.users.assign(ahead, 0);
    WEFT_LET(auto initiator, node.open_initiator({.lane = context.settings.lane}));
    for (const auto& info : infos) WEFT_TRY(initiator.add_target(info));
    if (auto connected = connect(context, initiator, infos.size()); !connected)
      return fail(of_info(std::move(connected).error()));

    Tally tally{.begun = Clock::now()};
    sending.begun = tally.begun;
    ProgressBar bar(context.out, "", "grains", sending.count, sending.count * bytes);
    auto over = send_all(context, initiator, file, sending, tally, bar);
    initiator.close();
    const bool all = sending.next >= sending.count;
    if (over && tally.failed == 0 && all) bar.finish("arrived");
    tell(context, tally);
    if (tally.failed != 0) {
      static_cast<void>(context.out.flush());
      context.out.complain(fmt::format("{} grains did not arrive: {}", tally.failed, why_));
    }
    if (!over) return fail(of_info(std::move(over).error()));
    return tally.failed != 0 ? kSomeFailed : exit_after_signal();
  }

  Result<void> send_all(Context& context, Initiator& initiator, std::ifstream& file, Sending& sending, Tally& tally,
                        ProgressBar& bar) {
    const std::uint64_t calls = sending.count + (file_.empty() ? 0 : 1);
    while ((sending.next < calls || initiator.pending() != 0) && Signals::caught() == 0) {
      WEFT_TRY(in_time(context));
      const std::uint64_t next = sending.next;
      const std::size_t place = next % sending.sources.size();
      const auto ahead =
          rate_ == 0 ? Duration{}
                     : Duration(static_cast<std::int64_t>(next) * Duration(1s) / static_cast<std::int64_t>(rate_));
      const TimePoint due_at = sending.begun + ahead;
      const bool due = Clock::now() >= due_at;
      // The length is told when all results are there: then it comes last.
      const bool free = next < sending.count ? sending.users[place] == 0 : initiator.pending() == 0;
      if (next < calls && free && due) {
        if (next < sending.count) WEFT_TRY(fill(file, sending, sending.sources[place]));
        WEFT_TRY(send_one(context, initiator, sending, sending.sources[place], tally));
        continue;
      }
      auto result = initiator.wait_result(due ? Clock::now() + kTick : std::min(due_at, Clock::now() + kTick));
      if (!result && result.error().kind() == ErrorClass::kDeadlineExceeded) continue;
      if (!result) return fail(std::move(result).error());
      count_result(*result, sending, tally);
      bar.update(tally.grains / sending.targets, tally.bytes / sending.targets);
    }
    while (auto result = initiator.next_result()) count_result(*result, sending, tally);
    return {};
  }

  /// A grain, or behind the last one the grain without content whose index is the file's length. Waits while no target
  /// is connected.
  Result<void> send_one(Context& context, Initiator& initiator, Sending& sending, const std::vector<std::byte>& source,
                        Tally& tally) {
    const bool is_grain = sending.next < sending.count;
    const std::span<const std::byte> part(source);
    while (true) {
      const auto sent = is_grain ? initiator.send(sending.next, std::span(&part, 1))
                                 : initiator.send(sending.file_bytes, {}, {.part = true});
      if (!sent && sent.error().kind() == ErrorClass::kPeerUnreachable) {
        WEFT_TRY(until_back(context, initiator, sending, tally));
        continue;
      }
      WEFT_TRY(sent);
      if (is_grain) sending.users[sending.next % sending.users.size()] = sending.targets;
      ++sending.next;
      return {};
    }
  }

  void count_result(const GrainResult& result, Sending& sending, Tally& tally) {
    const bool is_grain = result.send < sending.count;
    if (is_grain) --sending.users[result.send % sending.users.size()];
    if (!result.result) {
      ++tally.failed;
      why_ = result.result.error().to_string();
    } else if (is_grain) {
      ++tally.grains;
      tally.bytes += sending.sources.front().size();
    }
  }

  Result<void> fill(std::ifstream& file, const Sending& sending, std::vector<std::byte>& into) const {
    if (file_.empty()) {
      fill_grain(sending.next, into);
      return {};
    }
    const std::uint64_t wanted = std::min<std::uint64_t>(into.size(), sending.file_bytes - sending.next * into.size());
    file.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(wanted));
    if (static_cast<std::uint64_t>(file.gcount()) != wanted)
      return fail(ErrorClass::kStale, "grains", escaped(file_.string()) + " became shorter while it was sent");
    std::fill(into.begin() + file.gcount(), into.end(), std::byte{});  // behind the end of the file
    return {};
  }

  /// Until a result waits, a link has come or gone, or there is a signal; a tick at most, for what has no descriptor.
  static void until_news(const Context& context, const Initiator& initiator) {
    pollfd news[] = {{.fd = initiator.event_fd(), .events = POLLIN, .revents = 0},
                     {.fd = context.signals.fd(), .events = POLLIN, .revents = 0}};
    ::poll(news, std::size(news), static_cast<int>(kTick.count()));
  }

  /// Until every target is connected.
  static Result<void> connect(const Context& context, Initiator& initiator, std::size_t targets) {
    const auto give_up = Clock::now() + kBackIn;
    for (std::size_t at = 0; at < targets;) {
      static_cast<void>(initiator.next_result());  // nothing was sent: what comes from here on is news
      if (initiator.link(at) == TargetLink::kConnected) {
        ++at;
        continue;
      }
      WEFT_TRY(in_time(context));
      const auto why = initiator.why(at);
      if (why &&
          (initiator.link(at) == TargetLink::kFailed || why->kind() == ErrorClass::kNotFound || Clock::now() > give_up))
        return fail(Error(*why));
      if (Clock::now() > give_up)
        return fail(ErrorClass::kDeadlineExceeded, "grains", fmt::format("target {} did not answer", at + 1));
      until_news(context, initiator);
    }
    return {};
  }

  /// Until one is again, where all were lost.
  Result<void> until_back(const Context& context, Initiator& initiator, Sending& sending, Tally& tally) {
    const auto give_up = context.until ? *context.until : Clock::now() + kBackIn;
    while (true) {
      while (const auto result = initiator.next_result()) count_result(*result, sending, tally);
      bool may_come = false;
      for (std::size_t at = 0; at < sending.targets; ++at) {
        if (initiator.link(at) == TargetLink::kConnected) return {};
        may_come = may_come || initiator.link(at) == TargetLink::kConnecting;
      }
      WEFT_TRY(in_time(context));
      if (!may_come || Clock::now() > give_up)
        return fail(initiator.why(0).value_or(Error(ErrorClass::kPeerUnreachable, "grains", "no target is connected")));
      until_news(context, initiator);
    }
  }

  void tell(Context& context, const Tally& tally) const {
    const double time = seconds(Clock::now() - tally.begun);
    const double rate = time > 0 ? static_cast<double>(tally.grains) / time : 0;
    if (context.out.format() == Format::kJson)
      context.out.json({{"grains", tally.grains},
                        {"bytes", tally.bytes},
                        {"bad", tally.bad},
                        {"failed", tally.failed},
                        {"seconds", time},
                        {"grains_per_second", rate}});
    else
      context.out.say(fmt::format("{} grains, {}, {:.0f} a second", tally.grains, human_bytes(tally.bytes), rate));
  }

  static constexpr int kSomeFailed = 10;
  std::string action_;
  std::vector<std::string> infos_;
  std::uint64_t grains_ = 16, size_ = 1 << 20, initiators_ = 1, count_ = 0, rate_ = 0;
  std::string name_ = "grains";
  std::filesystem::path file_;
  Presence presence_{Presence::Handed::kTargetInfo};
  std::string why_;
};

}  // namespace

std::unique_ptr<Command> make_grains() { return std::make_unique<GrainsCommand>(); }

}  // namespace weft::cli
