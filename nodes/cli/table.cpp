#include <algorithm>

#include <weft/nodes/cli/table.hpp>

namespace weft::cli {

std::size_t display_width(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t width, bool right_aligned) {
  const auto wide = display_width(text);
  const std::string blanks(width > wide ? width - wide : 0, ' ');
  return right_aligned ? blanks + std::string(text) : std::string(text) + blanks;
}

std::vector<std::string> Table::lines() const {
  std::vector<std::size_t> widths;
  widths.reserve(columns_.size());
  for (const auto& column : columns_) widths.push_back(display_width(column.heading));
  for (const auto& row : rows_)
    for (std::size_t at = 0; at < row.size(); ++at) widths[at] = std::max(widths[at], display_width(row[at]));
  const auto line_of = [&](auto cell) {
    std::string line;
    for (std::size_t at = 0; at < columns_.size(); ++at)
      line += (at > 0 ? "  " : "") + padded(cell(at), widths[at], columns_[at].right_aligned);
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  std::vector<std::string> lines{line_of([&](std::size_t at) { return columns_[at].heading; })};
  for (const auto& row : rows_)
    lines.push_back(line_of([&](std::size_t at) { return at < row.size() ? row[at] : std::string{}; }));
  return lines;
}

std::vector<std::string> Table::plain_lines() const {
  std::vector<std::string> lines;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t at = 0; at < row.size(); ++at) line += (at > 0 ? "\t" : "") + (row[at].empty() ? "-" : row[at]);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace weft::cli
