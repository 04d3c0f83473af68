#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/result.hpp>
#include <weft/nodes/cli/quantity.hpp>

namespace CLI {
class App;
}

namespace weft::cli {

enum class Needed { kYes, kNo };

/// What a command declares that it takes. Targets are written when the command line is read and must live until then.
class Arguments {
 public:
  explicit Arguments(CLI::App& app) : app_(app) {}

  void positional(const std::string& name, std::string& into, const std::string& help, Needed needed = Needed::kYes);
  /// Takes all that are left.
  void positionals(const std::string& name, std::vector<std::string>& into, const std::string& help, Needed needed);
  void flag(const std::string& spelling, bool& into, const std::string& help);
  /// How often it was given.
  void count(const std::string& spelling, int& into, const std::string& help);
  void text(const std::string& spelling, const std::string& value, std::string& into, const std::string& help);
  /// Of a file or folder. An empty one is refused.
  void path(const std::string& spelling, const std::string& value, std::filesystem::path& into,
            const std::string& help);
  void number(const std::string& spelling, const std::string& value, std::uint64_t& into, const std::string& help,
              CountRange range = {});
  /// May be given several times; each is also split at commas.
  void list(const std::string& spelling, const std::string& value, std::vector<std::string>& into,
            const std::string& help);
  /// Read by `take`, whose error is a usage error.
  void parsed(const std::string& spelling, const std::string& value, const std::string& help,
              std::function<Result<void>(std::string_view)> take);
  /// May be given several times; each is one, commas and all.
  void texts(const std::string& spelling, const std::string& value, std::vector<std::string>& into,
             const std::string& help);
  /// Where the option was not given, this variable of the environment is read as if it had been.
  void also_from(const std::string& spelling, const std::string& variable);

 private:
  CLI::App& app_;
};

}  // namespace weft::cli
