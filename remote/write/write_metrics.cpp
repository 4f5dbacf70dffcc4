#include "remote/write/write_metrics.h"

namespace baro::remote {

WriteMetrics::WriteMetrics(base::Registry& registry)
    : invalid_labels_(registry.MakeCounter("prometheus_api_remote_write_invalid_labels_samples_total",
                                           "Samples of remote write that were left out for their labels.")),
      accepted_(registry.MakeCounter("barograph_remote_write_samples_accepted_total",
                                     "Samples and histograms of remote write that were stored.")),
      refused_(registry.MakeCounter("barograph_remote_write_samples_refused_total",
                                    "Samples and histograms of remote write that were answered with 400.")),
      histograms_(registry.MakeCounter("barograph_remote_write_histograms_received_total",
                                       "Native histograms in remote write requests.")),
      exemplars_(registry.MakeCounter("barograph_remote_write_exemplars_received_total",
                                      "Exemplars in remote write requests.")),
      metadata_(
          registry.MakeCounter("barograph_remote_write_metadata_received_total", "Metadata in remote write requests.")),
      known_series_(registry.MakeCounter("barograph_remote_write_series_known_total",
                                         "Series in remote write requests that were recognised by their bytes.")),
      new_series_(registry.MakeCounter("barograph_remote_write_series_read_total",
                                       "Series in remote write requests whose labels had to be read.")) {}

void WriteMetrics::Count(const WriteOutcome& outcome, std::size_t metadata) {
  const auto add = [](base::Counter& counter, std::size_t amount) {
    if (amount > 0) counter.Add(static_cast<double>(amount));
  };
  add(invalid_labels_, outcome.invalid_labels);
  add(accepted_, outcome.commit.accepted);
  add(refused_, outcome.refused());
  add(histograms_, outcome.histograms);
  add(exemplars_, outcome.exemplars);
  add(metadata_, metadata);
  add(known_series_, outcome.known_series);
  add(new_series_, outcome.new_series);
}

}  // namespace baro::remote
