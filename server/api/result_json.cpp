#include "server/api/result_json.h"

#include <algorithm>
#include <array>
#include <variant>

#include "base/number_text.h"
#include "server/api/envelope.h"
#include "server/api/json.h"

namespace baro::server {
namespace {

/// Answers up to about this size are sent whole; above, in pieces of it.
constexpr std::size_t kPieceBytes = 64 * 1024;
/// A guess of what a point takes, for deciding which way to go.
constexpr std::size_t kPointBytes = 32;

void AppendPoint(std::string& out, std::int64_t time_ms, double value) {
  out += '[';
  AppendJsonTime(out, time_ms);
  out += ',';
  AppendJsonValue(out, value);
  out += ']';
}

/// The beginnings of points, `[1700000000.5,"`, as they were written for the series before: mostly the next one has
/// points at the same times.
class PointHeads {
 public:
  void Append(std::string& out, std::size_t point, std::int64_t time_ms) {
    if (point >= heads_.size()) heads_.resize(std::min(point + 1, kPointsMax));
    Head& head = heads_[point % kPointsMax];
    if (head.size == 0 || head.time_ms != time_ms) {
      scratch_.assign(1, '[');
      AppendJsonTime(scratch_, time_ms);
      scratch_ += ",\"";
      head.time_ms = time_ms;
      head.size = static_cast<std::uint8_t>(scratch_.copy(head.text.data(), head.text.size()));
    }
    out.append(head.text.data(), head.size);
  }

 private:
  static constexpr std::size_t kPointsMax = 16'384;  // more than steps of a range query by default
  struct Head {
    std::int64_t time_ms = 0;
    std::uint8_t size = 0;  // 0: none yet
    std::array<char, 31> text;
  };
  std::vector<Head> heads_;
  std::string scratch_;
};

void AppendPoint(std::string& out, const query::HistogramPoint& point) {
  out += '[';
  AppendJsonTime(out, point.timestamp_ms);
  out += ',';
  AppendJsonHistogram(out, *point.histogram);
  out += ']';
}

/// Writes one answer piece by piece: head, series, points, tail.
class ResultWriter {
 public:
  ResultWriter(query::QueryResult result, ResultOptions options) : result_(std::move(result)), options_(options) {
    if (const auto* vector = std::get_if<query::VectorResult>(&result_.value)) table_ = &vector->series;
    if (const auto* matrix = std::get_if<query::MatrixResult>(&result_.value)) table_ = &matrix->series;
    if (table_ == nullptr) return;
    count_ = table_->size();
    if (options_.series_max == 0 || count_ <= options_.series_max) return;
    count_ = options_.series_max;
    result_.warnings.push_back({.text = "results truncated due to limit"});
  }

  bool IsSmall() const {
    return table_ == nullptr || (table_->point_count() + table_->size() * 4) * kPointBytes < kPieceBytes;
  }

  /// Appends about kPieceBytes; true if there is more.
  bool Next(std::string& out) {
    piece_end_ = out.size() + kPieceBytes;
    if (!has_begun_) {
      has_begun_ = true;
      AppendHead(out);
    }
    while (next_ < count_ && out.size() < piece_end_) {
      if (std::holds_alternative<query::VectorResult>(result_.value)) {
        AppendVectorSeries(out);
      } else {
        AppendMatrixPiece(out);
      }
    }
    if (next_ < count_) return true;
    AppendTail(out);
    return false;
  }

 private:
  void AppendHead(std::string& out) {
    constexpr std::string_view kTypes[] = {"scalar", "string", "vector", "matrix"};  // in the order of QueryValue
    out += "{\"status\":\"success\",\"data\":{\"resultType\":\"";
    out += kTypes[result_.value.index()];
    out += "\",\"result\":";
    if (const auto* scalar = std::get_if<query::ScalarResult>(&result_.value)) {
      AppendPoint(out, scalar->timestamp_ms, scalar->value);
    } else if (const auto* text = std::get_if<query::StringResult>(&result_.value)) {
      out += '[';
      AppendJsonTime(out, text->timestamp_ms);
      out += ',';
      AppendJsonString(out, text->value);
      out += ']';
    } else {
      out += '[';
    }
  }

  void AppendSeriesHead(std::string& out) {
    if (next_ > 0) out += ',';
    out += "{\"metric\":";
    AppendJsonLabels(out, table_->labels(next_));
  }

  void AppendVectorSeries(std::string& out) {
    AppendSeriesHead(out);
    if (const auto histograms = table_->histograms(next_); !histograms.empty()) {
      out += ",\"histogram\":";
      AppendPoint(out, histograms.front());
    } else {
      out += ",\"value\":";
      AppendPoint(out, table_->timestamps_ms(next_).front(), table_->values(next_).front());
    }
    out += '}';
    ++next_;
  }

  /// The points of a series, as many as fit the piece; goes on there next time.
  void AppendMatrixPiece(std::string& out) {
    const auto times = table_->timestamps_ms(next_);
    const auto values = table_->values(next_);
    const auto histograms = table_->histograms(next_);
    if (!has_series_head_) AppendSeriesHead(out);
    has_series_head_ = true;  // a piece may end behind the head, before the first point
    for (; point_ < values.size() && out.size() < piece_end_; ++point_) {
      out += point_ == 0 ? ",\"values\":[" : ",";
      heads_.Append(out, point_, times[point_]);
      base::AppendFloat(out, values[point_]);
      out += point_ + 1 == values.size() ? "\"]]" : "\"]";
    }
    const std::size_t total = values.size() + histograms.size();
    for (; point_ >= values.size() && point_ < total && out.size() < piece_end_; ++point_) {
      out += point_ == values.size() ? ",\"histograms\":[" : ",";
      AppendPoint(out, histograms[point_ - values.size()]);
      if (point_ + 1 == total) out += ']';
    }
    if (point_ < total) return;
    out += '}';
    point_ = 0;
    has_series_head_ = false;
    ++next_;
  }

  void AppendTail(std::string& out) {
    if (table_ != nullptr) out += ']';
    if (options_.with_stats) {
      out += ",\"stats\":";
      AppendStatsJson(out, result_.stats);
    }
    out += '}';
    AppendAnnotations(out, result_.warnings, result_.infos, options_.show_positions);
    out += '}';
  }

  query::QueryResult result_;
  const ResultOptions options_;
  const query::SeriesTable* table_ = nullptr;  // of result_; null for scalars and strings
  PointHeads heads_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;   // series
  std::size_t point_ = 0;  // of the series: floats, then histograms
  std::size_t piece_end_ = 0;
  bool has_begun_ = false;
  bool has_series_head_ = false;  // of the present one
};

}  // namespace

void AppendStatsJson(std::string& out, const query::QueryStats& stats) {
  const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); };
  JsonWriter json(out);
  json.BeginObject().Key("timings").BeginObject();
  json.Key("evalTotalTime").Number(seconds(stats.preparation_time + stats.evaluation_time + stats.sort_time));
  json.Key("resultSortTime").Number(seconds(stats.sort_time));
  json.Key("queryPreparationTime").Number(seconds(stats.preparation_time));
  json.Key("innerEvalTime").Number(seconds(stats.evaluation_time));
  json.Key("execQueueTime").Number(seconds(stats.queue_time));
  json.Key("execTotalTime").Number(seconds(stats.total_time));
  json.EndObject().Key("samples").BeginObject();
  json.Key("totalQueryableSamples").Uint(stats.samples_queryable);
  json.Key("samplesRead").Uint(stats.samples_read);
  json.Key("peakSamples").Uint(stats.samples_peak);
  json.EndObject().EndObject();
}

net::HttpResponse QueryResponse(query::QueryResult result, ResultOptions options) {
  const auto writer = std::make_shared<ResultWriter>(std::move(result), options);
  if (writer->IsSmall()) {
    std::string body;
    while (writer->Next(body)) {
    }
    return net::HttpResponse::Json(200, std::move(body));
  }
  net::HttpResponse response = net::HttpResponse::Json(200, "");
  response.producer = [writer](std::string& chunk) -> base::Result<bool> {
    chunk.clear();
    return writer->Next(chunk);
  };
  return response;
}

}  // namespace baro::server
