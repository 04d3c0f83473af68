#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/presence.hpp>

namespace weft::cli {
namespace {

class ServeCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positionals("PATH", paths_, "a .safetensors file, an index.json, or a folder of them", Needed::kYes);
    presence_.declare(arguments);
  }

  Result<int> run(Context& context) override {
    WEFT_LET(auto options, presence_.options(context));
    presence_.prepare();
    WEFT_LET(auto node, start_node(context, std::move(options)));
    std::size_t tensors = 0;
    for (const auto& path : paths_) {
      WEFT_LET(const auto added, node.serve(path));
      tensors += added;
    }
    const auto bytes = node.stats().catalog_bytes;
    tell(context, node, tensors, bytes);
    WEFT_TRY(presence_.announce(context, node, {{"tensors", tensors}, {"bytes", bytes}}));
    context.signals.wait();
    context.out.say("stopping");
    WEFT_TRY(node.stop().wait());
    return 0;
  }

 private:
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
