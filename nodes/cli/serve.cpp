#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <unordered_set>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/presence.hpp>

namespace weft::cli {
namespace {

constexpr std::chrono::seconds kDrainWithin{10};

// What is on its way may end first. A second signal does not wait.
void let_finish(TensorNode& node) {
  const auto until = Clock::now() + kDrainWithin;
  while (node.stats().transfers != 0 && Clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

class ServeCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positionals("PATH", paths_, "a .safetensors file, an index.json, or a folder of them", Needed::kYes);
    presence_.declare(arguments);
  }

  Result<int> run(Context& context) override {
    WEFT_LET(auto options, presence_.options(context));
    // Nobody receives here: a push would wait until its deadline.
    options.access = std::move(options.access).verbs(AccessVerb::kGet | AccessVerb::kList);
    WEFT_TRY(presence_.prepare());
    WEFT_LET(auto node, start_node(context, std::move(options)));
    std::size_t tensors = 0;
    std::unordered_set<std::string> names;
    for (const auto& path : paths_) {
      WEFT_LET(const auto added, node.serve(path));
      tensors += added;
      WEFT_TRY(in_time(context));
      if (paths_.size() > 1) WEFT_TRY(add_names(node, path, names));
    }
    const auto bytes = node.stats().catalog_bytes;
    tell(context, node, tensors, bytes);
    WEFT_TRY(presence_.announce(context, node, {{"tensors", tensors}, {"bytes", bytes}}));
    context.signals.wait();
    context.out.say("stopping");
    if (Signals::caught() == SIGTERM) let_finish(node);
    WEFT_TRY(node.stop().wait());
    return exit_after_signal();
  }

 private:
  /// The node would take what a later file holds for newer generations of the same tensors.
  static Result<void> add_names(TensorNode& node, const std::string& path, std::unordered_set<std::string>& names) {
    WEFT_LET(const auto all, node.list(Peer(node.ticket())).wait());
    Generation newest{};
    for (const Entry& entry : all) newest = std::max(newest, entry.generation);
    for (const Entry& entry : all)
      if (entry.generation == newest && !names.insert(entry.name).second)
        return fail(Error(ErrorClass::kMalformed, "serve",
                          fmt::format("two of the files hold a tensor named \"{}\": the second is {}",
                                      escaped(entry.name), escaped(path)))
                        .with_hint("serve each by a `weft serve` of its own"));
    return {};
  }
  void tell(Context& context, const TensorNode& node, std::size_t tensors, std::uint64_t bytes) const {
    std::string sources;
    for (const auto& path : paths_)
      sources += (sources.empty() ? "" : ", ") + escaped(std::filesystem::path(path).filename().string());
    auto line = fmt::format("serving {} tensors, {} from {} on {}", tensors, human_bytes(bytes), sources,
                            addresses_text(node.ticket()));
    if (presence_.local_only()) line += "    (other hosts: --listen :7700 --allow any)";
    context.out.say(line);
  }

  std::vector<std::string> paths_;
  Presence presence_;
};

}  // namespace

std::unique_ptr<Command> make_serve() { return std::make_unique<ServeCommand>(); }

}  // namespace weft::cli
