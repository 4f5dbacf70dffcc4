// A YAML mapping read field by field, strictly: wrong types, unknown, repeated and null fields are problems with a
// place.
//
// Usage: read every field that may stand in the mapping, then Finish(), which reports the ones nobody read. What was
// read is kept, in the order of reading, as the mapping's normal form: the reader of a field is all that has to be
// written.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/result.h"
#include "base/secret.h"
#include "config/diagnostics.h"
#include "config/yaml/normal_form.h"

namespace baro::config {

/// Parses `text` as one YAML document. An empty document is an empty mapping.
/// Errors   through `diagnostics`; the node is then undefined. Nesting beyond 64 and more than a million nodes are
///          refused before they cost anything.
YAML::Node ParseYaml(const std::string& text, Diagnostics& diagnostics);

/// Whether the normal form has a field whose value is the zero of its type ("", 0, false), and is so by default.
enum class Show : bool { kUnlessZero, kAlways };

/// Whether a mapping that is not in the file is read all the same, from nothing, so that its defaults are shown.
enum class WhenAbsent : bool { kLeaveOut, kReadDefaults };

/// Threads  Confined. Borrows `diagnostics`.
class Mapping {
 public:
  /// `path` names the mapping in messages, "" for the document itself.
  Mapping(const YAML::Node& node, std::string path, Diagnostics& diagnostics);

  bool Has(std::string_view field) const;
  /// Whether the field is there and is not null.
  bool HasValue(std::string_view field) const;

  /// Names of all fields that stand in the mapping, in their order.
  std::vector<std::string> Names() const;

  // Each of these reads one field when it is present, and returns whether a good value was stored. A bad value is
  // reported and leaves `out` as it was. The normal form takes what is in `out` afterwards, present or not.

  bool Text(std::string_view field, std::string& out, Show show = Show::kUnlessZero);
  bool Secret(std::string_view field, base::Secret& out);
  bool Bool(std::string_view field, bool& out, Show show = Show::kUnlessZero);
  /// Any spelling of YAML's: 10, 1_000, 0x1f, 5e+7.
  bool Integer(std::string_view field, std::int64_t& out, std::int64_t min, std::int64_t max,
               Show show = Show::kUnlessZero);
  bool Number(std::string_view field, double& out);
  /// A Prometheus duration, e.g. 1h30m.
  bool Duration(std::string_view field, std::chrono::milliseconds& out, Show show = Show::kUnlessZero);
  /// A size in bytes, e.g. 10MB; units are powers of 1024.
  bool Size(std::string_view field, std::uint64_t& out);
  /// One of `allowed`; `ignore_case` compares without case and stores the allowed spelling.
  bool Choice(std::string_view field, std::string& out, std::span<const std::string_view> allowed,
              bool ignore_case = false);
  bool Choice(std::string_view field, std::string& out, std::initializer_list<std::string_view> allowed,
              bool ignore_case = false) {
    return Choice(field, out, std::span(allowed.begin(), allowed.size()), ignore_case);
  }
  bool TextList(std::string_view field, std::vector<std::string>& out);
  bool SecretList(std::string_view field, std::vector<base::Secret>& out);
  bool TextMap(std::string_view field, std::map<std::string, std::string>& out);

  /// Calls `read` with the mapping at `field`, and finishes it afterwards. With kReadDefaults `read` is called in any
  /// case. Returns whether the mapping was there.
  bool Child(std::string_view field, const std::function<void(Mapping&)>& read,
             WhenAbsent when_absent = WhenAbsent::kLeaveOut);
  /// Calls `read` for each mapping in the list at `field`, and finishes each. A null item is a problem.
  bool Children(std::string_view field, const std::function<void(Mapping&)>& read);
  /// Calls `read` for each mapping in the mapping at `field`, with its key.
  bool ChildrenByName(std::string_view field, const std::function<void(const std::string&, Mapping&)>& read);
  /// A field that may hold anything, as YAML text.
  bool Anything(std::string_view field, std::string& out);
  /// A mapping of anything, as JSON text.
  bool Json(std::string_view field, std::string& out);

  /// Notes that a field is not served yet, if it is there and not empty. It is read as any other, best afterwards: what
  /// is inside is not named again.
  void NotServed(std::string_view field);
  /// A field that is accepted and has no effect here, e.g. settings of Go's runtime.
  void Ignored(std::string_view field);

  /// Puts `value` in the place that `field` has in the normal form: for values that are decided after reading, or are
  /// not read by the functions above. An empty one takes the field out.
  void Note(std::string_view field, NormalForm value);

  /// Reports a problem at `field`, or at the mapping itself when it has no such field.
  void Fail(std::string_view field, std::string message);

  /// Reports fields that nobody read, with the nearest known name, unless the diagnostics ignore them.
  void Finish();

  /// What was read until now, in the order of reading.
  const NormalForm& normal_form() const { return normal_form_; }

  /// The fields as YAML, for telling whether they changed; only those whose name `takes`.
  std::string ToText(const std::function<bool(std::string_view)>& takes) const;

  const std::string& path() const { return path_; }

 private:
  YAML::Node Take(std::string_view field);
  YAML::Node TakeScalar(std::string_view field, std::string_view expected);
  bool TakeTexts(std::string_view field, std::vector<std::string>& out, bool is_secret);
  std::string FieldPath(std::string_view field) const;
  void Report(const YAML::Node& at, std::string field, std::string message);

  YAML::Node node_;
  std::string path_;
  Diagnostics& diagnostics_;
  std::vector<std::string> known_;
  NormalForm normal_form_ = NormalForm::Map();
};

/// What a node is, for messages: "a list", "\"7x\"".
std::string Describe(const YAML::Node& node);

/// Where a node stands, counted from 1.
std::size_t LineOf(const YAML::Node& node);
std::size_t ColumnOf(const YAML::Node& node);

}  // namespace baro::config
