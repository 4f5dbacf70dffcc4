// Readers of the head: what was committed when they were opened.
//
// Threads  HeadReader and its selections are immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tsdb/head/head.h"
#include "tsdb/reader.h"
#include "tsdb/wal/log_writer.h"

namespace baro::tsdb {

class HeadReader : public Reader {
 public:
  /// Owns  shares of the head and the log; what it selects shares the data.
  HeadReader(std::shared_ptr<Head> head, const LogWriter& log);
  ~HeadReader() override;
  /// Hides what is older: somebody else has it, with what was deleted of it. Shape    called before anything is read.
  void HideBefore(std::int64_t floor_ms) { floor_ms_ = floor_ms; }

  CommitNumber visible() const { return visible_; }

  HeadReader(const HeadReader&) = delete;
  HeadReader& operator=(const HeadReader&) = delete;

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override;
  base::Result<std::vector<FamilyMetadata>> Metadata(const MetadataRequest& request,
                                                     const base::CancelToken& /*cancel*/) const override {
    return head_->metadata().Select(request.family);
  }

 private:
  bool MayHave(model::TimeRange range) const;
  model::TimeRange Visible(model::TimeRange range) const;

  std::shared_ptr<Head> head_;
  const CommitNumber visible_;
  std::int64_t floor_ms_ = model::kMinTimestampMs;
};

/// The late samples of times that are in blocks already: a source of their own, for what is in blocks counts before
/// them.
///
/// Threads  As HeadReader.
class LateReader : public Reader {
 public:
  /// Shows what lies before `floor_ms`. Shape    `visible` is of a HeadReader that lives at least as long.
  LateReader(std::shared_ptr<Head> head, CommitNumber visible, std::int64_t floor_ms)
      : head_(std::move(head)), visible_(visible), floor_ms_(floor_ms) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override;
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override;

 private:
  std::shared_ptr<Head> head_;
  const CommitNumber visible_;
  const std::int64_t floor_ms_;
};

}  // namespace baro::tsdb
