#include "config/diagnostics.h"

#include <algorithm>
#include <utility>

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

void Diagnostics::AddNotServed(std::size_t line, std::size_t column, std::string field) {
  const auto covers = [&field](const Diagnostic& outer) {
    return field.starts_with(outer.field) &&
           (field.size() == outer.field.size() || field[outer.field.size()] == '.' || field[outer.field.size()] == '[');
  };
  if (not_served_.size() == kMax || std::ranges::any_of(not_served_, covers)) return;
  not_served_.push_back(
      {.file = file_,
       .line = line,
       .column = column,
       .field = std::move(field),
       .message =
           "Prometheus has this field, this version of Barograph does not support it yet; take it out to start"});
}

void Diagnostics::Sort() {
  const auto place = [](const Diagnostic& item) { return std::pair(item.line, item.column); };
  std::ranges::stable_sort(items_, {}, place);
  std::ranges::stable_sort(not_served_, {}, place);
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
  for (const Diagnostic& item : other.not_served_) {
    if (not_served_.size() < kMax) not_served_.push_back(item);
  }
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
