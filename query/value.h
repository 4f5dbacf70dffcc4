// What queries answer: scalars, strings, vectors and matrices, in columns that are written out without copying.
//
// Threads  Values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/histogram.h"
#include "model/labels.h"

namespace baro::query {

/// One native histogram of a series.
struct HistogramPoint {
  std::int64_t timestamp_ms = 0;
  std::shared_ptr<const model::FloatHistogram> histogram;  ///< shared, immutable, never null
};

/// Series with their points. All points of all series stand in three columns; a series is a stretch of them.
///
/// Shape    Within a series timestamps strictly increase, over floats and histograms together.
class SeriesTable {
 public:
  std::size_t size() const { return series_.size(); }
  bool empty() const { return series_.empty(); }
  /// Floats and histograms of all series.
  std::size_t point_count() const { return values_.size() + histograms_.size(); }

  const model::Labels& labels(std::size_t index) const { return series_[index].labels; }
  std::span<const std::int64_t> timestamps_ms(std::size_t index) const {
    return std::span(timestamps_ms_).subspan(series_[index].first, series_[index].count);
  }
  std::span<const double> values(std::size_t index) const {
    return std::span(values_).subspan(series_[index].first, series_[index].count);
  }
  std::span<const HistogramPoint> histograms(std::size_t index) const {
    return std::span(histograms_).subspan(series_[index].histogram_first, series_[index].histogram_count);
  }

  /// Begins the next series; the points that follow are its own.
  void BeginSeries(model::Labels labels) {
    series_.push_back({.labels = std::move(labels),
                       .first = values_.size(),
                       .count = 0,
                       .histogram_first = histograms_.size(),
                       .histogram_count = 0});
  }
  /// Shape    BeginSeries() was called.
  void AddFloat(std::int64_t timestamp_ms, double value) {
    timestamps_ms_.push_back(timestamp_ms);
    values_.push_back(value);
    ++series_.back().count;
  }
  void AddHistogram(std::int64_t timestamp_ms, std::shared_ptr<const model::FloatHistogram> histogram) {
    histograms_.push_back({timestamp_ms, std::move(histogram)});
    ++series_.back().histogram_count;
  }
  void Reserve(std::size_t series, std::size_t points) {
    series_.reserve(series);
    timestamps_ms_.reserve(points);
    values_.reserve(points);
  }

 private:
  struct Series {
    model::Labels labels;
    std::size_t first = 0;
    std::size_t count = 0;
    std::size_t histogram_first = 0;
    std::size_t histogram_count = 0;
  };

  std::vector<Series> series_;
  std::vector<std::int64_t> timestamps_ms_;
  std::vector<double> values_;
  std::vector<HistogramPoint> histograms_;
};

/// A number at the time of the query.
struct ScalarResult {
  std::int64_t timestamp_ms = 0;
  double value = 0;
};

/// A text at the time of the query.
struct StringResult {
  std::int64_t timestamp_ms = 0;
  std::string value;
};

/// Each series has exactly one point, a float or a histogram, at the time of the query. The order is the answer's.
struct VectorResult {
  SeriesTable series;
};

/// Series in the order of their labels, none without points.
struct MatrixResult {
  SeriesTable series;
};

/// What the user should know about the answer without it being an error.
struct Annotation {
  std::string text;        ///< as Prometheus words it, with "PromQL warning: " or "PromQL info: " in front if it is of
                           ///< the language; as the storage worded it otherwise
  std::size_t line = 0;    ///< 1-based place in the query; 0 if it has none
  std::size_t column = 0;  ///< 1-based, in bytes

  /// "<text> (<line>:<column>)", or the text alone.
  std::string ToString() const;

  friend bool operator==(const Annotation&, const Annotation&) = default;
};

}  // namespace baro::query
