#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <ranges>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/command.hpp>
#include <weft/nodes/cli/command_line.hpp>
#include <weft/nodes/cli/failure.hpp>
#include <weft/nodes/cli/help.hpp>
#include <weft/nodes/cli/usage.hpp>

namespace weft::cli {
namespace {

struct Declared {
  const CommandEntry* entry = nullptr;
  CLI::App* app = nullptr;
  std::unique_ptr<Command> command{};
};

std::vector<Declared> declare_all(CLI::App& root, Settings& settings) {
  Arguments everywhere(root);
  settings.declare(everywhere);
  // One command, so a tensor may be called like another: `weft get @t info`.
  root.require_subcommand(1);
  root.fallthrough();
  root.set_help_flag("-h,--help", "what it takes");
  root.set_version_flag("--version", "weft " WEFT_VERSION, "the version");
  std::vector<Declared> declared;
  for (const auto& entry : commands()) {
    auto* app = root.add_subcommand(std::string(entry.name), std::string(entry.summary));
    if (!entry.alias.empty()) app->alias(std::string(entry.alias));
    app->set_help_flag("-h,--help", "what it takes");
    declared.push_back({&entry, app, entry.make()});
    Arguments arguments(*app);
    declared.back().command->declare(arguments);
  }
  return declared;
}

Error usage(std::string message, std::string hint) {
  return Error{ErrorClass::kInvalidArgument, "arguments", std::move(message)}.with_hint(std::move(hint));
}

Error unknown_option(const CLI::App& app, const CLI::App& root, std::string_view word) {
  word = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const auto* from : {&app, &root})
    for (const auto* option : from->get_options())
      for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  const auto near = nearest(word, known);
  const auto where = &app == &root ? std::string("weft help") : "weft help " + app.get_name();
  return usage(fmt::format("there is no option {}", escaped(word)),
               near.empty() ? fmt::format("`{}` lists them", where) : fmt::format("did you mean {}?", near));
}

// The class's own hint for a call that was wrong knows no command; we do.
Error with_form(Error why, std::string_view command) {
  if (why.kind() != ErrorClass::kInvalidArgument || !why.own_hint().empty()) return why;
  return std::move(why).with_hint(
      fmt::format("correct what the message names; `weft help {}` shows the form", command));
}

// What CLI11 could not read, in our words.
Error usage_error(const CLI::App& root, const CLI::ParseError& why) {
  const auto chosen = root.get_subcommands();
  const CLI::App& app = chosen.empty() ? root : *chosen.front();
  if (const auto* ours = dynamic_cast<const UsageError*>(&why))
    return with_form(ours->error(), chosen.empty() ? std::string("COMMAND") : app.get_name());
  const auto left = root.remaining(true);
  const auto is_option = [](const std::string& word) { return word.size() > 1 && word.front() == '-'; };
  if (const auto found = std::ranges::find_if(left, is_option); found != left.end())
    return unknown_option(app, root, *found);
  if (chosen.empty() && !left.empty()) return unknown_command(left.front());
  if (chosen.empty()) return usage("a command is missing", "`weft help` lists them");
  const auto hint = fmt::format("`weft help {}` shows the form", app.get_name());
  if (!left.empty()) return usage(fmt::format("\"{}\" is one argument too many", escaped(left.front())), hint);
  const std::string said = why.what();  // "--count: 1 required TEXT missing"
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&why) != nullptr)
    return usage(fmt::format("{} lacks its value", escaped(said.substr(0, said.find(':')))), hint);
  return usage(escaped(said), hint);
}

// Before the command line has been read: what it would say about the form of its own errors.
Settings guessed(int argc, const char* const* argv) {
  Settings settings;
  settings.json = std::ranges::any_of(std::span(argv, static_cast<std::size_t>(argc)),
                                      [](std::string_view word) { return word == "--json"; });
  return settings;
}

int finish(Output& out, int code) {
  if (const auto sent = out.flush(); !sent) return report(sent.error(), out);
  return code;
}

int run_declared(CLI::App& root, std::vector<Declared>& declared, const Settings& settings, const Signals& signals) {
  Output out(settings);
  const auto chosen = std::ranges::find_if(declared, [](const Declared& one) { return one.app->parsed(); });
  if (chosen == declared.end()) return report(usage("a command is missing", "`weft help` lists them"), out);
  std::optional<TimePoint> until;
  if (settings.timeout) until = Clock::now() + *settings.timeout;
  Watchdog watchdog(until, [&settings] {
    Output words(settings);
    std::_Exit(report(
        Error{ErrorClass::kDeadlineExceeded, "weft", "--timeout has passed, and it did not end by itself"}, words));
  });
  std::string asked;
  Context context{settings, out, signals, root, until, watchdog, asked};
  const auto code = chosen->command->run(context);
  if (code) return finish(out, *code);
  static_cast<void>(out.flush());
  return report(with_form(code.error(), chosen->entry->name), out, asked);
}

int read_and_run(int argc, const char* const* argv, const Signals& signals) {
  CLI::App root{"weft moves tensors between processes, by name.", "weft"};
  Settings settings;
  auto declared = declare_all(root, settings);
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    Output out(settings);
    const auto chosen = root.get_subcommands();
    out.data(help_text(root, chosen.empty() ? nullptr : chosen.front()));
    return finish(out, 0);
  } catch (const CLI::CallForVersion& version) {
    Output out(settings);
    out.data(version.what());
    return finish(out, 0);
  } catch (const CLI::ParseError& why) {
    Output out(guessed(argc, argv));
    if (argc == 1) {
      out.complain(help_text(root, nullptr));
      return 2;
    }
    return report(usage_error(root, why), out);
  }
  return run_declared(root, declared, settings, signals);
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  Output out(guessed(argc, argv));
  try {
    auto signals = Signals::install();
    if (!signals) return report(signals.error(), out);
    return read_and_run(argc, argv, *signals);
  } catch (const std::bad_alloc&) {
    return report(Error{ErrorClass::kResourceExhausted, "weft", "out of memory"}, out);
  } catch (const std::exception& why) {
    return report(Error{ErrorClass::kInternal, "weft", why.what()}, out);
  }
}

}  // namespace weft::cli
