#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/fd.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/grain_pattern.hpp>
#include <weft/nodes/cli/presence.hpp>
#include <weft/nodes/cli/progress_bar.hpp>
#include <weft/nodes/cli/quantity.hpp>

namespace weft::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMostRingBytes = 64ull << 30;

/// Target infos as a person gives them: the text, @FILE that holds it, or - for standard input.
Result<TargetInfo> read_info(const std::string& argument) {
  if (argument != "-" && !argument.starts_with('@')) return TargetInfo::parse(argument);
  std::ifstream file(argument == "-" ? "/dev/stdin" : argument.substr(1));
  if (!file)
    return fail(Error{ErrorClass::kNotFound, "open", "no file " + escaped(argument)}.with_hint(
        "`weft grains recv --info-file FILE` writes one when it is ready"));
  return TargetInfo::parse(std::string(std::istreambuf_iterator<char>(file), {}));
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
  };

  Result<int> receive(Context& context) {
    if (!infos_.empty()) return fail(ErrorClass::kInvalidArgument, "grains", "recv takes no target info: it makes one");
    if (grains_ == 0 || size_ == 0 || size_ > kMostRingBytes / grains_)
      return fail(ErrorClass::kInvalidArgument, "grains",
                  fmt::format("a ring of {} grains of {} cannot be", grains_, human_bytes(size_)));
    WEFT_LET(auto options, presence_.options(context));
    WEFT_TRY(presence_.prepare());
    Fd file;
    if (!file_.empty()) {
      file = Fd{::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
      if (!file) return fail_errno(errno, "open", file_.string());
    }
    std::vector<std::byte> memory(static_cast<std::size_t>(grains_ * size_));
    WEFT_LET(auto node, start_node(context, std::move(options)));
    TargetOptions ring{.name = name_, .initiators = static_cast<std::uint32_t>(std::min(initiators_, grains_))};
    for (std::uint64_t at = 0; at < memory.size(); at += size_)
      ring.slots.push_back(std::span(memory).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size_)));
    WEFT_LET(auto target, node.open_target(std::move(ring)));
    context.out.say(
        fmt::format("a ring of {} grains of {}    (there: weft grains send INFO)", grains_, human_bytes(size_)));
    WEFT_TRY(presence_.announce(context, target.info(), {{"grains", grains_}, {"grain_bytes", size_}}));
    auto begun = Clock::now();
    Tally tally;
    ProgressBar bar(context.out, "", "grains", count_, count_ * size_);
    while ((count_ == 0 || tally.grains < count_) && Signals::caught() == 0) {
      const auto grain = target.read(kTick);
      if (!grain && grain.error().kind() == ErrorClass::kDeadlineExceeded) continue;
      if (!grain) return fail(Error(grain.error()));
      if (!grain->complete) continue;
      if (tally.grains == 0) begun = Clock::now();
      WEFT_TRY(take(*grain, file, tally));
      WEFT_TRY(target.release(grain->slot));
      if (count_ != 0) bar.update(tally.grains, tally.bytes);
    }
    target.close();
    if (count_ != 0 && tally.grains == count_) bar.finish(file ? "" : "checked");
    tell(context, tally, Clock::now() - begun);
    if (tally.bad != 0)
      return fail(ErrorClass::kIntegrityFailure, "grains",
                  fmt::format("{} of {} grains were not what their index says", tally.bad, tally.grains));
    return exit_after_signal();
  }

  Result<void> take(const Grain& grain, const Fd& file, Tally& tally) const {
    ++tally.grains;
    tally.bytes += grain.data.size();
    if (grain.invalid) return {};
    if (!file) {
      tally.bad += is_grain(grain.index, grain.data) ? 0 : 1;
      return {};
    }
    std::span<const std::byte> bytes = grain.data;
    if (grain.index > (1ull << 62) / size_)
      return fail(ErrorClass::kMalformed, "grains",
                  fmt::format("a grain of index {} has no place in a file", grain.index));
    auto offset = static_cast<off_t>(grain.index * size_);
    while (!bytes.empty()) {
      const auto put = ::pwrite(file.get(), bytes.data(), bytes.size(), offset);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail_errno(errno, "pwrite", file_.string());
      offset += put;
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }

  Result<int> send(Context& context) {
    if (infos_.empty())
      return fail(Error{ErrorClass::kInvalidArgument, "grains", "send to whom?"}.with_hint("weft grains send @i"));
    std::vector<TargetInfo> infos;
    for (const auto& argument : infos_) {
      WEFT_LET(auto info, read_info(argument));
      infos.push_back(std::move(info));
    }
    const auto bytes = static_cast<std::size_t>(infos.front().grain_bytes);
    std::ifstream file(file_, std::ios::binary);
    if (!file_.empty() && !file) return fail_errno(errno, "open", file_.string());
    std::uint64_t count = count_ == 0 ? 1000 : count_;
    if (!file_.empty()) {
      std::error_code refused;
      const auto size = std::filesystem::file_size(file_, refused);
      if (refused) return fail_errno(refused.value(), "stat", file_.string());
      count = (size + bytes - 1) / bytes;
    }
    WEFT_LET(auto node, start_client(context));
    // What is sent is read until its results are there, so it goes after the initiator.
    const std::size_t ahead = std::max<std::size_t>(2, std::min<std::size_t>(infos.front().grains, 64));
    std::vector<std::vector<std::byte>> sources(ahead, std::vector<std::byte>(bytes));
    std::vector<std::size_t> users(ahead);  // results that a source waits for
    WEFT_LET(auto initiator, node.open_initiator({.lane = context.settings.lane}));
    for (const auto& info : infos) WEFT_TRY(initiator.add_target(info));
    WEFT_TRY(connect(context, initiator, infos.size()));

    const auto begun = Clock::now();
    Tally tally;
    ProgressBar bar(context.out, "", "grains", count, count * bytes);
    std::uint64_t next = 0;
    while ((next < count || initiator.pending() != 0) && Signals::caught() == 0) {
      WEFT_TRY(in_time(context));
      const std::size_t place = next % ahead;
      const bool due = rate_ == 0 || Clock::now() >= begun + next * Duration(1s) / rate_;
      if (next < count && users[place] == 0 && due) {
        if (file_.empty())
          fill_grain(next, sources[place]);
        else
          read_piece(file, sources[place]);
        const std::span<const std::byte> part(sources[place]);
        WEFT_TRY(initiator.send(next, std::span(&part, 1)));
        users[place] = infos.size();
        ++next;
        continue;
      }
      auto result = initiator.wait_result(due ? Duration(kTick) : Duration(1ms));
      if (!result && result.error().kind() == ErrorClass::kDeadlineExceeded) continue;
      WEFT_TRY(count_result(std::move(result), users, tally, bytes));
      bar.update(tally.grains / infos.size(), tally.bytes / infos.size());
    }
    if (next == count && initiator.pending() == 0)
      while (auto result = initiator.next_result()) WEFT_TRY(count_result(std::move(*result), users, tally, bytes));
    initiator.close();
    if (tally.failed == 0 && next == count) bar.finish("arrived");
    tell(context, tally, Clock::now() - begun);
    if (tally.failed != 0) {
      static_cast<void>(context.out.flush());
      context.out.complain(fmt::format("{} grains did not arrive: {}", tally.failed, why_));
      return kSomeFailed;
    }
    return exit_after_signal();
  }

  Result<void> count_result(Result<GrainResult> result, std::vector<std::size_t>& users, Tally& tally,
                            std::size_t bytes) {
    if (!result) return fail(std::move(result).error());
    if (auto& waiting = users[result->index % users.size()]; waiting > 0) --waiting;
    if (result->result) {
      ++tally.grains;
      tally.bytes += bytes;
    } else {
      ++tally.failed;
      why_ = result->result.error().to_string();
    }
    return {};
  }

  static void read_piece(std::ifstream& file, std::vector<std::byte>& into) {
    file.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    std::fill(into.begin() + file.gcount(), into.end(), std::byte{});  // behind the end of the file
  }

  /// Until every target is connected.
  static Result<void> connect(Context& context, const Initiator& initiator, std::size_t targets) {
    const auto give_up = Clock::now() + 10s;
    for (std::size_t at = 0; at < targets;) {
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
      std::this_thread::sleep_for(1ms);
    }
    return {};
  }

  void tell(Context& context, const Tally& tally, Duration took) const {
    const double time = seconds(took);
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
