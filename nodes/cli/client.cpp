#include <cstdlib>

#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/log_lines.hpp>

namespace weft::cli {

std::filesystem::path default_identity_file() {
  if (const char* folder = std::getenv("XDG_CONFIG_HOME"); folder != nullptr && *folder == '/')
    return std::filesystem::path(folder) / "weft" / "identity";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::filesystem::path(home) / ".config" / "weft" / "identity";
  return {};
}

Result<NodeOptions> options_here(const Context& context) {
  WEFT_LET(auto options, NodeOptions::from_environment());
  if (context.settings.lane != Lane::kAuto) options.lanes.clear();  // --lane is asked for call by call
  if (!context.settings.identity.empty()) options.identity = context.settings.identity;
  if (!context.settings.trust.empty()) options.trust = context.settings.trust;
  options.log = log_lines(context.settings, context.out);
  return options;
}

Result<TensorNode> start_client(const Context& context) {
  WEFT_LET(auto options, options_here(context));
  options.listen.clear();  // those are a server's
  options.access = Access::local();
  std::error_code ignored;
  if (auto file = default_identity_file();
      options.identity.empty() && !file.empty() && std::filesystem::exists(file, ignored))
    options.identity = std::move(file);
  return start_node(context, std::move(options));
}

Result<TensorNode> start_node(const Context& context, NodeOptions options) {
  WEFT_TRY(in_time(context));
  const Signals::Shield shield;
  auto node = TensorNode::start(std::move(options));
  if (node) WEFT_TRY(in_time(context));
  return node;
}

Deadline deadline_of(const Context& context) { return context.until ? Deadline{*context.until} : Deadline{}; }

Result<void> in_time(const Context& context) {
  if (Signals::caught() != 0) return fail(ErrorClass::kCancelled, "weft", "cancelled");
  if (context.until && Clock::now() >= *context.until)
    return fail(Error{ErrorClass::kDeadlineExceeded, "weft", "--timeout has passed"}.with_hint("give it longer"));
  return {};
}

}  // namespace weft::cli
