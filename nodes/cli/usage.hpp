#pragma once

#include <utility>

#include <CLI/CLI.hpp>

#include <weft/base/error.hpp>

namespace weft::cli {

/// Carries an Error of ours out of CLI11's parser, which knows exceptions only. Caught in command_line.cpp.
class UsageError : public CLI::ParseError {
 public:
  explicit UsageError(weft::Error error)
      : CLI::ParseError("UsageError", std::string(error.message()), 2), error_(std::move(error)) {}
  const weft::Error& error() const noexcept { return error_; }

 private:
  weft::Error error_;
};

}  // namespace weft::cli
