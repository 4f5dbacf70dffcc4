#include "config/yaml/mapping.h"

#include "config/yaml/json_text.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "config/yaml/document_limits.h"

namespace baro::config {
namespace {

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

/// yaml-cpp's decoder looks other characters up outside of its table.
bool IsBase64(const std::string& text) {
  return std::ranges::all_of(text, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '=' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
  });
}

/// Nothing, an empty list, or a mapping of such.
bool AsksForNothing(const YAML::Node& node) {
  if (node.IsSequence()) return node.size() == 0;
  if (!node.IsMap()) return node.IsNull();
  return std::all_of(node.begin(), node.end(), [](const auto& entry) { return AsksForNothing(entry.second); });
}

void DecodeBinaryText(YAML::Node& node, Diagnostics& diagnostics) {
  if (node.Tag() != "tag:yaml.org,2002:binary") return;
  if (!IsBase64(node.Scalar())) {
    return diagnostics.Add(LineOf(node), ColumnOf(node), "", "expected base64 behind !!binary, found other characters");
  }
  const std::vector<unsigned char> bytes = YAML::DecodeBase64(node.Scalar());
  node = std::string(bytes.begin(), bytes.end());
  node.SetTag("tag:yaml.org,2002:str");  // an alias brings us here again
}

/// Puts bytes in the place of `!!binary` texts, which yaml-cpp leaves in base64. The depth has a limit already.
void DecodeBinary(YAML::Node node, Diagnostics& diagnostics) {
  if (node.IsScalar()) {
    DecodeBinaryText(node, diagnostics);
  } else if (node.IsMap()) {
    for (const auto& entry : node) {
      DecodeBinary(entry.first, diagnostics);
      DecodeBinary(entry.second, diagnostics);
    }
  } else if (node.IsSequence()) {
    for (const auto& item : node) DecodeBinary(item, diagnostics);
  }
}

}  // namespace

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
    DecodeBinary(node, diagnostics);
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

bool Mapping::HasValue(std::string_view field) const {
  for (const auto& entry : node_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == field) return !entry.second.IsNull();
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

bool Mapping::Child(std::string_view field, const std::function<void(Mapping&)>& read, WhenAbsent when_absent) {
  const YAML::Node node = Take(field);
  const bool is_there = node.IsDefined() && !node.IsNull();
  if (!is_there && when_absent == WhenAbsent::kLeaveOut) return false;
  Mapping child(is_there ? node : YAML::Node(YAML::NodeType::Map), FieldPath(field), diagnostics_);
  read(child);
  child.Finish();
  Note(field, std::move(child.normal_form_));
  return is_there;
}

bool Mapping::Children(std::string_view field, const std::function<void(Mapping&)>& read) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsSequence()) {
    Report(node, FieldPath(field), fmt::format("expected a list, found {}", Describe(node)));
    return false;
  }
  std::vector<NormalForm> items;
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", FieldPath(field), i);
    if (node[i].IsNull()) {
      Report(node, path, "the list item is empty; fill it or take its dash away");
      continue;
    }
    Mapping child(node[i], path, diagnostics_);
    read(child);
    child.Finish();
    items.push_back(std::move(child.normal_form_));
  }
  Note(field, NormalForm::List(std::move(items)));
  return true;
}

bool Mapping::ChildrenByName(std::string_view field, const std::function<void(const std::string&, Mapping&)>& read) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsMap()) {
    Report(node, FieldPath(field), fmt::format("expected a mapping, found {}", Describe(node)));
    return false;
  }
  NormalForm form = NormalForm::Map();
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      Report(entry.first, FieldPath(field), fmt::format("expected a name, found {}", Describe(entry.first)));
      continue;
    }
    const std::string name = entry.first.Scalar();
    const YAML::Node value = entry.second.IsNull() ? YAML::Node(YAML::NodeType::Map) : entry.second;
    Mapping child(value, fmt::format("{}.{}", FieldPath(field), name), diagnostics_);
    read(name, child);
    child.Finish();
    form.Set(name, std::move(child.normal_form_));
  }
  Note(field, std::move(form));
  return true;
}

bool Mapping::Anything(std::string_view field, std::string& out) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  out = YAML::Dump(node);
  return true;
}

bool Mapping::Json(std::string_view field, std::string& out) {
  const YAML::Node node = Take(field);
  if (!node.IsDefined() || node.IsNull()) return false;
  if (!node.IsMap()) {
    Report(node, FieldPath(field), fmt::format("expected a mapping, found {}", Describe(node)));
    return false;
  }
  out = JsonText(node);
  Note(field, JsonForm(node));
  return true;
}

void Mapping::NotServed(std::string_view field) {
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar() || entry.first.Scalar() != field) continue;
    if (AsksForNothing(entry.second)) return;
    diagnostics_.AddNotServed(LineOf(entry.first), ColumnOf(entry.first), FieldPath(field));
    return;
  }
}

void Mapping::Ignored(std::string_view field) { Take(field); }

void Mapping::Note(std::string_view field, NormalForm value) {
  if (value.empty()) {
    normal_form_.Remove(field);
  } else {
    normal_form_.Set(field, std::move(value));
  }
}

void Mapping::Fail(std::string_view field, std::string message) {
  for (const auto& entry : node_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == field) {
      // The place of a value that is not there would be the next token's.
      const bool has_place = !entry.second.Mark().is_null() && !entry.second.IsNull();
      Report(has_place ? entry.second : entry.first, FieldPath(field), std::move(message));
      return;
    }
  }
  Report(node_, path_.empty() ? std::string(field) : path_, std::move(message));
}

std::string Mapping::ToText(const std::function<bool(std::string_view)>& takes) const {
  std::string text;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar() || !takes(entry.first.Scalar())) continue;
    text += fmt::format("{}: {}\n", entry.first.Scalar(), YAML::Dump(entry.second));
  }
  return text;
}

void Mapping::Finish() {
  if (diagnostics_.unknown_fields() == UnknownFields::kIgnored) return;
  for (const auto& entry : node_) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "?";
    if (std::ranges::find(known_, name) != known_.end()) continue;
    Report(entry.first, FieldPath(name), fmt::format("unknown field{}", Suggestion(name, known_)));
  }
}

}  // namespace baro::config
