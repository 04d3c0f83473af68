#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/command.hpp>
#include <weft/nodes/cli/help.hpp>
#include <weft/nodes/cli/table.hpp>

namespace weft::cli {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string spelling(const CLI::Option& option) {
  std::string text;
  for (const auto& name : option.get_snames()) text += (text.empty() ? "-" : ", -") + name;
  for (const auto& name : option.get_lnames()) text += (text.empty() ? "    --" : ", --") + name;
  return takes_value(option) ? text + " " + option.get_option_text() : text;
}

std::string positional_text(const CLI::Option& option) {
  const auto name = option.get_name(true) + (option.get_items_expected_max() > 1 ? "…" : "");
  return option.get_required() ? name : "[" + name + "]";
}

Lines lines_of(const CLI::App& app, bool positional) {
  Lines lines;
  for (const auto* option : app.get_options()) {
    if (option->get_positional() != positional) continue;
    auto meaning = option->get_description();
    if (const auto variable = option->get_envname(); !variable.empty()) meaning += fmt::format(" [{}]", variable);
    lines.emplace_back(positional ? positional_text(*option) : spelling(*option), std::move(meaning));
  }
  return lines;
}

std::string block(std::string_view heading, const Lines& lines) {
  if (lines.empty()) return {};
  std::size_t width = 0;
  for (const auto& [word, _] : lines) width = std::max(width, display_width(word));
  std::string text = fmt::format("\n{}\n", heading);
  for (const auto& [word, meaning] : lines) text += fmt::format("  {}  {}\n", padded(word, width), meaning);
  return text;
}

std::string overview(const CLI::App& root) {
  Lines lines;
  for (const auto& entry : commands()) lines.emplace_back(entry.name, entry.summary);
  return fmt::format("{}\n\nUsage: weft COMMAND …\n", root.get_description()) + block("Commands", lines) +
         block("Everywhere", lines_of(root, false)) +
         "\nA TICKET is its text, @FILE or - (stdin). `weft help COMMAND` tells more.";
}

class HelpCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("COMMAND", name_, "the one to tell about", Needed::kNo);
  }
  Result<int> run(Context& context) override {
    if (name_.empty()) {
      context.out.data(help_text(context.root, nullptr));
      return 0;
    }
    const auto named = context.root.get_subcommands([&](CLI::App* app) { return app->check_name(name_); });
    if (named.empty()) return fail(unknown_command(name_));
    context.out.data(help_text(context.root, named.front()));
    return 0;
  }

 private:
  std::string name_;
};

}  // namespace

std::string help_text(const CLI::App& root, const CLI::App* command) {
  if (command == nullptr) return overview(root);
  std::string form = "weft " + command->get_name();
  for (const auto* option : command->get_options())
    if (option->get_positional()) form += " " + positional_text(*option);
  std::string text = fmt::format("{}\n\nUsage: {} [OPTIONS]\n", command->get_description(), form);
  for (const auto& entry : commands())
    if (entry.name == command->get_name()) text += fmt::format("Example: {}\n", entry.example);
  return text + block("Arguments", lines_of(*command, true)) + block("Options", lines_of(*command, false)) +
         block("Everywhere", lines_of(root, false));
}

Error unknown_command(std::string_view word) {
  const auto names = command_names();
  const auto near = nearest(word, names);
  return Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("there is no command \"{}\"", escaped(word))}
      .with_hint(near.empty() ? "`weft help` lists them" : fmt::format("did you mean {}?", near));
}

std::unique_ptr<Command> make_help() { return std::make_unique<HelpCommand>(); }

}  // namespace weft::cli
