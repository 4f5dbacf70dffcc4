#include "query/exec/natural_order.h"

#include <algorithm>

namespace baro::query::exec {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits off the front of `text`.
std::string_view TakeDigits(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, IsDigit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

std::string_view WithoutLeadingZeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

// By value, however long they are.
std::strong_ordering CompareDigits(std::string_view a, std::string_view b) {
  a = WithoutLeadingZeros(a);
  b = WithoutLeadingZeros(b);
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

}  // namespace

std::strong_ordering CompareNaturally(std::string_view a, std::string_view b) {
  const std::string_view all_a = a;
  const std::string_view all_b = b;
  while (!a.empty() && !b.empty()) {
    if (IsDigit(a.front()) && IsDigit(b.front())) {
      const auto order = CompareDigits(TakeDigits(a), TakeDigits(b));
      if (order != 0) return order;
      continue;
    }
    if (a.front() != b.front()) {
      return static_cast<unsigned char>(a.front()) <=> static_cast<unsigned char>(b.front());
    }
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.size() != b.size()) return a.size() <=> b.size();
  return all_a.compare(all_b) <=> 0;
}

std::strong_ordering CompareByLabels(const model::Labels& a, const model::Labels& b,
                                     std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    const auto order = CompareNaturally(a.Get(name), b.Get(name));
    if (order != 0) return order;
  }
  return a <=> b;
}

}  // namespace baro::query::exec
