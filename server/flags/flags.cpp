#include "server/flags/flags.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/duration_text.h"
#include "base/number_text.h"
#include "base/size_text.h"
#include "server/flags/flag_table.h"
#include "server/version.h"

namespace baro::server {
namespace {

using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

const FlagSpec& Spec(std::string_view name) {
  const auto table = FlagTable();
  const auto found = std::ranges::find(table, name, &FlagSpec::name);
  BARO_ASSERT(found != table.end());
  return *found;
}

/// What is wrong with a value, or nothing.
std::string ValueProblem(const FlagSpec& spec, const std::string& value) {
  switch (spec.kind) {
    case FlagKind::kText:
    case FlagKind::kBool:
      return "";
    case FlagKind::kInteger: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      const bool good = error == std::errc() && end == value.data() + value.size() && number >= 0;
      return good ? "" : "expected a whole number, not negative";
    }
    case FlagKind::kNumber:
      return base::ParseFloat(value) ? "" : "expected a number";
    case FlagKind::kDuration:
      return base::ParseDuration(value) ? "" : "expected a duration such as 15s or 1h30m";
    case FlagKind::kSize:
      return base::ParseSize(value) ? "" : "expected a size such as 512MB";
  }
  return "";
}

base::Result<> CheckValue(const FlagSpec& spec, const std::string& value) {
  if (const std::string problem = ValueProblem(spec, value); !problem.empty()) {
    return base::Fail(base::Code::kInvalidArgument, fmt::format("--{}: {}, found \"{}\"", spec.name, problem, value));
  }
  if (spec.effect == FlagEffect::kUnsupported && value != spec.initial) {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("--{}={}: Prometheus has this, this version of Barograph does not support it yet; "
                                  "take the flag away to start",
                                  spec.name, value));
  }
  return {};
}

void Declare(const FlagSpec& spec, CLI::App& app, Values& values) {
  const std::string name(spec.name);
  if (spec.kind == FlagKind::kBool) {
    auto* option = app.add_flag_callback("--no-" + name, [&values, name] { values[name] = {"false"}; });
    option->group("");
    app.add_flag_function(
           "--" + name, [&values, name](std::int64_t count) { values[name] = {count > 0 ? "true" : "false"}; },
           std::string(spec.help))
        ->group(spec.is_hidden ? "" : "Options");
    return;
  }
  auto* option = app.add_option_function<std::vector<std::string>>(
      "--" + name, [&values, name](const std::vector<std::string>& given) { values[name] = given; },
      spec.initial.empty() ? std::string(spec.help) : fmt::format("{} Default: {}", spec.help, spec.initial));
  option->expected(1)->multi_option_policy(spec.is_repeatable ? CLI::MultiOptionPolicy::TakeAll
                                                              : CLI::MultiOptionPolicy::Throw);
  option->type_name(spec.kind == FlagKind::kDuration ? "DURATION" : spec.kind == FlagKind::kText ? "TEXT" : "NUMBER");
  option->group(spec.is_hidden ? "" : "Options");
}

// Features of Prometheus that are always on here, or that have an effect when named.
constexpr std::string_view kKnownFeatures[] = {"promql-experimental-functions",
                                               "promql-extended-range-selectors",
                                               "promql-binop-fill-modifiers",
                                               "promql-duration-expr",
                                               "promql-delayed-name-removal",
                                               "extra-scrape-metrics",
                                               "native-histograms",
                                               "ooo-native-histograms",
                                               "auto-reload-config",
                                               "exemplar-storage",
                                               "metadata-wal-records",
                                               "st-storage",
                                               "st-synthesis",
                                               "use-start-timestamps",
                                               "created-timestamp-zero-ingestion",
                                               "type-and-unit-labels"};

}  // namespace

base::Result<Flags> Flags::Parse(std::span<const std::string> arguments) {
  CLI::App app{"Barograph: collects, keeps, queries and shows metrics.", "barograph"};
  app.set_version_flag("--version", VersionText());
  app.footer("Configuration, query language and HTTP API are those of Prometheus; see README.md.");
  Flags flags;
  Values given;
  for (const FlagSpec& spec : FlagTable()) Declare(spec, app, given);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the back
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return base::Fail(base::Code::kCancelled, app.help());
  } catch (const CLI::CallForVersion&) {
    return base::Fail(base::Code::kCancelled, VersionText());
  } catch (const CLI::Error& error) {
    return base::Fail(base::Code::kInvalidArgument, fmt::format("{}; see barograph --help", error.what()));
  }
  for (const FlagSpec& spec : FlagTable()) {
    const std::string name(spec.name);
    const auto found = given.find(name);
    flags.given_[name] = found != given.end();
    if (found == given.end()) {
      flags.values_[name] = spec.is_repeatable && spec.initial.empty() ? std::vector<std::string>{}
                                                                       : std::vector{std::string(spec.initial)};
      continue;
    }
    for (const std::string& value : found->second) BARO_TRY(CheckValue(spec, value));
    flags.values_[name] = found->second;
  }
  return flags;
}

const std::vector<std::string>& Flags::Texts(std::string_view name) const {
  const auto found = values_.find(name);
  BARO_ASSERT(found != values_.end());
  return found->second;
}

std::string Flags::Text(std::string_view name) const {
  const auto& values = Texts(name);
  return values.empty() ? "" : values.back();
}

bool Flags::Bool(std::string_view name) const {
  BARO_ASSERT(Spec(name).kind == FlagKind::kBool);
  return Text(name) == "true";
}

std::int64_t Flags::Integer(std::string_view name) const {
  BARO_ASSERT(Spec(name).kind == FlagKind::kInteger);
  const std::string text = Text(name);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t Flags::Size(std::string_view name) const {
  BARO_ASSERT(Spec(name).kind == FlagKind::kSize);
  return base::ParseSize(Text(name)).value_or(0);
}

std::chrono::milliseconds Flags::Duration(std::string_view name) const {
  BARO_ASSERT(Spec(name).kind == FlagKind::kDuration);
  return base::ParseDuration(Text(name)).value_or(std::chrono::milliseconds(0));
}

bool Flags::IsGiven(std::string_view name) const {
  const auto found = given_.find(name);
  return found != given_.end() && found->second;
}

std::map<std::string, std::string> Flags::All() const {
  std::map<std::string, std::string> all;
  for (const auto& [name, values] : values_) all[name] = fmt::format("{}", fmt::join(values, ","));
  return all;
}

bool Flags::HasFeature(std::string_view name) const {
  for (const std::string& list : Texts("enable-feature")) {
    std::size_t start = 0;
    while (start <= list.size()) {
      const std::size_t comma = std::min(list.find(',', start), list.size());
      if (std::string_view(list).substr(start, comma - start) == name) return true;
      start = comma + 1;
    }
  }
  return false;
}

std::vector<std::string> Flags::unknown_features() const {
  std::vector<std::string> unknown;
  for (const std::string& list : Texts("enable-feature")) {
    std::size_t start = 0;
    while (start < list.size()) {
      const std::size_t comma = std::min(list.find(',', start), list.size());
      const std::string_view name = std::string_view(list).substr(start, comma - start);
      if (!name.empty() && std::ranges::find(kKnownFeatures, name) == std::end(kKnownFeatures)) {
        unknown.emplace_back(name);
      }
      start = comma + 1;
    }
  }
  return unknown;
}

}  // namespace baro::server
