#include "remote/write/histogram_message.h"

#include <gtest/gtest.h>

#include <random>

#include "remote/testing/write_request.pb.h"

namespace baro::remote {
namespace {

testing::Histogram RandomMessage(std::mt19937_64& random) {
  testing::Histogram message;
  const bool is_float = random() % 2 == 0;
  if (is_float) {
    message.set_count_float(static_cast<double>(random() % 1000));
    message.set_zero_count_float(static_cast<double>(random() % 10));
  } else {
    message.set_count_int(random() % 1000);
    message.set_zero_count_int(random() % 10);
  }
  message.set_sum(static_cast<double>(random() % 100000) / 8);
  message.set_schema(static_cast<std::int32_t>(random() % 13) - 4);
  message.set_zero_threshold(0.001);
  message.set_reset_hint(static_cast<std::int32_t>(random() % 4));
  message.set_timestamp(static_cast<std::int64_t>(random()));
  for (std::uint64_t i = random() % 4; i > 0; --i) {
    auto* positive = message.add_positive_spans();
    positive->set_offset(static_cast<std::int32_t>(random() % 200) - 100);
    positive->set_length(static_cast<std::uint32_t>(random() % 5));
    auto* negative = message.add_negative_spans();
    negative->set_offset(static_cast<std::int32_t>(random() % 200) - 100);
    negative->set_length(static_cast<std::uint32_t>(random() % 5));
    message.add_positive_deltas(static_cast<std::int64_t>(random()));
    message.add_negative_deltas(static_cast<std::int64_t>(random()));
    message.add_positive_counts(static_cast<double>(random()));
    message.add_negative_counts(static_cast<double>(random()));
    message.add_custom_values(static_cast<double>(random()));
  }
  return message;
}

void ExpectSpans(const std::vector<model::Span>& ours,
                 const google::protobuf::RepeatedPtrField<testing::BucketSpan>& theirs) {
  ASSERT_EQ(ours.size(), static_cast<std::size_t>(theirs.size()));
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].offset, theirs[static_cast<int>(i)].offset());
    EXPECT_EQ(ours[i].length, theirs[static_cast<int>(i)].length());
  }
}

template <typename Number>
void ExpectNumbers(const std::vector<Number>& ours, const google::protobuf::RepeatedField<Number>& theirs) {
  EXPECT_EQ(ours, std::vector<Number>(theirs.begin(), theirs.end()));
}

TEST(HistogramMessage, IsWhatLibprotobufReads) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2000; ++round) {
    const testing::Histogram want = RandomMessage(random);
    const auto read = ReadHistogram(want.SerializeAsString());
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->is_float, want.count_case() == testing::Histogram::kCountFloat);
    EXPECT_EQ(read->integers.count, want.count_int());
    EXPECT_EQ(read->float_count, want.count_float());
    EXPECT_EQ(read->integers.zero_count, want.zero_count_int());
    EXPECT_EQ(read->float_zero_count, want.zero_count_float());
    EXPECT_EQ(read->integers.sum, want.sum());
    EXPECT_EQ(read->integers.schema, want.schema());
    EXPECT_EQ(static_cast<int>(read->integers.counter_reset_hint), want.reset_hint());
    EXPECT_EQ(read->timestamp_ms, want.timestamp());
    ExpectSpans(read->integers.positive_spans, want.positive_spans());
    ExpectSpans(read->integers.negative_spans, want.negative_spans());
    ExpectNumbers(read->integers.positive_buckets, want.positive_deltas());
    ExpectNumbers(read->integers.negative_buckets, want.negative_deltas());
    ExpectNumbers(read->positive_counts, want.positive_counts());
    ExpectNumbers(read->negative_counts, want.negative_counts());
    ExpectNumbers(read->integers.custom_values, want.custom_values());
  }
}

TEST(HistogramMessage, TakesNumbersThatAreNotPacked) {
  const auto read = ReadHistogram("\x60\x02\x60\x04\x60\x06");  // positive_deltas 1, 2, 3
  ASSERT_TRUE(read);
  EXPECT_EQ(read->integers.positive_buckets, (std::vector<std::int64_t>{1, 2, 3}));
}

TEST(HistogramMessage, WithMoreBucketsThanAllowedIsRefused) {
  testing::Histogram message;
  for (std::size_t i = 0; i <= kHistogramElementsMax; ++i) message.add_positive_deltas(0);
  const auto read = ReadHistogram(message.SerializeAsString());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), base::Code::kLimitExceeded);
}

TEST(HistogramMessage, OfDamagedBytesIsReadOrRefused) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = RandomMessage(random).SerializeAsString();
    if (random() % 2 == 0) bytes.resize(random() % bytes.size());
    if (!bytes.empty()) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (!ReadHistogram(bytes)) continue;
    testing::Histogram theirs;
    EXPECT_TRUE(theirs.ParseFromString(bytes)) << "round " << round;
  }
}

testing::Histogram TwoBuckets(std::int32_t schema) {
  testing::Histogram message;
  message.set_schema(schema);
  message.set_count_int(3);
  message.set_sum(5);
  auto* span = message.add_positive_spans();
  span->set_offset(1);
  span->set_length(2);
  message.add_positive_deltas(1);
  message.add_positive_deltas(1);
  return message;
}

TEST(HistogramMessage, OfAReservedSchemaIsReduced) {
  const struct {
    std::int32_t schema;
    std::vector<double> want;
  } kRows[] = {{8, {1, 2}}, {9, {3}}, {20, {3}}, {33, {3}}, {52, {3}}};
  for (const auto& [schema, want] : kRows) {
    const auto checked = CheckHistogram(*ReadHistogram(TwoBuckets(schema).SerializeAsString()));
    ASSERT_TRUE(checked) << schema << ": " << checked.error().message();
    EXPECT_EQ(checked->schema, 8) << schema;
    EXPECT_EQ(checked->positive_buckets, want) << schema;
  }
  EXPECT_FALSE(CheckHistogram(*ReadHistogram(TwoBuckets(53).SerializeAsString())));
  EXPECT_FALSE(CheckHistogram(*ReadHistogram(TwoBuckets(-5).SerializeAsString())));
}

TEST(HistogramMessage, ThatContradictsItselfIsRefused) {
  testing::Histogram message = TwoBuckets(0);
  message.set_count_int(2);
  const auto checked = CheckHistogram(*ReadHistogram(message.SerializeAsString()));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code(), base::Code::kInvalidArgument);
}

TEST(ExemplarMessage, IsRead) {
  testing::Exemplar message;
  message.set_value(1.5);
  message.set_timestamp(1000);
  auto* label = message.add_labels();
  label->set_name("trace_id");
  label->set_value("abc");
  const auto exemplar = ReadExemplar(message.SerializeAsString());
  ASSERT_TRUE(exemplar && *exemplar);
  EXPECT_EQ(
      **exemplar,
      (model::Exemplar{.labels = model::Labels::FromPairs({{"trace_id", "abc"}}), .value = 1.5, .timestamp_ms = 1000}));
  message.set_timestamp(0);
  EXPECT_EQ((*ReadExemplar(message.SerializeAsString()))->timestamp_ms, std::nullopt);
  *message.add_labels() = message.labels(0);
  EXPECT_EQ(*ReadExemplar(message.SerializeAsString()), std::nullopt);
  EXPECT_FALSE(ReadExemplar("\x10\x01"));
}

}  // namespace
}  // namespace baro::remote
