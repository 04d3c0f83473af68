#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/arguments.hpp>
#include <weft/nodes/cli/usage.hpp>

namespace weft::cli {
namespace {

// "--count" of "-n,--count".
std::string long_name(const std::string& spelling) { return spelling.substr(spelling.rfind(',') + 1); }

}  // namespace

void Arguments::positional(const std::string& name, std::string& into, const std::string& help, Needed needed) {
  app_.add_option(name, into, help)->required(needed == Needed::kYes);
}

void Arguments::positionals(const std::string& name, std::vector<std::string>& into, const std::string& help,
                            Needed needed) {
  app_.add_option(name, into, help)->required(needed == Needed::kYes);
}

void Arguments::flag(const std::string& spelling, bool& into, const std::string& help) {
  app_.add_flag(spelling, into, help);
}

void Arguments::count(const std::string& spelling, int& into, const std::string& help) {
  app_.add_flag(spelling, into, help);
}

void Arguments::text(const std::string& spelling, const std::string& value, std::string& into,
                     const std::string& help) {
  app_.add_option(spelling, into, help)->option_text(value);
}

void Arguments::path(const std::string& spelling, const std::string& value, std::filesystem::path& into,
                     const std::string& help) {
  parsed(spelling, value, help, [&into, name = long_name(spelling)](std::string_view text) -> Result<void> {
    if (text.empty())
      return fail(Error{ErrorClass::kInvalidArgument, "arguments", fmt::format("{} '' names nothing", name)}.with_hint(
          "is a variable of the script empty? Leave the option out, or name a file"));
    into = text;
    return {};
  });
}

void Arguments::number(const std::string& spelling, const std::string& value, std::uint64_t& into,
                       const std::string& help, CountRange range) {
  parsed(spelling, value, help, [&into, range, name = long_name(spelling)](std::string_view text) -> Result<void> {
    const auto count = parse_count(text, range);
    if (!count)
      return fail(ErrorClass::kInvalidArgument, "arguments",
                  fmt::format("{} {}: {}", name, escaped(text), count.error().message()));
    into = *count;
    return {};
  });
}

void Arguments::list(const std::string& spelling, const std::string& value, std::vector<std::string>& into,
                     const std::string& help) {
  app_.add_option(spelling, into, help)
      ->option_text(value)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->delimiter(',');
}

void Arguments::parsed(const std::string& spelling, const std::string& value, const std::string& help,
                       std::function<Result<void>(std::string_view)> take) {
  app_.add_option_function<std::string>(
          spelling,
          [take = std::move(take)](const std::string& text) {
            if (auto taken = take(text); !taken) throw UsageError(std::move(taken).error());
          },
          help)
      ->option_text(value);
}

void Arguments::texts(const std::string& spelling, const std::string& value, std::vector<std::string>& into,
                      const std::string& help) {
  app_.add_option(spelling, into, help)
      ->option_text(value)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void Arguments::also_from(const std::string& spelling, const std::string& variable) {
  app_.get_option(spelling)->envname(variable);
}

}  // namespace weft::cli
