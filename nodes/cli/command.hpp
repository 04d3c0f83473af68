#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/clock.hpp>
#include <weft/base/result.hpp>
#include <weft/nodes/cli/arguments.hpp>
#include <weft/nodes/cli/output.hpp>
#include <weft/nodes/cli/settings.hpp>
#include <weft/nodes/cli/signals.hpp>
#include <weft/nodes/cli/watchdog.hpp>

namespace weft::cli {

/// What a running command is given. Borrowed for the run.
struct Context {
  const Settings& settings;
  Output& out;
  const Signals& signals;
  CLI::App& root;
  /// When the whole command must have ended, if --timeout was given.
  std::optional<TimePoint> until;
  Watchdog& watchdog;
  /// The id of the node whose ticket was read, in full: for what a failure tells programs.
  std::string& asked;
};

/// One command: what it takes and what it does. Made for each reading of the command line.
class Command {
 public:
  virtual ~Command() = default;
  virtual void declare(Arguments& arguments) = 0;
  /// The exit code; an Error is printed and becomes its class's.
  virtual Result<int> run(Context& context) = 0;
};

struct CommandEntry {
  std::string_view name;
  std::string_view alias;  ///< or empty
  std::string_view summary;
  std::string_view example;  ///< for help
  std::unique_ptr<Command> (*make)();
};

/// Every command, in the order in which help lists them.
std::span<const CommandEntry> commands();
/// Names and aliases.
std::vector<std::string> command_names();

std::unique_ptr<Command> make_serve();
std::unique_ptr<Command> make_list();
std::unique_ptr<Command> make_get();
std::unique_ptr<Command> make_push();
std::unique_ptr<Command> make_receive();
std::unique_ptr<Command> make_grains();
std::unique_ptr<Command> make_ping();
std::unique_ptr<Command> make_explain();
std::unique_ptr<Command> make_info();
std::unique_ptr<Command> make_doctor();
std::unique_ptr<Command> make_ticket();
std::unique_ptr<Command> make_demo();
std::unique_ptr<Command> make_id();
std::unique_ptr<Command> make_version();
std::unique_ptr<Command> make_help();
std::unique_ptr<Command> make_completions();

}  // namespace weft::cli
