// From a JSON document to targets: paths, shapes of labels, and a list that knows its bounds.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "scraper/options.h"

namespace baro::scraper {

using Json = nlohmann::json;
using LabelMap = std::map<std::string, std::string>;

/// How a value becomes labels. What is null or missing gives no label, unless said otherwise.
enum class LabelShape : std::uint8_t {
  kText,      ///< a text, number or truth value
  kNumber,    ///< the same; missing: "0"
  kBool,      ///< the same; missing: "false"
  kList,      ///< of these: ",a,b,"; an empty list gives no label
  kMap,       ///< of these by name: a label for each, its name cleaned and put behind the row's
  kPresence,  ///< the same, but each has the value "true"
};

/// One row of a provider's table.
struct LabelRow {
  std::string_view label;
  std::string_view path;  ///< in the item: names of fields, joined by dots
  LabelShape shape = LabelShape::kText;
};

/// The value at a path; nothing if something on the way is missing, null or no object.
const Json* FindJson(const Json& from, std::string_view path);
/// The elements of the list at a path; a single value is a list of one (as XML has it), nothing is empty.
std::span<const Json> ItemsAt(const Json& from, std::string_view path);

/// Letters, digits and underscores stay, each other character becomes an underscore. Source: Prometheus' meta labels.
std::string CleanLabelName(std::string_view text);
/// "host:port", with brackets around IPv6 addresses.
std::string JoinHostPort(std::string_view host, std::string_view port);
/// ",a,b," of any but none; "" of none.
std::string JoinList(const std::vector<std::string>& parts, std::string_view separator = ",");

/// Bytes of names and values.
std::size_t BytesOf(const LabelMap& labels);
/// Of the targets that a group makes, each of which has the group's labels too.
std::size_t BytesOf(const TargetGroup& group);

/// Targets in the making. The first thing that is not as a table says is kept as the error of the whole: half an answer
/// is none.
///
/// Threads  Confined.
class TargetList {
 public:
  /// The text of a scalar at a path; "" if there is none; an error if there is something else.
  std::string Text(const Json& item, std::string_view path);
  /// The texts of a list at a path.
  std::vector<std::string> Texts(const Json& item, std::string_view path);
  /// Adds the labels that `rows` tell of `item`.
  void Apply(std::span<const LabelRow> rows, const Json& item, LabelMap& labels, std::string_view separator = ",");
  /// A label for each entry of the mapping at a path.
  void ApplyMap(std::string_view label, const Json& item, std::string_view path, LabelMap& labels);

  /// Labels without a value are left out.
  void Add(LabelMap labels);
  void Add(LabelMap labels, std::string_view host, std::string_view port) {
    labels["__address__"] = JoinHostPort(host, port);
    Add(std::move(labels));
  }

  /// Keeps the error if it is the first.
  void Fail(std::string message);
  /// Nothing that is added from now on counts: whoever multiplies one list by another should stop.
  bool failed() const { return error_.has_value(); }

  /// One group of that name.
  /// Errors   kInvalidArgument: what was wrong first. kLimitExceeded: too many targets, too many bytes of labels.
  base::Result<std::vector<TargetGroup>> Take(std::string source);

 private:
  void AddLabel(const LabelRow& row, const Json* value, LabelMap& labels, std::string_view separator);
  std::string ScalarText(const Json& value, std::string_view path);

  TargetGroup group_;
  std::size_t bytes_ = 0;  // of the group's targets
  std::optional<base::Error> error_;
};

}  // namespace baro::scraper
