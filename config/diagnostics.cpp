#include "config/diagnostics.h"

#include <fmt/format.h>

namespace baro::config {

std::string Diagnostic::ToString() const {
  std::string place = file;
  if (line > 0) place += fmt::format(":{}:{}", line, column);
  return field.empty() ? fmt::format("{}: {}", place, message) : fmt::format("{}: {}: {}", place, field, message);
}

void Diagnostics::Add(std::size_t line, std::size_t column, std::string field, std::string message) {
  if (items_.size() == kMax) {
    ++left_out_;
    return;
  }
  items_.push_back(
      {.file = file_, .line = line, .column = column, .field = std::move(field), .message = std::move(message)});
}

void Diagnostics::Append(const Diagnostics& other) {
  for (const Diagnostic& item : other.items_) {
    if (items_.size() == kMax) {
      ++left_out_;
    } else {
      items_.push_back(item);
    }
  }
  left_out_ += other.left_out_;
}

std::string Diagnostics::ToString() const {
  std::string text;
  for (const Diagnostic& item : items_) {
    if (!text.empty()) text += '\n';
    text += item.ToString();
  }
  if (left_out_ > 0) text += fmt::format("\n{}: {} more problems are not shown", file_, left_out_);
  return text;
}

}  // namespace baro::config
