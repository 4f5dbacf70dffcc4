#include "cli/metric_lint.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include <fmt/format.h>

#include "model/metadata.h"
#include "model/names.h"
#include "scraper/exposition_reader.h"

namespace baro::cli {
namespace {

using model::MetricType;
using scraper::ExpositionEvent;

struct Family {
  std::string name;
  std::string help;
  MetricType type = MetricType::kUnknown;
  std::set<std::string> labels;
  std::set<std::string> series;
  bool has_twin = false;
};

// --- Reading -----------------------------------------------------------------------------------------------------

class Families {
 public:
  void Take(const ExpositionEvent& event) {
    using Kind = ExpositionEvent::Kind;
    if (event.kind == Kind::kHelp) Of(event.family).help = event.text;
    if (event.kind == Kind::kType) Of(event.family).type = event.type;
    if (event.kind == Kind::kSample) TakeSample(event.sample);
  }

  std::size_t samples_count() const { return samples_count_; }
  const std::vector<Family>& all() const { return all_; }

 private:
  Family& Of(std::string_view name) {
    const auto [found, is_new] = numbers_.try_emplace(std::string(name), all_.size());
    if (is_new) all_.push_back({.name = std::string(name)});
    return all_[found->second];
  }

  // The family of a typed histogram or summary, or else one of the sample's own name.
  Family& OfSample(std::string_view name) {
    for (const std::string_view suffix : {"_bucket", "_count", "_sum"}) {
      if (!name.ends_with(suffix)) continue;
      const auto found = numbers_.find(std::string(name.substr(0, name.size() - suffix.size())));
      if (found == numbers_.end()) continue;
      Family& family = all_[found->second];
      const bool is_part = family.type == MetricType::kHistogram ||
                           (family.type == MetricType::kSummary && suffix != std::string_view("_bucket"));
      if (is_part) return family;
    }
    return Of(name);
  }

  void TakeSample(const scraper::SampleLine& sample) {
    ++samples_count_;
    Family& family = OfSample(sample.name);
    std::vector<std::string> texts;
    for (const scraper::ExpositionLabel& label : sample.labels) {
      family.labels.emplace(label.name);
      texts.push_back(fmt::format("{}={}", label.name, label.value));
    }
    std::ranges::sort(texts);
    if (!family.series.insert(fmt::format("{}\xff{}", sample.name, fmt::join(texts, "\xff"))).second) {
      family.has_twin = true;
    }
  }

  std::vector<Family> all_;
  std::map<std::string, std::size_t> numbers_;
  std::size_t samples_count_ = 0;
};

// --- Judging -----------------------------------------------------------------------------------------------------

struct Unit {
  std::string_view name;
  std::string_view base;
};

constexpr std::array<std::string_view, 10> kBaseUnits = {"amperes", "bytes",  "celsius", "grams",   "joules",
                                                         "kelvin",  "meters", "metres",  "seconds", "volts"};
constexpr std::array<std::string_view, 18> kPrefixes = {"pico", "nano",  "micro", "milli", "centi", "deci",
                                                        "deca", "hecto", "kilo",  "kibi",  "mega",  "mibi",
                                                        "mebi", "giga",  "gibi",  "tera",  "tebi",  "peta"};
constexpr std::array<Unit, 24> kOtherUnits = {
    {{"minutes", "seconds"}, {"hours", "seconds"},      {"days", "seconds"},    {"weeks", "seconds"},
     {"kelvins", "kelvin"},  {"fahrenheit", "celsius"}, {"rankine", "celsius"}, {"inches", "meters"},
     {"yards", "meters"},    {"feet", "meters"},        {"miles", "meters"},    {"bits", "bytes"},
     {"calories", "joules"}, {"pounds", "grams"},       {"ounces", "grams"},    {"ampere", "amperes"},
     {"byte", "bytes"},      {"gram", "grams"},         {"joule", "joules"},    {"meter", "meters"},
     {"metre", "meters"},    {"second", "seconds"},     {"volt", "volts"},      {"percent", "ratio"}}};
constexpr std::array<std::string_view, 14> kAbbreviations = {"s",  "ms", "us", "ns", "sec", "b", "kb",
                                                             "mb", "gb", "tb", "pb", "m",   "h", "d"};
constexpr std::array<std::string_view, 7> kTypeNames = {"counter", "gauge",   "histogram", "gaugehistogram",
                                                        "summary", "untyped", "unknown"};

std::vector<std::string_view> WordsOf(std::string_view name) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t end = std::min(name.find('_'), name.size());
    words.push_back(name.substr(0, end));
    if (end == name.size()) return words;
    name.remove_prefix(end + 1);
  }
}

// The base unit that should stand in place of the word; empty: it is fine.
std::string_view BaseOf(std::string_view word) {
  if (std::ranges::find(kBaseUnits, word) != kBaseUnits.end()) return {};
  if (const auto other = std::ranges::find(kOtherUnits, word, &Unit::name); other != kOtherUnits.end()) {
    return other->base;
  }
  for (const std::string_view prefix : kPrefixes) {
    if (!word.starts_with(prefix)) continue;
    const auto base = std::ranges::find(kBaseUnits, word.substr(prefix.size()));
    if (base != kBaseUnits.end()) return *base;
  }
  return {};
}

bool IsCamelCase(std::string_view name) {
  for (std::size_t i = 1; i < name.size(); ++i) {
    if (std::islower(static_cast<unsigned char>(name[i - 1])) != 0 &&
        std::isupper(static_cast<unsigned char>(name[i])) != 0) {
      return true;
    }
  }
  return false;
}

class Judge {
 public:
  Judge(const Family& family, std::vector<MetricRemark>& remarks) : family_(family), remarks_(remarks) {}

  void Run() {
    if (family_.help.empty()) Say("has no HELP text");
    JudgeName();
    JudgeUnits();
    JudgeSuffixes();
    JudgeLabels();
    if (family_.has_twin) Say("has a series that stands there more than once");
  }

 private:
  void Say(std::string text) { remarks_.push_back({.family = family_.name, .text = std::move(text)}); }
  bool Is(MetricType type) const { return family_.type == type; }

  void JudgeName() {
    const std::string& name = family_.name;
    if (name.find(':') != std::string::npos) Say("has a ':' in its name, which is for recording rules");
    if (IsCamelCase(name)) Say("should be named in snake_case, not in camelCase");
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto words = WordsOf(lower);
    for (const std::string_view type : kTypeNames) {
      const bool has_type = family_.type != MetricType::kUnknown && type == model::MetricTypeName(family_.type) &&
                            std::ranges::find(words, type) != words.end();
      if (has_type) Say(fmt::format("should not have its type, '{}', in its name", type));
    }
  }

  void JudgeUnits() {
    const auto words = WordsOf(family_.name);
    for (const std::string_view word : words) {
      if (const std::string_view base = BaseOf(word); !base.empty()) {
        Say(fmt::format("should have its values in \"{}\", the base unit, and not in \"{}\"", base, word));
        break;
      }
    }
    // The unit is the last word, or stands before `total`.
    const std::size_t last = words.size() - (words.size() > 1 && words.back() == "total" ? 2 : 1);
    if (last > 0 && std::ranges::find(kAbbreviations, words[last]) != kAbbreviations.end()) {
      Say(fmt::format("should not have a unit abbreviated to '{}' in its name", words[last]));
    }
  }

  void JudgeSuffixes() {
    const std::string_view name = family_.name;
    if (Is(MetricType::kCounter) && !name.ends_with("_total")) Say("is a counter and should end in '_total'");
    if (!Is(MetricType::kCounter) && !Is(MetricType::kUnknown) && name.ends_with("_total")) {
      Say("is no counter and should not end in '_total'");
    }
    if (Is(MetricType::kUnknown)) return;
    const bool is_histogram = Is(MetricType::kHistogram);
    const bool has_sums = is_histogram || Is(MetricType::kSummary);
    if (!is_histogram && name.ends_with("_bucket")) Say("is no histogram and should not end in '_bucket'");
    if (!has_sums && name.ends_with("_count")) Say("is neither histogram nor summary and should not end in '_count'");
    if (!has_sums && name.ends_with("_sum")) Say("is neither histogram nor summary and should not end in '_sum'");
  }

  void JudgeLabels() {
    const bool may_have_le = Is(MetricType::kHistogram) || Is(MetricType::kUnknown);
    const bool may_have_quantile = Is(MetricType::kSummary) || Is(MetricType::kUnknown);
    if (!may_have_le && family_.labels.contains("le")) Say("is no histogram and should not have the label 'le'");
    if (!may_have_quantile && family_.labels.contains("quantile")) {
      Say("is no summary and should not have the label 'quantile'");
    }
    for (const std::string& label : family_.labels) {
      if (IsCamelCase(label)) Say(fmt::format("should have its label '{}' named in snake_case", label));
    }
  }

  const Family& family_;
  std::vector<MetricRemark>& remarks_;
};

}  // namespace

base::Result<MetricLint> LintMetrics(std::string_view text) {
  scraper::ExpositionReader reader(text, scraper::ExpositionFormat::kText);
  Families families;
  while (true) {
    const ExpositionEvent* const event = BARO_TRY(reader.Next());
    if (event->kind == ExpositionEvent::Kind::kEnd) break;
    families.Take(*event);
  }
  MetricLint lint{.samples_count = families.samples_count(), .remarks = {}, .sizes = {}};
  for (const Family& family : families.all()) {
    if (family.series.empty()) continue;
    Judge(family, lint.remarks).Run();
    lint.sizes.push_back({.family = family.name, .series_count = family.series.size()});
  }
  std::ranges::stable_sort(lint.sizes, std::greater(), &FamilySize::series_count);
  return lint;
}

}  // namespace baro::cli
