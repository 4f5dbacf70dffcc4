// What /federate sends of one series.
#pragma once

#include <cstdint>
#include <memory>

#include "model/histogram.h"
#include "model/labels.h"

namespace baro::server {

/// One series and its newest sample.
struct FederatedSample {
  model::Labels labels;
  std::int64_t timestamp_ms = 0;
  double value = 0;
  std::shared_ptr<const model::FloatHistogram> histogram;  ///< null: the sample is `value`
};

}  // namespace baro::server
