#include "scraper/target.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/duration_text.h"
#include "net/http_message.h"

namespace baro::scraper {
namespace {

using base::Code;
using base::Fail;

/// The query string of the URL: `params` of the job as relabelling left them, sorted by name.
std::string EncodeParams(const ScrapeJobOptions& job, const model::Labels& labels) {
  std::map<std::string, std::vector<std::string>> params;
  for (const auto& [name, values] : job.params) params[name] = values;
  for (const model::LabelView label : labels) {
    if (!label.name.starts_with(model::kParamLabelPrefix)) continue;
    auto& values = params[std::string(label.name.substr(model::kParamLabelPrefix.size()))];
    if (values.empty()) values.emplace_back();
    values[0] = label.value;  // relabelling sees and changes the first value only
  }
  net::Params encoded;
  for (const auto& [name, values] : params) {
    for (const std::string& value : values) encoded.Add(name, value);
  }
  return net::EncodeQuery(encoded);
}

base::Result<std::chrono::milliseconds> PositiveDuration(const model::Labels& labels, std::string_view name) {
  const auto duration = base::ParseDuration(labels.Get(name));
  if (!duration) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{}=\"{}\" is no duration: {}", name, labels.Get(name), duration.error().message()));
  }
  if (duration->count() <= 0) {
    return Fail(Code::kInvalidArgument, fmt::format("{}=\"{}\" must be greater than 0", name, labels.Get(name)));
  }
  return *duration;
}

struct HistogramSwitch {
  std::string_view label;
  bool NativeHistogramOptions::* value;
};
constexpr HistogramSwitch kHistogramSwitches[] = {
    {"__convert_classic_histograms_to_nhcb__", &NativeHistogramOptions::convert_classic_to_nhcb},
    {"__always_scrape_classic_histograms__", &NativeHistogramOptions::always_scrape_classic},
    {"__scrape_native_histograms__", &NativeHistogramOptions::scrape},
};

/// The job's switches as relabelling left them; one that it took away is off.
base::Result<NativeHistogramOptions> ReadHistogramSwitches(const ScrapeJobOptions& job, const model::Labels& labels) {
  static constexpr std::string_view kTrue[] = {"1", "t", "T", "true", "TRUE", "True"};
  static constexpr std::string_view kFalse[] = {"", "0", "f", "F", "false", "FALSE", "False"};
  NativeHistogramOptions options = job.native_histograms;
  for (const auto& [label, value] : kHistogramSwitches) {
    const std::string_view text = labels.Get(label);
    options.*value = std::ranges::find(kTrue, text) != std::end(kTrue);
    if (!(options.*value) && std::ranges::find(kFalse, text) == std::end(kFalse)) {
      return Fail(Code::kInvalidArgument, fmt::format("{}=\"{}\" is neither true nor false", label, text));
    }
  }
  return options;
}

base::Result<> CheckAddress(std::string_view address) {
  if (address.empty()) return Fail(Code::kInvalidArgument, "it has no __address__ after relabelling");
  if (address.find('/') != std::string_view::npos) {
    return Fail(Code::kInvalidArgument,
                fmt::format("__address__=\"{}\" has a \"/\": it is a host and port; scheme and path belong into "
                            "__scheme__ and __metrics_path__",
                            address));
  }
  return {};
}

base::Result<Target> FinishTarget(const ScrapeJobOptions& job, const model::Labels& discovered,
                                  model::LabelsBuilder& builder) {
  const model::Labels relabelled = builder.Build();
  BARO_TRY(CheckAddress(relabelled.Get(model::kAddressLabel)));
  Target target{.discovered_labels = discovered};
  target.interval = BARO_TRY(PositiveDuration(relabelled, model::kScrapeIntervalLabel));
  target.timeout = BARO_TRY(PositiveDuration(relabelled, model::kScrapeTimeoutLabel));
  if (target.timeout > target.interval) {
    return Fail(Code::kInvalidArgument, fmt::format("the scrape timeout of {} ms is greater than the interval of {} ms",
                                                    target.timeout.count(), target.interval.count()));
  }

  target.unix_socket = relabelled.Get("__unix_socket__");
  target.native_histograms = BARO_TRY(ReadHistogramSwitches(job, relabelled));

  std::string_view path = relabelled.Get(model::kMetricsPathLabel);
  const std::string params = EncodeParams(job, relabelled);
  target.url = fmt::format("{}://{}{}{}{}{}", relabelled.Get(model::kSchemeLabel), relabelled.Get(model::kAddressLabel),
                           path.starts_with('/') ? "" : "/", path,
                           params.empty()                             ? ""
                           : path.find('?') == std::string_view::npos ? "?"
                                                                      : "&",
                           params);
  if (const auto url = net::ParseUrl(target.url); !url) return std::unexpected(url.error());

  if (!relabelled.Has(model::kInstanceLabel)) {
    builder.Set(model::kInstanceLabel, relabelled.Get(model::kAddressLabel));
  }
  for (const model::LabelView label : relabelled) {
    if (!model::IsValidUtf8(label.value)) {
      return Fail(Code::kInvalidArgument, fmt::format("the value of label {} is not valid UTF-8", label.name));
    }
    if (label.name.starts_with(model::kMetaLabelPrefix)) builder.Delete(label.name);
  }
  const model::Labels with_hidden = builder.Build();
  target.hash = Fnv1a(target.url, Fnv1a(fmt::format("{:016d}", with_hidden.Hash())));
  for (const model::LabelView label : with_hidden) {
    if (label.name.starts_with("__")) builder.Delete(label.name);
  }
  target.labels = builder.Build();
  return target;
}

}  // namespace

std::uint64_t Fnv1a(std::string_view text, std::uint64_t state) {
  for (const char byte : text) state = (state ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  return state;
}

model::Labels DiscoveredLabels(const ScrapeJobOptions& job, const TargetGroup& group,
                               const std::map<std::string, std::string>& target) {
  model::LabelsBuilder builder;
  const auto set_default = [&](std::string_view name, std::string_view value) {
    if (builder.Get(name).empty()) builder.Set(name, value);
  };
  for (const auto& [name, value] : target) builder.Set(name, value);
  for (const auto& [name, value] : group.labels) set_default(name, value);
  set_default(model::kJobLabel, job.job_name);
  set_default(model::kScrapeIntervalLabel, base::FormatDuration(job.interval));
  set_default(model::kScrapeTimeoutLabel, base::FormatDuration(job.timeout));
  set_default(model::kMetricsPathLabel, job.metrics_path);
  set_default(model::kSchemeLabel, job.scheme);
  for (const auto& [label, value] : kHistogramSwitches) {
    set_default(label, job.native_histograms.*value ? "true" : "false");
  }
  for (const auto& [name, values] : job.params) {
    if (!values.empty()) set_default(fmt::format("{}{}", model::kParamLabelPrefix, name), values.front());
  }
  return builder.Build();
}

base::Result<std::variant<Target, DroppedTarget>> MakeTarget(const ScrapeJobOptions& job,
                                                             const model::Relabeler& relabeler,
                                                             const model::Labels& discovered) {
  model::LabelsBuilder builder(discovered);
  if (!relabeler.Apply(builder) || builder.labels().empty()) return DroppedTarget{.discovered_labels = discovered};
  auto target = FinishTarget(job, discovered, builder);
  if (!target) {
    return std::unexpected(target.error().WithContext(
        fmt::format("job \"{}\": target {} is left out", job.job_name, discovered.ToString())));
  }
  return *std::move(target);
}

TargetSet MakeTargets(const ScrapeJobOptions& job, const model::Relabeler& relabeler,
                      const std::vector<TargetGroup>& groups) {
  TargetSet set;
  std::unordered_set<std::uint64_t> seen;
  for (const TargetGroup& group : groups) {
    for (const auto& labels : group.targets) {
      auto made = MakeTarget(job, relabeler, DiscoveredLabels(job, group, labels));
      if (!made) {
        set.errors.push_back(made.error().message());
      } else if (auto* target = std::get_if<Target>(&*made)) {
        if (seen.insert(target->hash).second) set.active.push_back(std::move(*target));
      } else {
        set.dropped.push_back(std::get<DroppedTarget>(*std::move(made)));
      }
    }
  }
  return set;
}

std::chrono::milliseconds TimeToFirstScrape(const Target& target, std::int64_t now_ms, std::uint64_t seed) {
  const auto interval = static_cast<std::uint64_t>(target.interval.count());
  const std::uint64_t into_interval = static_cast<std::uint64_t>(now_ms) % interval;
  const std::uint64_t slot = std::clamp<std::uint64_t>(interval / 20, 1, 100);
  const std::uint64_t phase = (target.hash ^ seed) % interval / slot * slot;
  const std::uint64_t wait = (phase + interval - into_interval) % interval;
  return std::chrono::milliseconds(wait);
}

}  // namespace baro::scraper
