#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/fabric/fabric_version.hpp>
#include <weft/nodes/cli/command.hpp>

namespace weft::cli {
namespace {

class VersionCommand final : public Command {
 public:
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    const auto fabric = fabric::FabricVersion::running();
    if (context.out.format() == Format::kJson) {
      Json object{{"version", WEFT_VERSION}, {"libfabric", nullptr}};
      if (fabric) object["libfabric"] = fabric->to_string();
      context.out.json(object);
      return 0;
    }
    context.out.data(fmt::format("weft {}", WEFT_VERSION));
    if (context.out.format() == Format::kText)
      context.out.data(fmt::format("libfabric {}", fabric ? fabric->to_string() : "is not here"));
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_version() { return std::make_unique<VersionCommand>(); }

}  // namespace weft::cli
