#include "config/yaml/normal_form.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/number_text.h"

namespace baro::config {
namespace {

/// Whether YAML 1.1 reads the plain text as something else than a text.
bool ReadsAsOther(const std::string& text) {
  static constexpr std::string_view kWords[] = {"",   "~",  "null", "true", "false", "yes",
                                                "no", "on", "off",  "y",    "n",     "<<"};
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (std::ranges::find(kWords, lower) != std::end(kWords)) return true;
  const bool may_be_number = std::isdigit(static_cast<unsigned char>(text.front())) != 0 || text.front() == '.' ||
                             text.front() == '-' || text.front() == '+';
  if (!may_be_number) return false;
  // Numbers, times (1:30) and dates alike; a quote too many harms nobody.
  return base::ParseFloat(text).has_value() ||
         std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0 || c == '_' || c == 'x'; }) ||
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0 || c == ':' || c == '-'; });
}

bool NeedsDoubleQuotes(const std::string& text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// Whether an indicator of YAML's would be seen in the plain text.
bool NeedsQuotes(const std::string& text) {
  constexpr std::string_view kFirst = "-?:,[]{}#&*!|>'\"%@`";
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':') return true;
  if (kFirst.find(text.front()) != std::string_view::npos) {
    const bool is_word = (text.front() == '-' || text.front() == ':' || text.front() == '?') && text.size() > 1 &&
                         text[1] != ' ' && kFirst.find(text[1]) == std::string_view::npos;
    if (!is_word) return true;
  }
  return text.find(": ") != std::string::npos || text.find(" #") != std::string::npos;
}

void AppendDoubleQuoted(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

/// `in_flow`: inside brackets, where commas and brackets are indicators too.
void AppendText(const std::string& text, bool in_flow, std::string& out) {
  if (NeedsDoubleQuotes(text) || ReadsAsOther(text)) return AppendDoubleQuoted(text, out);
  if (!NeedsQuotes(text) && (!in_flow || text.find_first_of(",[]{}") == std::string::npos)) {
    out += text;
    return;
  }
  out += '\'';
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  out += '\'';
}

}  // namespace

NormalForm NormalForm::Text(std::string text) {
  NormalForm form;
  form.kind_ = Kind::kText;
  form.text_ = std::move(text);
  return form;
}

NormalForm NormalForm::Plain(std::string text) {
  NormalForm form = Text(std::move(text));
  form.kind_ = Kind::kPlain;
  return form;
}

NormalForm NormalForm::Secret() { return Plain("<secret>"); }

NormalForm NormalForm::List(std::vector<NormalForm> items, bool is_flow) {
  NormalForm form;
  form.kind_ = is_flow ? Kind::kFlowList : Kind::kList;
  form.items_ = std::move(items);
  return form;
}

NormalForm NormalForm::TextList(const std::vector<std::string>& texts, bool is_flow) {
  std::vector<NormalForm> items;
  items.reserve(texts.size());
  for (const std::string& text : texts) items.push_back(Text(text));
  return List(std::move(items), is_flow);
}

NormalForm NormalForm::Map() {
  NormalForm form;
  form.kind_ = Kind::kMap;
  return form;
}

void NormalForm::Set(std::string_view field, NormalForm value) {
  for (auto& [name, old] : fields_) {
    if (name != field) continue;
    old = std::move(value);
    return;
  }
  fields_.emplace_back(field, std::move(value));
}

void NormalForm::Remove(std::string_view field) {
  std::erase_if(fields_, [field](const auto& entry) { return entry.first == field; });
}

bool NormalForm::empty() const { return text_.empty() && items_.empty() && fields_.empty(); }

void NormalForm::PrintScalar(std::string& out) const {
  switch (kind_) {
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kText:
      AppendText(text_, /*in_flow=*/false, out);
      break;
    case Kind::kPlain:
      out += text_;
      break;
    case Kind::kList:
    case Kind::kFlowList:
      out += '[';
      for (std::size_t i = 0; i < items_.size(); ++i) {
        if (i > 0) out += ", ";
        AppendText(items_[i].text_, /*in_flow=*/true, out);
      }
      out += ']';
      break;
    case Kind::kMap:
      out += "{}";
      break;
  }
}

// Behind "field:" or in the place of the document.
void NormalForm::PrintBelow(std::string& out, std::size_t indent) const {
  if (kind_ == Kind::kMap && !fields_.empty()) {
    out += '\n';
    PrintMap(out, indent + 2, /*is_first_line_indented=*/true);
  } else if (kind_ == Kind::kList && !items_.empty()) {
    out += '\n';
    for (const NormalForm& item : items_) {
      out.append(indent, ' ');
      out += "- ";
      if (item.kind_ == Kind::kMap && !item.fields_.empty()) {
        item.PrintMap(out, indent + 2, /*is_first_line_indented=*/false);
      } else {
        item.PrintScalar(out);
        out += '\n';
      }
    }
  } else {
    out += ' ';
    PrintScalar(out);
    out += '\n';
  }
}

void NormalForm::PrintMap(std::string& out, std::size_t indent, bool is_first_line_indented) const {
  bool is_indented = is_first_line_indented;
  for (const auto& [name, value] : fields_) {
    if (is_indented) out.append(indent, ' ');
    is_indented = true;
    AppendText(name, /*in_flow=*/false, out);
    out += ':';
    value.PrintBelow(out, indent);
  }
}

std::string NormalForm::ToYaml() const {
  std::string out;
  if (kind_ == Kind::kMap && !fields_.empty()) {
    PrintMap(out, 0, /*is_first_line_indented=*/true);
  } else {
    PrintScalar(out);
    out += '\n';
  }
  return out;
}

}  // namespace baro::config
