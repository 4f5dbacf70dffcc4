#include "tsdb/block/index_writer.h"

#include <algorithm>
#include <numeric>

#include "model/names.h"
#include "tsdb/block/series_page.h"
#include "tsdb/block/value_page.h"

namespace baro::tsdb {

// Reads the spool back, one series after the other.
class IndexWriter::SpoolReader {
 public:
  SpoolReader(base::ByteSpan spool, std::span<const Shape> shapes) : reader_(spool), shapes_(shapes) {}

  bool Next() {
    if (reader_.AtEnd()) return false;
    shape = static_cast<std::uint32_t>(reader_.Varint());
    values.clear();
    for (std::size_t i = 0; i < shapes_[shape].size(); ++i) {
      values.push_back(static_cast<std::uint32_t>(reader_.Varint()));
    }
    float_chunks = reader_.Varint();
    histogram_chunks = reader_.Varint();
    const std::uint64_t tracks_bytes = reader_.Varint();
    is_simple = tracks_bytes == 0;
    if (is_simple) {
      simple.first_column = static_cast<ColumnId>(reader_.Varint());
      simple.count = static_cast<std::uint32_t>(float_chunks);
    } else {
      tracks = reader_.Bytes(tracks_bytes);
    }
    BARO_ASSERT(reader_.ok());
    return true;
  }

  std::uint32_t shape = 0;
  std::vector<std::uint32_t> values;
  std::uint64_t float_chunks = 0;
  std::uint64_t histogram_chunks = 0;
  bool is_simple = false;
  ColumnRun simple;
  base::ByteSpan tracks;

 private:
  base::ByteReader reader_;
  std::span<const Shape> shapes_;
};

std::uint32_t IndexWriter::NumberOf(Name& name, std::string_view value) {
  if (!name.values.empty() && *name.values[name.last] == value) return name.last;
  const auto [found, is_new] =
      name.numbers.try_emplace(std::string(value), static_cast<std::uint32_t>(name.values.size()));
  if (is_new) {
    name.values.push_back(&found->first);
    name.series_counts.push_back(0);
  }
  return name.last = found->second;
}

void IndexWriter::AddSeries(const model::Labels& labels, const TrackBuilder& floats, const TrackBuilder& histograms) {
  shape_.clear();
  thread_local std::vector<std::uint32_t> values;
  values.clear();
  for (const model::LabelView& label : labels) {
    const auto [found, is_new] =
        name_numbers_.try_emplace(std::string(label.name), static_cast<std::uint32_t>(names_.size()));
    if (is_new) names_.push_back(std::make_unique<Name>(Name{.text = std::string(label.name)}));
    Name& name = *names_[found->second];
    shape_.push_back(found->second);
    values.push_back(NumberOf(name, label.value));
    ++name.series_counts[values.back()];
  }
  if (labels.begin()->name != model::kMetricName) is_in_label_order_ = false;
  const auto shape = shapes_.try_emplace(shape_, static_cast<std::uint32_t>(shapes_.size())).first;
  base::AppendVarint(spool_, shape->second);
  for (const std::uint32_t value : values) base::AppendVarint(spool_, value);
  base::AppendVarint(spool_, floats.window_count());
  base::AppendVarint(spool_, histograms.window_count());
  if (histograms.empty() && floats.IsSimple()) {
    base::AppendVarint(spool_, 0);
    base::AppendVarint(spool_, floats.simple().first_column);
  } else {
    tracks_.clear();
    floats.Encode(tracks_);
    histograms.Encode(tracks_);
    base::AppendVarint(spool_, tracks_.size());
    base::AppendBytes(spool_, tracks_);
  }
  ++series_count_;
}

IndexWriter::Order IndexWriter::Sort() const {
  Order order;
  const auto rank = [](std::size_t count, const auto& text) {
    std::vector<std::uint32_t> sorted(count);
    std::iota(sorted.begin(), sorted.end(), 0U);
    std::ranges::sort(sorted, {}, text);
    return sorted;
  };
  const auto invert = [](const std::vector<std::uint32_t>& sorted) {
    std::vector<std::uint32_t> ranks(sorted.size());
    for (std::uint32_t i = 0; i < sorted.size(); ++i) ranks[sorted[i]] = i;
    return ranks;
  };
  order.sorted_names =
      rank(names_.size(), [this](std::uint32_t number) { return std::string_view(names_[number]->text); });
  order.names = invert(order.sorted_names);
  for (const auto& name : names_) {
    order.values.push_back(invert(
        rank(name->values.size(), [&name](std::uint32_t number) { return std::string_view(*name->values[number]); })));
  }
  return order;
}

// By name's number: the series of all its values, value after value in sorted order.
std::vector<std::vector<std::uint32_t>> IndexWriter::CollectPostings(const Order& order) const {
  std::vector<std::vector<std::uint32_t>> postings(names_.size());
  std::vector<std::vector<std::uint32_t>> next(names_.size());  // by sorted value: where its next series goes
  for (std::size_t i = 0; i < names_.size(); ++i) {
    next[i].resize(names_[i]->values.size() + 1);
    for (std::size_t number = 0; number < names_[i]->values.size(); ++number) {
      next[i][order.values[i][number] + 1] = names_[i]->series_counts[number];
    }
    std::partial_sum(next[i].begin(), next[i].end(), next[i].begin());
    postings[i].resize(next[i].back());
  }
  std::vector<Shape> shapes(shapes_.size());
  for (const auto& [shape, number] : shapes_) shapes[number] = shape;
  SpoolReader series(spool_, shapes);
  for (std::uint32_t number = 0; series.Next(); ++number) {
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      const std::uint32_t name = shapes[series.shape][i];
      postings[name][next[name][order.values[name][series.values[i]]]++] = number;
    }
  }
  return postings;
}

base::Result<> IndexWriter::WriteName(const Name& name, const std::vector<std::uint32_t>& postings,
                                      BlockFileWriter& index, NameEntry& entry) const {
  std::vector<std::pair<std::string_view, std::uint32_t>> sorted;  // value, series
  for (std::size_t i = 0; i < name.values.size(); ++i) sorted.emplace_back(*name.values[i], name.series_counts[i]);
  std::ranges::sort(sorted);
  entry.text = name.text;
  entry.value_count = static_cast<std::uint32_t>(sorted.size());
  std::vector<std::string_view> values;
  std::vector<std::span<const std::uint32_t>> lists;
  base::ByteBuffer buffer;
  std::size_t posted = 0;
  for (std::size_t at = 0; at < sorted.size();) {
    values.clear();
    lists.clear();
    const auto first_id = static_cast<std::uint32_t>(at);
    for (std::size_t text = 0; at < sorted.size() && values.size() < kValuesPerPage; ++at) {
      const auto& [value, count] = sorted[at];
      text += value.size();
      if (!values.empty() && text > kValuePageTextMax) break;
      values.push_back(value);
      lists.emplace_back(postings.data() + posted, count);
      posted += count;
    }
    buffer.clear();
    EncodeValuePage(values, buffer);
    ValuePageEntry page{.first_value = std::string(values.front()), .first_id = first_id};
    page.values_offset = BARO_TRY(index.AppendFrame(FrameKind::kValues, buffer, FrameForm::kSmallest));
    buffer.clear();
    EncodePostingsPage(lists, buffer);
    page.postings_offset = BARO_TRY(index.AppendFrame(FrameKind::kPostings, buffer, FrameForm::kPlain));
    entry.pages.push_back(std::move(page));
  }
  std::vector<std::uint32_t> all(postings);
  std::ranges::sort(all);
  EncodePostings(all, entry.all);
  return {};
}

base::Result<> IndexWriter::WriteSeries(const Order& order, IndexRoot& root, BlockFileWriter& index) const {
  std::vector<Shape> numbered(shapes_.size());
  root.shapes.resize(shapes_.size());
  for (const auto& [shape, number] : shapes_) {
    numbered[number] = shape;
    // Labels stand in the order of their names, so sorted numbers ascend.
    for (const std::uint32_t name : shape) root.shapes[number].push_back(order.names[name]);
  }
  SeriesPageBuilder builder(root.shapes);
  base::ByteBuffer page;
  const auto flush = [&]() -> base::Result<> {
    page.clear();
    builder.Finish(page);
    root.series_pages.push_back(BARO_TRY(index.AppendFrame(FrameKind::kSeries, page, FrameForm::kSmallest)));
    return {};
  };
  SpoolReader series(spool_, numbered);
  while (series.Next()) {
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      series.values[i] = order.values[numbered[series.shape][i]][series.values[i]];
    }
    builder.Add({.shape = series.shape,
                 .values = series.values,
                 .is_simple = series.is_simple,
                 .simple = series.simple,
                 .tracks = series.tracks,
                 .float_chunks = series.float_chunks,
                 .histogram_chunks = series.histogram_chunks});
    if (builder.full()) BARO_TRY(flush());
  }
  return builder.series_count() > 0 ? flush() : base::Result<>();
}

base::Result<> IndexWriter::Finish(IndexRoot root, BlockFileWriter& index) {
  BARO_ASSERT(series_count_ > 0);
  const Order order = Sort();
  {
    auto postings = CollectPostings(order);
    for (const std::uint32_t name : order.sorted_names) {
      BARO_TRY(WriteName(*names_[name], postings[name], index, root.names.emplace_back()));
      postings[name] = {};
    }
  }
  BARO_TRY(WriteSeries(order, root, index));
  root.is_in_label_order = is_in_label_order_;
  root.series_count = series_count_;
  base::ByteBuffer content;
  EncodeIndexRoot(root, content);
  if (content.size() > kFrameBytesMax) {
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("writing a block: the root of the index has {} bytes, the limit is {}",
                                  content.size(), kFrameBytesMax));
  }
  const std::uint64_t first = BARO_TRY(index.AppendFrame(FrameKind::kRoot, content, FrameForm::kSmallest));
  const std::uint64_t second = BARO_TRY(index.AppendFrame(FrameKind::kRoot, content, FrameForm::kSmallest));
  for (int copy = 0; copy < 2; ++copy) {
    base::ByteBuffer footer;
    EncodeFooter(first, second, index.seed(), footer);
    BARO_TRY(index.Append(footer));
  }
  return {};
}

}  // namespace baro::tsdb
