#include "remote/write/write_request.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>

#include "remote/testing/write_request.pb.h"
#include "remote/write/series_labels.h"

namespace baro::remote {
namespace {

constexpr std::uint64_t kSeed = 42;

std::string Random(std::mt19937_64& random, std::size_t size_max) {
  std::string text(random() % (size_max + 1), '\0');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

testing::WriteRequest RandomRequest(std::mt19937_64& random) {
  testing::WriteRequest request;
  for (std::uint64_t i = random() % 5; i > 0; --i) {
    auto* series = request.add_timeseries();
    for (std::uint64_t k = random() % 6; k > 0; --k) {
      auto* label = series->add_labels();
      label->set_name(Random(random, 200));
      label->set_value(Random(random, 20));
    }
    for (std::uint64_t k = random() % 4; k > 0; --k) {
      auto* sample = series->add_samples();
      if (random() % 4 != 0) sample->set_value(std::bit_cast<double>(random()));
      if (random() % 4 != 0) sample->set_timestamp(static_cast<std::int64_t>(random() >> (random() % 64)));
    }
    for (std::uint64_t k = random() % 3; k > 0; --k) series->add_exemplars()->set_value(1);
    for (std::uint64_t k = random() % 3; k > 0; --k) series->add_histograms()->set_sum(1);
  }
  for (std::uint64_t k = random() % 3; k > 0; --k) request.add_metadata()->set_help("help");
  return request;
}

void ExpectEqual(const WriteRequest& ours, const testing::WriteRequest& theirs) {
  ASSERT_EQ(ours.series.size(), static_cast<std::size_t>(theirs.timeseries_size()));
  EXPECT_EQ(ours.metadata.size(), static_cast<std::size_t>(theirs.metadata_size()));
  for (std::size_t i = 0; i < ours.series.size(); ++i) {
    const WriteSeries& series = ours.series[i];
    const auto& want = theirs.timeseries(static_cast<int>(i));
    testing::TimeSeries labels;  // the label fields alone are a message, too
    ASSERT_TRUE(labels.ParseFromArray(series.labels.data(), static_cast<int>(series.labels.size())));
    ASSERT_EQ(labels.labels_size(), want.labels_size());
    for (int k = 0; k < want.labels_size(); ++k) {
      EXPECT_EQ(labels.labels(k).name(), want.labels(k).name());
      EXPECT_EQ(labels.labels(k).value(), want.labels(k).value());
    }
    ASSERT_EQ(series.sample_count, static_cast<std::size_t>(want.samples_size()));
    for (int k = 0; k < want.samples_size(); ++k) {
      const model::Sample& sample = ours.samples[series.first_sample + static_cast<std::size_t>(k)];
      EXPECT_EQ(sample, (model::Sample{want.samples(k).timestamp(), want.samples(k).value()}));
    }
    EXPECT_EQ(series.exemplar_count, static_cast<std::size_t>(want.exemplars_size()));
    EXPECT_EQ(series.histogram_count, static_cast<std::size_t>(want.histograms_size()));
  }
}

TEST(WriteRequest, IsWhatLibprotobufReads) {
  std::mt19937_64 random(1);
  WriteRequest ours;
  for (int round = 0; round < 2000; ++round) {
    const testing::WriteRequest theirs = RandomRequest(random);
    const std::string bytes = theirs.SerializeAsString();
    ASSERT_TRUE(DecodeWriteRequest(bytes, kSeed, ours)) << "round " << round;
    ExpectEqual(ours, theirs);
  }
}

// What we take, libprotobuf takes and reads likewise. It is more patient than we are with known numbers of other types.
TEST(WriteRequest, OfDamagedBytesIsRefusedOrWhatLibprotobufReads) {
  std::mt19937_64 random(2);
  WriteRequest ours;
  int taken = 0;
  for (int round = 0; round < 10000; ++round) {
    std::string bytes = RandomRequest(random).SerializeAsString();
    if (bytes.empty()) continue;
    if (random() % 2 == 0) bytes.resize(random() % bytes.size());
    for (std::uint64_t k = random() % 3; k > 0 && !bytes.empty(); --k) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (!DecodeWriteRequest(bytes, kSeed, ours)) continue;
    testing::WriteRequest theirs;
    // Labels, exemplars, histograms and metadata are looked into later.
    bool are_labels_good = true;
    LabelsParser labels;
    for (const WriteSeries& series : ours.series) {
      are_labels_good &= labels.Parse(series.labels, true) != LabelsVerdict::kMalformed;
      are_labels_good &= series.exemplar_count == 0 && series.histogram_count == 0;
    }
    if (!are_labels_good || !ours.metadata.empty()) continue;
    ASSERT_TRUE(theirs.ParseFromString(bytes)) << "round " << round;
    ExpectEqual(ours, theirs);
    ++taken;
  }
  EXPECT_GT(taken, 100);
}

TEST(WriteRequest, TakesLabelsThatStandBehindSamples) {
  testing::TimeSeries first;
  first.add_labels()->set_name("a");
  first.add_samples()->set_value(1);
  testing::TimeSeries second;
  second.add_labels()->set_name("b");
  second.add_samples()->set_value(2);
  const std::string series = first.SerializeAsString() + second.SerializeAsString();
  const std::string message = "\x0a" + std::string(1, static_cast<char>(series.size())) + series;
  WriteRequest request;
  ASSERT_TRUE(DecodeWriteRequest(message, kSeed, request));
  testing::WriteRequest want;
  ASSERT_TRUE(want.ParseFromString(message));
  ExpectEqual(request, want);
  EXPECT_EQ(request.samples.size(), 2U);
}

TEST(WriteRequest, PassesOverUnknownFields) {
  // 15: varint, fixed64, bytes, fixed32
  const std::string message(
      "\x78\x96\x01\x79"
      "12345678"
      "\x7a\x02xy\x7d"
      "1234",
      21);
  WriteRequest request;
  EXPECT_TRUE(DecodeWriteRequest(message, kSeed, request));
  EXPECT_TRUE(request.series.empty());
}

TEST(WriteRequest, RefusesWhatIsMalformedAndSaysWhere) {
  const struct {
    std::string_view bytes;
    std::string_view what;
  } kRows[] = {
      {"\x0a", "a tag without a length"},
      {"\x0a\x05"
       "abc",
       "a length beyond the end"},
      {"\x08\x01", "series as a number"},
      {"\x18\x01", "metadata as a number"},
      {"\x0b\x0c", "a group"},
      {std::string_view("\x00\x00", 2), "field 0"},
      {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "a varint of more than 64 bits"},
      {"\x0a\x02\x12\x05", "a sample beyond its series"},
      {"\x0a\x04\x12\x02\x08\x01", "a value as a varint"},
      {"\x0a\x02\x10\x01", "samples as a number"},
  };
  WriteRequest request;
  for (const auto& [bytes, what] : kRows) {
    const auto decoded = DecodeWriteRequest(bytes, kSeed, request);
    ASSERT_FALSE(decoded) << what;
    EXPECT_EQ(decoded.error().code(), base::Code::kInvalidArgument) << what;
    EXPECT_NE(decoded.error().message().find("byte 0 of"), std::string::npos) << decoded.error().message();
  }
}

TEST(WriteRequest, OfManyEmptyMessagesIsRefusedBeforeItTakesMemory) {
  std::string series;
  for (std::size_t i = 0; i <= kRequestSeriesMax; ++i) series.append("\x0a\x00", 2);
  WriteRequest request;
  const auto decoded = DecodeWriteRequest(series, kSeed, request);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), base::Code::kLimitExceeded);

  std::string samples;
  for (std::size_t i = 0; i <= kRequestSamplesMax; ++i) samples.append("\x12\x00", 2);
  std::string message = "\x0a";
  for (std::size_t size = samples.size(); size > 0; size >>= 7) {
    message += static_cast<char>((size & 0x7f) | (size >= 0x80 ? 0x80 : 0));
  }
  message += samples;
  const auto many = DecodeWriteRequest(message, kSeed, request);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code(), base::Code::kLimitExceeded) << many.error().message();
}

}  // namespace
}  // namespace baro::remote
