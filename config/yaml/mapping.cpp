#include "config/yaml/mapping.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/duration_text.h"
#include "base/number_text.h"
#include "base/size_text.h"
#include "config/yaml/document_limits.h"

namespace baro::config {
namespace {

std::string Describe(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Null:
      return "nothing";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a mapping";
    case YAML::NodeType::Scalar:
      return fmt::format("\"{}\"", node.Scalar());
    case YAML::NodeType::Undefined:
      break;
  }
  return "nothing";
}

/// Edits (insert, delete, replace) that lead from one name to another: finds the field that was meant.
std::size_t EditDistance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string Suggestion(std::string_view field, const std::vector<std::string>& known) {
  constexpr std::size_t kNameLengthMax = 64;  // longer ones are no typing errors, and the distance is quadratic
  if (field.size() > kNameLengthMax) return "";
  const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return EditDistance(field, a) < EditDistance(field, b);
  });
  if (nearest == known.end() || EditDistance(field, *nearest) > std::max<std::size_t>(2, field.size() / 4)) return "";
  return fmt::format("; did you mean {}?", *nearest);
}

/// The mapping with what its merge keys (`<<: *base`, or a list of them) bring in; fields of its own win.
YAML::Node WithMergeKeys(const YAML::Node& node) {
  const YAML::Node& fields = node;
  std::vector<YAML::Node> sources;
  for (const auto& entry : fields) {
    if (!entry.first.IsScalar() || entry.first.Scalar() != "<<") continue;
    if (entry.second.IsMap()) sources.push_back(entry.second);
    if (!entry.second.IsSequence()) continue;
    for (const auto& item : entry.second) {
      if (item.IsMap()) sources.push_back(item);
    }
  }
  if (sources.empty()) return node;

  YAML::Node merged(YAML::NodeType::Map);
  std::set<std::string> names;
  const auto add = [&](const YAML::Node& key, const YAML::Node& value) {
    merged.force_insert(key, value);
    if (key.IsScalar()) names.insert(key.Scalar());
  };
  for (const auto& entry : fields) {
    if (!entry.first.IsScalar() || entry.first.Scalar() != "<<") add(entry.first, entry.second);
  }
  for (const YAML::Node& source : sources) {
    for (const auto& entry : source) {
      if (entry.first.IsScalar() && !names.contains(entry.first.Scalar())) add(entry.first, entry.second);
    }
  }
  return merged;
}

/// Puts bytes in the place of `!!binary` texts, which yaml-cpp leaves in base64. The depth has a limit already.
void DecodeBinary(YAML::Node node) {
  if (node.IsScalar()) {
    if (node.Tag() != "tag:yaml.org,2002:binary") return;
    const std::vector<unsigned char> bytes = YAML::DecodeBase64(node.Scalar());
    node = std::string(bytes.begin(), bytes.end());
    node.SetTag("tag:yaml.org,2002:str");  // an alias brings us here again
  } else if (node.IsMap()) {
    for (const auto& entry : node) {
      DecodeBinary(entry.first);
      DecodeBinary(entry.second);
    }
  } else if (node.IsSequence()) {
    for (const auto& item : node) DecodeBinary(item);
  }
}

}  // namespace

std::size_t LineOf(const YAML::Node& node) {
  return node.Mark().is_null() ? 0 : static_cast<std::size_t>(node.Mark().line) + 1;
}
std::size_t ColumnOf(const YAML::Node& node) {
  return node.Mark().is_null() ? 0 : static_cast<std::size_t>(node.Mark().column) + 1;
}

YAML::Node ParseYaml(const std::string& text, Diagnostics& diagnostics) {
  if (const auto excess = FindExcess(text)) {
    diagnostics.Add(excess->line, excess->column, "", excess->message);
    return YAML::Node(YAML::NodeType::Undefined);
  }
  try {
    YAML::Node node = YAML::Load(text);
    DecodeBinary(node);
    return node.IsNull() ? YAML::Node(YAML::NodeType::Map) : node;
  } catch (const YAML::Exception& error) {
    diagnostics.Add(error.mark.is_null() ? 0 : static_cast<std::size_t>(error.mark.line) + 1,
                    error.mark.is_null() ? 0 : static_cast<std::size_t>(error.mark.column) + 1, "",
                    fmt::format("not valid YAML: {}", error.msg));
    return YAML::Node(YAML::NodeType::Undefined);
  }
}

Mapping::Mapping(const YAML::Node& node, std::string path, Diagnostics& diagnostics)
    : node_(node), path_(std::move(path)), diagnostics_(diagnostics) {
  if (!node_.IsDefined()) return;
  if (node_.IsMap()) {
    node_.reset(WithMergeKeys(node_));
    return;
  }
  Report(node_, path_, fmt::format("expected a mapping of fields, found {}", Describe(node_)));
  node_ = YAML::Node(YAML::NodeType::Map);
}

void Mapping::Report(const YAML::Node& at, std::string field, std::string message) {
  diagnostics_.Add(LineOf(at), ColumnOf(at), std::move(field), std::move(message));
}

std::string Mapping::FieldPath(std::string_view field) const {
  return path_.empty() ? std::string(field) : fmt::format("{}.{}", path_, field);
}

bool Mapping::Has(std::string_view field) const {
  for (const auto& entry : node_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == field) return true;
  }
  return false;
}

std::vector<std::string> Mapping::Names() const {
  std::vector<std::string> names;
  for (const auto& entry : node_) {
    if (entry.first.IsScalar()) names.push_back(entry.first.Scalar());
  }
  return names;
}

YAML::Node Mapping::Take(std::string_view field) {
  known_.emplace_back(field);
  YAML::Node found(YAML::NodeType::Undefined);
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar() || entry.first.Scalar() != field) continue;
    if (found.IsDefined()) {
      Report(entry.first, FieldPath(field), fmt::format("given twice, first in line {}", LineOf(found)));
    } else {
      found.reset(entry.second);
    }
  }
  return found;
}

YAML::Node Mapping::TakeScalar(std::string_view field, std::string_view expected) {
  YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsScalar()) return node;
  // An empty field ("scrape_interval:") leaves the default in force, as in Prometheus.
  if (!node.IsNull()) Report(node, FieldPath(field), fmt::format("expected {}, found {}", expected, Describe(node)));
  return YAML::Node(YAML::NodeType::Undefined);
}

bool Mapping::Text(std::string_view field, std::string& out) {
  const YAML::Node node = TakeScalar(field, "a string");
  if (!node.IsDefined()) return false;
  out = node.Scalar();
  return true;
}

bool Mapping::Bool(std::string_view field, bool& out) {
  const YAML::Node node = TakeScalar(field, "true or false");
  if (!node.IsDefined()) return false;
  if (!YAML::convert<bool>::decode(node, out)) {
    Report(node, FieldPath(field), fmt::format("expected true or false, found {}", Describe(node)));
    return false;
  }
  return true;
}

bool Mapping::Integer(std::string_view field, std::int64_t& out, std::int64_t min, std::int64_t max) {
  const YAML::Node node = TakeScalar(field, "a whole number");
  if (!node.IsDefined()) return false;
  const std::string& text = node.Scalar();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    Report(node, FieldPath(field),
           fmt::format("expected a whole number from {} to {}, found {}", min, max, Describe(node)));
    return false;
  }
  out = value;
  return true;
}

bool Mapping::Number(std::string_view field, double& out) {
  const YAML::Node node = TakeScalar(field, "a number");
  if (!node.IsDefined()) return false;
  const auto value = base::ParseFloat(node.Scalar());
  if (!value) {
    Report(node, FieldPath(field), fmt::format("expected a number, found {}", Describe(node)));
    return false;
  }
  out = *value;
  return true;
}

bool Mapping::Duration(std::string_view field, std::chrono::milliseconds& out) {
  const YAML::Node node = TakeScalar(field, "a duration such as 15s");
  if (!node.IsDefined()) return false;
  const auto value = base::ParseDuration(node.Scalar());
  if (!value) {
    Report(
        node, FieldPath(field),
        fmt::format("expected a duration such as 15s or 1h30m, found {}: {}", Describe(node), value.error().message()));
    return false;
  }
  out = *value;
  return true;
}

bool Mapping::Size(std::string_view field, std::uint64_t& out) {
  const YAML::Node node = TakeScalar(field, "a size such as 10MB");
  if (!node.IsDefined()) return false;
  const auto value = base::ParseSize(node.Scalar());
  if (!value) {
    Report(node, FieldPath(field),
           fmt::format("expected a size such as 512KB or 10MB (B, KB, MB, GB, TB, PB, EB), found {}", Describe(node)));
    return false;
  }
  out = *value;
  return true;
}

bool Mapping::Choice(std::string_view field, std::string& out, std::initializer_list<std::string_view> allowed,
                     bool ignore_case) {
  const YAML::Node node = TakeScalar(field, fmt::format("one of {}", fmt::join(allowed, ", ")));
  if (!node.IsDefined()) return false;
  const auto same = [&](std::string_view choice) {
    return std::ranges::equal(choice, node.Scalar(), [&](unsigned char a, unsigned char b) {
      return ignore_case ? std::tolower(a) == std::tolower(b) : a == b;
    });
  };
  const auto* const found = std::find_if(allowed.begin(), allowed.end(), same);
  if (found == allowed.end()) {
    Report(node, FieldPath(field),
           fmt::format("expected one of {}, found {}", fmt::join(allowed, ", "), Describe(node)));
    return false;
  }
  out = *found;
  return true;
}

bool Mapping::TextList(std::string_view field, std::vector<std::string>& out) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsSequence()) {
    Report(node, FieldPath(field), fmt::format("expected a list of strings, found {}", Describe(node)));
    return false;
  }
  std::vector<std::string> values;
  for (std::size_t i = 0; i < node.size(); ++i) {
    if (!node[i].IsScalar()) {
      Report(node[i], fmt::format("{}[{}]", FieldPath(field), i),
             fmt::format("expected a string, found {}", Describe(node[i])));
      return false;
    }
    values.push_back(node[i].Scalar());
  }
  out = std::move(values);
  return true;
}

bool Mapping::TextMap(std::string_view field, std::map<std::string, std::string>& out) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsMap()) {
    Report(node, FieldPath(field), fmt::format("expected a mapping of names to strings, found {}", Describe(node)));
    return false;
  }
  std::map<std::string, std::string> values;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
      Report(entry.first, FieldPath(field), fmt::format("expected a string, found {}", Describe(entry.second)));
      return false;
    }
    if (!values.emplace(entry.first.Scalar(), entry.second.Scalar()).second) {
      Report(entry.first, FieldPath(field), fmt::format("\"{}\" is given twice", entry.first.Scalar()));
      return false;
    }
  }
  out = std::move(values);
  return true;
}

bool Mapping::Child(std::string_view field, const std::function<void(Mapping&)>& read) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  Mapping child(node, FieldPath(field), diagnostics_);
  read(child);
  child.Finish();
  return true;
}

bool Mapping::Children(std::string_view field, const std::function<void(Mapping&)>& read) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsSequence()) {
    Report(node, FieldPath(field), fmt::format("expected a list, found {}", Describe(node)));
    return false;
  }
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", FieldPath(field), i);
    if (node[i].IsNull()) {
      Report(node[i].Mark().is_null() ? node : node[i], path, "the list item is empty; fill it or take its dash away");
      continue;
    }
    Mapping child(node[i], path, diagnostics_);
    read(child);
    child.Finish();
  }
  return true;
}

bool Mapping::ChildrenByName(std::string_view field, const std::function<void(const std::string&, Mapping&)>& read) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsMap()) {
    Report(node, FieldPath(field), fmt::format("expected a mapping, found {}", Describe(node)));
    return false;
  }
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) continue;
    Mapping child(entry.second, fmt::format("{}.{}", FieldPath(field), entry.first.Scalar()), diagnostics_);
    read(entry.first.Scalar(), child);
    child.Finish();
  }
  return true;
}

void Mapping::NotSupported(std::string_view field) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined()) return;
  Report(node, FieldPath(field),
         "Prometheus has this field, this version of Barograph does not support it yet; take it out to start");
}

void Mapping::Ignored(std::string_view field) { Take(field); }

void Mapping::Fail(std::string_view field, std::string message) {
  for (const auto& entry : node_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == field) {
      Report(entry.second.Mark().is_null() ? entry.first : entry.second, FieldPath(field), std::move(message));
      return;
    }
  }
  Report(node_, path_.empty() ? std::string(field) : path_, std::move(message));
}

std::string Mapping::ToText() const { return YAML::Dump(node_); }

void Mapping::Finish() {
  for (const auto& entry : node_) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "?";
    if (std::ranges::find(known_, name) != known_.end()) continue;
    Report(entry.first, FieldPath(name), fmt::format("unknown field{}", Suggestion(name, known_)));
  }
}

}  // namespace baro::config
