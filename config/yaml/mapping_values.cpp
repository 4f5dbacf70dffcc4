// The readers of single values; mapping.cpp has the rest.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/duration_text.h"
#include "base/number_text.h"
#include "base/size_text.h"
#include "config/yaml/mapping.h"

namespace baro::config {
namespace {

/// A whole number as YAML 1.1 spells it: 10, 1_000, 0x1f, 0o17, 017, 0b11, and 5e+7 for what is whole.
std::optional<std::int64_t> ParseInteger(std::string text) {
  std::erase(text, '_');
  const bool is_negative = text.starts_with('-');
  std::string_view digits = text;
  if (is_negative || text.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.size() > 1 && digits.front() == '0') {
    const char kind = static_cast<char>(std::tolower(static_cast<unsigned char>(digits[1])));
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    digits.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value, base);
  if (parsed.ec == std::errc() && parsed.ptr == end && value <= std::uint64_t{INT64_MAX}) {
    return is_negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
  }
  constexpr double kExactMax = 9007199254740992.0;  // 2^53: beyond it a double skips whole numbers
  const auto number = base::ParseFloat(text);
  if (!number || std::trunc(*number) != *number || std::fabs(*number) > kExactMax) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

/// Whether a scalar is a text by its quotes: "5" is no number, and "true" no truth value.
bool IsQuoted(const YAML::Node& node) { return node.Tag() == "!"; }

std::string Found(const YAML::Node& node) {
  return IsQuoted(node) ? fmt::format("the text {} in quotes", Describe(node)) : Describe(node);
}

}  // namespace

bool Mapping::Text(std::string_view field, std::string& out, Show show) {
  const YAML::Node node = TakeScalar(field, "a string");
  const bool has_default = !out.empty();
  if (node.IsDefined()) out = node.Scalar();
  if (show == Show::kAlways || has_default || !out.empty()) normal_form_.Set(field, NormalForm::Text(out));
  return node.IsDefined();
}

bool Mapping::Secret(std::string_view field, base::Secret& out) {
  const YAML::Node node = TakeScalar(field, "a string");
  if (node.IsDefined()) out = base::Secret(node.Scalar());
  if (!out.empty()) normal_form_.Set(field, NormalForm::Secret());
  return node.IsDefined();
}

bool Mapping::Bool(std::string_view field, bool& out, Show show) {
  const YAML::Node node = TakeScalar(field, "true or false");
  const bool has_default = out;
  bool is_good = node.IsDefined();
  if (is_good && (IsQuoted(node) || !YAML::convert<bool>::decode(node, out))) {
    Report(node, FieldPath(field), fmt::format("expected true or false, found {}", Found(node)));
    is_good = false;
  }
  if (show == Show::kAlways || has_default || out) normal_form_.Set(field, NormalForm::Plain(out ? "true" : "false"));
  return is_good;
}

bool Mapping::Integer(std::string_view field, std::int64_t& out, std::int64_t min, std::int64_t max, Show show) {
  const YAML::Node node = TakeScalar(field, "a whole number");
  const bool has_default = out != 0;
  bool is_good = node.IsDefined();
  if (is_good) {
    const auto value = IsQuoted(node) ? std::nullopt : ParseInteger(node.Scalar());
    is_good = value && *value >= min && *value <= max;
    if (is_good) {
      out = *value;
    } else {
      Report(node, FieldPath(field),
             fmt::format("expected a whole number from {} to {}, found {}", min, max, Found(node)));
    }
  }
  if (show == Show::kAlways || has_default || out != 0) normal_form_.Set(field, NormalForm::Plain(std::to_string(out)));
  return is_good;
}

bool Mapping::Number(std::string_view field, double& out) {
  const YAML::Node node = TakeScalar(field, "a number");
  bool is_good = node.IsDefined();
  if (is_good) {
    const auto value = IsQuoted(node) ? std::nullopt : base::ParseFloat(node.Scalar());
    is_good = value.has_value();
    if (is_good) {
      out = *value;
    } else {
      Report(node, FieldPath(field), fmt::format("expected a number, found {}", Found(node)));
    }
  }
  if (out != 0) normal_form_.Set(field, NormalForm::Plain(fmt::format("{}", out)));
  return is_good;
}

bool Mapping::Duration(std::string_view field, std::chrono::milliseconds& out, Show show) {
  const YAML::Node node = TakeScalar(field, "a duration such as 15s");
  const bool has_default = out.count() != 0;
  bool is_good = node.IsDefined();
  if (is_good) {
    const auto value = base::ParseDuration(node.Scalar());
    is_good = value.has_value();
    if (is_good) {
      out = *value;
    } else {
      Report(node, FieldPath(field),
             fmt::format("expected a duration such as 15s or 1h30m, found {}: {}", Describe(node),
                         value.error().message()));
    }
  }
  if (show == Show::kAlways || has_default || out.count() != 0) {
    normal_form_.Set(field, NormalForm::Plain(base::FormatDuration(out)));
  }
  return is_good;
}

bool Mapping::Size(std::string_view field, std::uint64_t& out) {
  const YAML::Node node = TakeScalar(field, "a size such as 10MB");
  bool is_good = node.IsDefined();
  if (is_good) {
    const auto value = base::ParseSize(node.Scalar());
    is_good = value.has_value();
    if (is_good) {
      out = *value;
    } else {
      Report(
          node, FieldPath(field),
          fmt::format("expected a size such as 512KB or 10MB (B, KB, MB, GB, TB, PB, EB), found {}", Describe(node)));
    }
  }
  if (out != 0) normal_form_.Set(field, NormalForm::Plain(base::FormatSize(out)));
  return is_good;
}

bool Mapping::Choice(std::string_view field, std::string& out, std::span<const std::string_view> allowed,
                     bool ignore_case) {
  const YAML::Node node = TakeScalar(field, fmt::format("one of {}", fmt::join(allowed, ", ")));
  const auto same = [&](std::string_view choice) {
    return std::ranges::equal(choice, node.Scalar(), [&](unsigned char a, unsigned char b) {
      return ignore_case ? std::tolower(a) == std::tolower(b) : a == b;
    });
  };
  bool is_good = node.IsDefined();
  if (is_good) {
    const auto found = std::ranges::find_if(allowed, same);
    is_good = found != allowed.end();
    if (is_good) {
      out = *found;
    } else {
      Report(node, FieldPath(field),
             fmt::format("expected one of {}, found {}", fmt::join(allowed, ", "), Describe(node)));
    }
  }
  if (!out.empty()) normal_form_.Set(field, NormalForm::Text(out));
  return is_good;
}

bool Mapping::TakeTexts(std::string_view field, std::vector<std::string>& out, bool is_secret) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsSequence()) {
    const std::string found = is_secret && node.IsScalar() ? "a single one" : Describe(node);
    Report(node, FieldPath(field), fmt::format("expected a list of strings, found {}", found));
    return false;
  }
  std::vector<std::string> values;
  for (std::size_t i = 0; i < node.size(); ++i) {
    if (!node[i].IsScalar()) {
      Report(node[i].Mark().is_null() ? node : node[i], fmt::format("{}[{}]", FieldPath(field), i),
             fmt::format("expected a string, found {}", Describe(node[i])));
      return false;
    }
    values.push_back(node[i].Scalar());
  }
  out = std::move(values);
  return true;
}

bool Mapping::TextList(std::string_view field, std::vector<std::string>& out) {
  const bool is_good = TakeTexts(field, out, /*is_secret=*/false);
  if (!out.empty()) normal_form_.Set(field, NormalForm::TextList(out));
  return is_good;
}

bool Mapping::SecretList(std::string_view field, std::vector<base::Secret>& out) {
  std::vector<std::string> texts;
  if (!TakeTexts(field, texts, /*is_secret=*/true)) return false;
  out.clear();
  for (std::string& text : texts) out.emplace_back(std::move(text));
  if (!out.empty()) normal_form_.Set(field, NormalForm::List({out.size(), NormalForm::Secret()}));
  return true;
}

bool Mapping::TextMap(std::string_view field, std::map<std::string, std::string>& out) {
  const YAML::Node node = Take(field);
  if (node.IsDefined() && !node.IsNull()) {
    if (!node.IsMap()) {
      Report(node, FieldPath(field), fmt::format("expected a mapping of names to strings, found {}", Describe(node)));
      return false;
    }
    std::map<std::string, std::string> values;
    for (const auto& entry : node) {
      const bool is_text = entry.second.IsScalar() || entry.second.IsNull();  // nothing is the empty text, as in Go
      if (!entry.first.IsScalar() || !is_text) {
        Report(entry.first, FieldPath(field), fmt::format("expected a string, found {}", Describe(entry.second)));
        return false;
      }
      const std::string value = entry.second.IsScalar() ? entry.second.Scalar() : "";
      if (!values.emplace(entry.first.Scalar(), value).second) {
        Report(entry.first, FieldPath(field), fmt::format("\"{}\" is given twice", entry.first.Scalar()));
        return false;
      }
    }
    out = std::move(values);
  }
  NormalForm form = NormalForm::Map();
  for (const auto& [name, value] : out) form.Set(name, NormalForm::Text(value));
  if (!form.empty()) normal_form_.Set(field, std::move(form));
  return node.IsDefined() && !node.IsNull();
}

}  // namespace baro::config
