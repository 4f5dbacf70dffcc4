// Takes a WriteRequest apart, directly from protobuf's wire format and without an object per field.
//
// Labels are not read here: series that are known are recognised by the bytes of their labels.
//
// Source   Remote write 1.0: https://prometheus.io/docs/specs/prw/remote_write_spec/. Field numbers:
//          remote/testing/write_request.proto, whose libprotobuf the tests compare with.
// Threads  Confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace baro::remote {

// What one request may hold: far beyond what senders put in (2,000 samples by default), near enough that a body of 32
// MiB made of empty messages does not take a hundred times as much memory.
inline constexpr std::size_t kRequestSeriesMax = 1'000'000;
inline constexpr std::size_t kRequestSamplesMax = 2'000'000;
inline constexpr std::size_t kRequestHistogramsMax = 100'000;
inline constexpr std::size_t kRequestExemplarsMax = 100'000;
inline constexpr std::size_t kRequestMetadataMax = 1'000'000;

/// One TimeSeries message. Views borrow the request's bytes, or the WriteRequest.
struct WriteSeries {
  std::string_view labels;  ///< its label fields with their tags, one behind the other
  std::string_view rest;    ///< the fields that follow the first run of labels
  std::uint64_t hash = 0;   ///< of `labels`
  std::uint32_t first_sample = 0;
  std::uint32_t sample_count = 0;
  std::uint32_t histogram_count = 0;
  std::uint32_t exemplar_count = 0;
};

/// One MetricMetadata message. Views borrow the request's bytes.
struct WriteMetadata {
  std::string_view family;
  std::string_view help;
  std::string_view unit;
  model::MetricType type = model::MetricType::kUnknown;
};

/// A request taken apart. Meant to be kept and decoded into again: its memory stays.
struct WriteRequest {
  std::vector<WriteSeries> series;
  std::vector<model::Sample> samples;  ///< of all series, in their order
  std::size_t histogram_count = 0;
  std::size_t exemplar_count = 0;
  std::vector<WriteMetadata> metadata;
  std::deque<std::string> joined_labels;  ///< labels that did not stand together

  void Clear();
};

/// Takes `message` apart into `request`, which is cleared first. Histograms and exemplars are counted, their messages
/// stand in `rest`. Labels are found, but what is inside of them is not looked at.
/// `hash_seed`: secret, so that nobody can make hashes collide.
/// Errors   kInvalidArgument: malformed, with the offset. kLimitExceeded: more than one of the limits above.
base::Result<> DecodeWriteRequest(std::string_view message, std::uint64_t hash_seed, WriteRequest& request);

}  // namespace baro::remote
