#include "remote/write/write_request.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fmt/format.h>

#include "remote/write/wire.h"

namespace baro::remote {
namespace {

constexpr auto kTimeSeries = WireTag(1, WireType::kBytes);
constexpr auto kMetadata = WireTag(3, WireType::kBytes);
constexpr auto kLabel = WireTag(1, WireType::kBytes);
constexpr auto kSample = WireTag(2, WireType::kBytes);
constexpr auto kExemplar = WireTag(3, WireType::kBytes);
constexpr auto kHistogram = WireTag(4, WireType::kBytes);
constexpr auto kMetadataType = WireTag(1, WireType::kVarint);
constexpr auto kMetadataFamily = WireTag(2, WireType::kBytes);
constexpr auto kMetadataHelp = WireTag(4, WireType::kBytes);
constexpr auto kMetadataUnit = WireTag(5, WireType::kBytes);
constexpr auto kSampleValue = WireTag(1, WireType::kFixed64);
constexpr auto kSampleTimestamp = WireTag(2, WireType::kVarint);

// A field of a known number with another wire type is another message than ours.
bool IsKnownNumber(std::uint32_t tag, std::uint32_t number_max) { return (tag >> 3) <= number_max; }

base::Error TooMany(std::string_view what, std::size_t limit) {
  return {base::Code::kLimitExceeded,
          fmt::format("the request holds more {} than one may: {}; send fewer at a time", what, limit)};
}

class Decoder {
 public:
  Decoder(std::string_view message, std::uint64_t hash_seed, WriteRequest& request)
      : message_(message), hash_seed_(hash_seed), request_(request) {}

  base::Result<> Run() {
    WireReader reader(message_);
    while (!reader.AtEnd()) {
      const char* const field = reader.position();
      const std::uint32_t tag = reader.Tag();
      if (tag == kTimeSeries) {
        if (request_.series.size() == kRequestSeriesMax) return TooMany("series", kRequestSeriesMax);
        const std::string_view series = reader.Bytes();
        if (!reader.ok() || !ReadSeries(series)) return Malformed(field);
        if (request_.samples.size() > kRequestSamplesMax) return TooMany("samples", kRequestSamplesMax);
      } else if (tag == kMetadata) {
        if (request_.metadata.size() == kRequestMetadataMax) return TooMany("metadata", kRequestMetadataMax);
        const std::string_view metadata = reader.Bytes();
        if (!reader.ok() || !ReadMetadata(metadata)) return Malformed(field);
      } else if (tag >> 3 == 1 || tag >> 3 == 3) {
        return Malformed(field);
      } else {
        reader.Skip(tag);
      }
      if (!reader.ok()) return Malformed(field);
    }
    if (request_.histogram_count > kRequestHistogramsMax) return TooMany("histograms", kRequestHistogramsMax);
    if (request_.exemplar_count > kRequestExemplarsMax) return TooMany("exemplars", kRequestExemplarsMax);
    return {};
  }

 private:
  base::Error Malformed(const char* field) const {
    return {base::Code::kInvalidArgument, fmt::format("malformed protobuf message: the field at byte {} of {}",
                                                      field - message_.data(), message_.size())};
  }

  bool ReadSeries(std::string_view message) {
    WireReader reader(message);
    while (!reader.AtEnd() && reader.Peek() == kLabel) {
      reader.Tag();
      reader.Bytes();
    }
    if (!reader.ok()) return false;
    const auto labels_size = static_cast<std::size_t>(reader.position() - message.data());
    WriteSeries series{.labels = message.substr(0, labels_size),
                       .rest = message.substr(labels_size),
                       .first_sample = static_cast<std::uint32_t>(request_.samples.size())};
    bool are_labels_together = true;
    while (!reader.AtEnd()) {
      const std::uint32_t tag = reader.Tag();
      switch (tag) {
        case kSample:
          if (request_.samples.size() > kRequestSamplesMax) return true;  // the caller says so
          if (!ReadSample(reader.Bytes())) return false;
          ++series.sample_count;
          break;
        case kExemplar:
          reader.Bytes();
          ++series.exemplar_count;
          break;
        case kHistogram:
          reader.Bytes();
          ++series.histogram_count;
          break;
        case kLabel:
          reader.Bytes();
          are_labels_together = false;
          break;
        default:
          if (IsKnownNumber(tag, 4)) return false;
          reader.Skip(tag);
      }
    }
    if (!reader.ok()) return false;
    if (!are_labels_together) JoinLabels(series);
    series.hash = XXH3_64bits_withSeed(series.labels.data(), series.labels.size(), hash_seed_);
    request_.histogram_count += series.histogram_count;
    request_.exemplar_count += series.exemplar_count;
    request_.series.push_back(series);
    return true;
  }

  bool ReadSample(std::string_view message) {
    model::Sample& sample = request_.samples.emplace_back();
    WireReader reader(message);
    while (!reader.AtEnd()) {
      const std::uint32_t tag = reader.Tag();
      if (tag == kSampleValue) {
        sample.value = reader.Double();
      } else if (tag == kSampleTimestamp) {
        sample.timestamp_ms = static_cast<std::int64_t>(reader.Varint());
      } else {
        if (IsKnownNumber(tag, 2)) return false;
        reader.Skip(tag);
      }
    }
    return reader.ok();
  }

  bool ReadMetadata(std::string_view message) {
    WriteMetadata& metadata = request_.metadata.emplace_back();
    WireReader reader(message);
    while (!reader.AtEnd()) {
      const std::uint32_t tag = reader.Tag();
      switch (tag) {
        case kMetadataType: {
          // What a later version may know is unknown here.
          const std::uint64_t type = reader.Varint();
          const bool is_known = type <= static_cast<std::uint64_t>(model::MetricType::kStateSet);
          metadata.type = is_known ? static_cast<model::MetricType>(type) : model::MetricType::kUnknown;
          break;
        }
        case kMetadataFamily:
          metadata.family = reader.Bytes();
          break;
        case kMetadataHelp:
          metadata.help = reader.Bytes();
          break;
        case kMetadataUnit:
          metadata.unit = reader.Bytes();
          break;
        default:
          if (IsKnownNumber(tag, 2) || tag >> 3 == 4 || tag >> 3 == 5) return false;
          reader.Skip(tag);
      }
    }
    return reader.ok();
  }

  // Labels behind other fields are legal, if nobody writes them so.
  void JoinLabels(WriteSeries& series) {
    std::string& joined = request_.joined_labels.emplace_back(series.labels);
    WireReader reader(series.rest);
    while (!reader.AtEnd()) {
      const char* const field = reader.position();
      const std::uint32_t tag = reader.Tag();
      reader.Skip(tag);
      if (tag == kLabel) joined.append(field, reader.position());
    }
    series.labels = joined;
  }

  const std::string_view message_;
  const std::uint64_t hash_seed_;
  WriteRequest& request_;
};

}  // namespace

void WriteRequest::Clear() {
  series.clear();
  samples.clear();
  joined_labels.clear();
  histogram_count = 0;
  exemplar_count = 0;
  metadata.clear();
}

base::Result<> DecodeWriteRequest(std::string_view message, std::uint64_t hash_seed, WriteRequest& request) {
  request.Clear();
  return Decoder(message, hash_seed, request).Run();
}

}  // namespace baro::remote
