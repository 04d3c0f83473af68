#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/command.hpp>

namespace weft::cli {
namespace {

struct Flag {
  std::vector<std::string> names{};  // with their dashes
  bool takes_value = false;
  std::string help{};
};

std::vector<Flag> flags_of(const CLI::App& app) {
  std::vector<Flag> flags;
  for (const auto* option : app.get_options()) {
    if (option->get_positional()) continue;
    Flag flag{.takes_value = option->get_items_expected_max() > 0, .help = option->get_description()};
    for (const auto& name : option->get_snames()) flag.names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) flag.names.push_back("--" + name);
    flags.push_back(std::move(flag));
  }
  return flags;
}

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const auto& flag : flags_of(app))
    for (const auto& name : flag.names) words += (words.empty() ? "" : " ") + name;
  return words;
}

std::string shell_quoted(std::string_view text) {
  std::string safe = "'";
  for (const char c : text) safe += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return safe + "'";
}

std::vector<const CLI::App*> apps_of(const CLI::App& root) {
  return root.get_subcommands([](const CLI::App*) { return true; });
}

// The words of a command: its name, and what else it is called.
std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names{app.get_name()};
  for (const auto& alias : app.get_aliases()) names.push_back(alias);
  return names;
}

std::string joined_commands() { return fmt::format("{}", fmt::join(command_names(), " ")); }

std::string bash(const CLI::App& root) {
  std::string skipped;
  for (const auto& flag : flags_of(root))
    if (flag.takes_value)
      for (const auto& name : flag.names) skipped += (skipped.empty() ? "" : "|") + name;
  std::string text =
      "# bash completion for weft: source <(weft completions bash)\n"
      "_weft() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} command= skip= words= word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    if [[ $skip ]]; then skip=; continue; fi\n"
      "    case $word in\n"
      "      " +
      skipped +
      ") skip=1 ;;\n"
      "      -*) ;;\n"
      "      *) command=$word; break ;;\n"
      "    esac\n"
      "  done\n"
      "  case $command in\n";
  for (const auto* app : apps_of(root))
    text += fmt::format("    {}) words={} ;;\n", fmt::join(names_of(*app), "|"), shell_quoted(words_of(*app)));
  text += fmt::format(
      "  esac\n"
      "  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$words {}\" -- \"$cur\"))\n"
      "  elif [[ -z $command || $command == help ]]; then COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n"
      "  elif [[ $command == completions ]]; then COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$cur\"))\n"
      "  elif [[ $cur == @* ]]; then COMPREPLY=($(compgen -P @ -f -- \"${{cur#@}}\"))\n"
      "  else COMPREPLY=($(compgen -f -- \"$cur\"))\n"
      "  fi\n"
      "}}\n"
      "complete -o filenames -F _weft weft\n",
      words_of(root), joined_commands());
  return text;
}

std::string zsh_flags(const CLI::App& app) {
  std::string text;
  for (const auto& flag : flags_of(app))
    for (const auto& name : flag.names) {
      std::string help;
      for (const char c : flag.help) help += c == '[' || c == ']' || c == ':' ? ' ' : c;
      text += " " + shell_quoted(fmt::format("{}[{}]{}", name, help, flag.takes_value ? ":value:_files" : ""));
    }
  return text;
}

std::string zsh(const CLI::App& root) {
  std::string text =
      "#compdef weft\n# zsh completion for weft: source <(weft completions zsh)\n_weft() {\n  local -a commands\n  "
      "commands=(";
  for (const auto& entry : commands()) text += "\n    " + shell_quoted(fmt::format("{}:{}", entry.name, entry.summary));
  text += "\n  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n  case $words[2] in\n";
  for (const auto* app : apps_of(root))
    text += fmt::format("    {}) _arguments{}{} '*:file:_files' ;;\n", fmt::join(names_of(*app), "|"), zsh_flags(*app),
                        zsh_flags(root));
  return text +
         "    *) _files ;;\n  esac\n}\nif [ \"$funcstack[1]\" = _weft ]; then _weft; else compdef _weft weft; fi\n";
}

std::string fish_flag(std::string_view condition, const Flag& flag) {
  std::string text = fmt::format("complete -c weft{}", condition);
  for (const auto& name : flag.names)
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return text + (flag.takes_value ? " -r" : "") + " -d " + shell_quoted(flag.help) + "\n";
}

std::string fish(const CLI::App& root) {
  std::string text = "# fish completion for weft: weft completions fish | source\n";
  for (const auto& entry : commands())
    text += fmt::format("complete -c weft -n __fish_use_subcommand -f -a {} -d {}\n", entry.name,
                        shell_quoted(entry.summary));
  for (const auto& flag : flags_of(root)) text += fish_flag("", flag);
  for (const auto* app : apps_of(root)) {
    const auto condition = fmt::format(
        " -n {}", shell_quoted(fmt::format("__fish_seen_subcommand_from {}", fmt::join(names_of(*app), " "))));
    for (const auto& flag : flags_of(*app)) text += fish_flag(condition, flag);
  }
  return text;
}

class CompletionsCommand final : public Command {
 public:
  void declare(Arguments& arguments) override { arguments.positional("SHELL", shell_, "bash, zsh or fish"); }

  Result<int> run(Context& context) override {
    std::string script;
    if (shell_ == "bash")
      script = bash(context.root);
    else if (shell_ == "zsh")
      script = zsh(context.root);
    else if (shell_ == "fish")
      script = fish(context.root);
    else
      return fail(Error{ErrorClass::kInvalidArgument, "completions",
                        fmt::format("there are no completions for \"{}\"", escaped(shell_))}
                      .with_hint("bash, zsh or fish"));
    script.pop_back();  // `data` ends the line
    context.out.data(script);
    return 0;
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> make_completions() { return std::make_unique<CompletionsCommand>(); }

}  // namespace weft::cli
