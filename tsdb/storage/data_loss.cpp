#include "tsdb/storage/data_loss.h"

namespace baro::tsdb {
namespace {

class ToldSelection : public SeriesSelection {
 public:
  ToldSelection(std::unique_ptr<SeriesSelection> selection, std::vector<std::string> warnings)
      : selection_(std::move(selection)), warnings_(std::move(warnings)) {
    warnings_.insert(warnings_.end(), selection_->warnings().begin(), selection_->warnings().end());
  }

  std::size_t size() const override { return selection_->size(); }
  const model::Labels& labels(std::size_t index) const override { return selection_->labels(index); }
  base::Result<> Read(std::size_t index, model::TimeRange range, SampleColumns& columns) const override {
    return selection_->Read(index, range, columns);
  }
  std::int64_t resolution_ms() const override { return selection_->resolution_ms(); }
  std::span<const std::string> warnings() const override { return warnings_; }

 private:
  std::unique_ptr<SeriesSelection> selection_;
  std::vector<std::string> warnings_;
};

class TellingReader : public Reader {
 public:
  TellingReader(std::unique_ptr<Reader> reader, std::vector<DataLoss> losses)
      : reader_(std::move(reader)), losses_(std::move(losses)) {}

  base::Result<std::unique_ptr<SeriesSelection>> Select(const SelectRequest& request,
                                                        const base::CancelToken& cancel) const override {
    auto selection = BARO_TRY(reader_->Select(request, cancel));
    std::vector<std::string> warnings;
    for (const DataLoss& loss : losses_) {
      if (request.range.Overlaps(loss.range)) warnings.push_back("samples may be missing: " + loss.what);
    }
    if (warnings.empty()) return selection;
    return std::make_unique<ToldSelection>(std::move(selection), std::move(warnings));
  }
  base::Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers, model::TimeRange range,
                                                    std::size_t limit, const base::CancelToken& cancel) const override {
    return reader_->LabelNames(matchers, range, limit, cancel);
  }
  base::Result<std::vector<std::string>> LabelValues(std::string_view name, std::span<const model::Matcher> matchers,
                                                     model::TimeRange range, std::size_t limit,
                                                     const base::CancelToken& cancel) const override {
    return reader_->LabelValues(name, matchers, range, limit, cancel);
  }
  base::Result<std::vector<FamilyMetadata>> Metadata(const MetadataRequest& request,
                                                     const base::CancelToken& cancel) const override {
    return reader_->Metadata(request, cancel);
  }

 private:
  std::unique_ptr<Reader> reader_;
  std::vector<DataLoss> losses_;
};

}  // namespace

std::unique_ptr<Reader> TellLosses(std::unique_ptr<Reader> reader, std::vector<DataLoss> losses) {
  if (losses.empty()) return reader;
  return std::make_unique<TellingReader>(std::move(reader), std::move(losses));
}

}  // namespace baro::tsdb
