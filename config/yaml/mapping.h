// A YAML mapping read field by field, strictly: wrong types, unknown, repeated and null fields are problems with a
// place.
//
// Usage: read every field that may stand in the mapping, then Finish(), which reports the ones nobody read.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/result.h"
#include "config/diagnostics.h"

namespace baro::config {

/// Parses `text` as one YAML document. An empty document is an empty mapping.
/// Errors   through `diagnostics`; the node is then undefined. Nesting beyond 64 and more than a million nodes are
///          refused before they cost anything.
YAML::Node ParseYaml(const std::string& text, Diagnostics& diagnostics);

/// Threads  Confined. Borrows `diagnostics`.
class Mapping {
 public:
  /// `path` names the mapping in messages, "" for the document itself.
  Mapping(const YAML::Node& node, std::string path, Diagnostics& diagnostics);

  bool Has(std::string_view field) const;

  /// Names of all fields that stand in the mapping, in their order.
  std::vector<std::string> Names() const;

  // Each of these reads one field when it is present, and returns whether a good value was stored. A bad value is
  // reported and leaves `out` as it was.

  bool Text(std::string_view field, std::string& out);
  bool Bool(std::string_view field, bool& out);
  bool Integer(std::string_view field, std::int64_t& out, std::int64_t min, std::int64_t max);
  bool Number(std::string_view field, double& out);
  /// A Prometheus duration, e.g. 1h30m.
  bool Duration(std::string_view field, std::chrono::milliseconds& out);
  /// A size in bytes, e.g. 10MB; units are powers of 1024.
  bool Size(std::string_view field, std::uint64_t& out);
  /// One of `allowed`; `ignore_case` compares without case and stores the allowed spelling.
  bool Choice(std::string_view field, std::string& out, std::initializer_list<std::string_view> allowed,
              bool ignore_case = false);
  bool TextList(std::string_view field, std::vector<std::string>& out);
  bool TextMap(std::string_view field, std::map<std::string, std::string>& out);

  /// Calls `read` with the mapping at `field`, and finishes it afterwards.
  bool Child(std::string_view field, const std::function<void(Mapping&)>& read);
  /// Calls `read` for each mapping in the list at `field`, and finishes each. A null item is a problem.
  bool Children(std::string_view field, const std::function<void(Mapping&)>& read);
  /// Calls `read` for each mapping in the mapping at `field`, with its key.
  bool ChildrenByName(std::string_view field, const std::function<void(const std::string&, Mapping&)>& read);

  /// A field that Prometheus has and Barograph does not have yet: present means refused, with its name.
  void NotSupported(std::string_view field);
  /// A field that is accepted and has no effect here, e.g. settings of Go's runtime.
  void Ignored(std::string_view field);

  /// Reports a problem at `field`, or at the mapping itself when it has no such field.
  void Fail(std::string_view field, std::string message);

  /// Reports fields that nobody read, with the nearest known name.
  void Finish();

  /// The mapping as YAML, for telling whether it changed.
  std::string ToText() const;

  const std::string& path() const { return path_; }

 private:
  YAML::Node Take(std::string_view field);
  YAML::Node TakeScalar(std::string_view field, std::string_view expected);
  std::string FieldPath(std::string_view field) const;
  void Report(const YAML::Node& at, std::string field, std::string message);

  YAML::Node node_;
  std::string path_;
  Diagnostics& diagnostics_;
  std::vector<std::string> known_;
};

/// Where a node stands, counted from 1.
std::size_t LineOf(const YAML::Node& node);
std::size_t ColumnOf(const YAML::Node& node);

}  // namespace baro::config
