// What a configuration says once all is decided: every value in force, defaults included, as YAML that can be shown.
//
// Format   Prometheus' answer to /api/v1/status/config: fields in a fixed order, empty ones left out, secrets as
//          `<secret>`, lists not indented below their field.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace baro::config {

/// A tree of values that is printed as YAML.
///
/// Threads  Confined.
class NormalForm {
 public:
  /// Nothing, printed as `null`.
  NormalForm() = default;

  /// A text, quoted where it would be read as something else.
  static NormalForm Text(std::string text);
  /// A number, a truth value, a duration: printed as it is.
  static NormalForm Plain(std::string text);
  /// `<secret>`, whatever the secret is.
  static NormalForm Secret();
  static NormalForm List(std::vector<NormalForm> items, bool is_flow = false);
  static NormalForm TextList(const std::vector<std::string>& texts, bool is_flow = false);
  static NormalForm Map();

  /// Puts a field at the end of a map; one that is there already keeps its place and takes the new value.
  void Set(std::string_view field, NormalForm value);
  void Remove(std::string_view field);

  /// A map without fields, a list without items, an empty text or nothing.
  bool empty() const;
  std::size_t size() const { return kind_ == Kind::kMap ? fields_.size() : items_.size(); }

  /// The tree as a YAML document. Shape  not nested deeper than the document that it was read from.
  std::string ToYaml() const;

 private:
  enum class Kind { kNull, kText, kPlain, kList, kFlowList, kMap };

  void PrintBelow(std::string& out, std::size_t indent) const;
  void PrintMap(std::string& out, std::size_t indent, bool is_first_line_indented) const;
  void PrintScalar(std::string& out) const;

  Kind kind_ = Kind::kNull;
  std::string text_;
  std::vector<NormalForm> items_;
  std::vector<std::pair<std::string, NormalForm>> fields_;
};

}  // namespace baro::config
