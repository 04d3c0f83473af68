#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

/// Characters that `text` takes on a terminal: code points, which is right for what Weft prints.
std::size_t display_width(std::string_view text) noexcept;
/// Padded with blanks on the right (or left) to `width`.
std::string padded(std::string_view text, std::size_t width, bool right_aligned = false);

/// Rows under headings. Cells are printable already (escaped).
class Table {
 public:
  struct Column {
    std::string heading{};
    bool right_aligned = false;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::size_t size() const noexcept { return rows_.size(); }

  /// Headings first, columns two blanks apart, nothing after the last word of a line.
  std::vector<std::string> lines() const;
  /// Tab-separated, no headings; "-" where a cell says nothing.
  std::vector<std::string> plain_lines() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace weft::cli
