#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/crypto/identity.hpp>
#include <weft/nodes/cli/client.hpp>

namespace weft::cli {
namespace {

class IdCommand final : public Command {
 public:
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    const auto file = context.settings.identity.empty() ? default_identity_file() : context.settings.identity;
    if (file.empty())
      return fail(Error{ErrorClass::kInvalidArgument, "id", "there is no home folder to keep a key in"}.with_hint(
          "--identity FILE"));
    if (context.settings.identity.empty()) {
      std::error_code refused;
      std::filesystem::create_directories(file.parent_path(), refused);
      if (refused) return fail_errno(refused.value(), "mkdir", file.parent_path().string());
    }
    WEFT_LET(const auto identity, crypto::Identity::load_or_create(file));
    const auto id = identity.node_id().to_string();
    if (context.out.format() == Format::kJson) {
      context.out.json({{"node", id}, {"file", file.string()}});
      return 0;
    }
    context.out.data(id);
    context.out.say(fmt::format("kept in {}; the other side: weft serve … --allow {}", escaped(file.string()), id));
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_id() { return std::make_unique<IdCommand>(); }

}  // namespace weft::cli
