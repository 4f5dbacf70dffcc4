#include "tsdb/block/value_page.h"

#include <algorithm>

#include "tsdb/codec/integer_stream.h"

namespace baro::tsdb {
namespace {

enum class PostingsForm : std::uint8_t { kList = 0, kRuns = 1 };

base::Error Damaged(const char* what) { return {base::Code::kCorruption, fmt::format("label values: {}", what)}; }

// Streams are bounded in length, sets are not: a set is as many streams as it takes.
void EncodeLong(std::span<const std::uint64_t> numbers, base::ByteBuffer& out) {
  for (std::size_t at = 0; at < numbers.size(); at += kStreamLengthMax) {
    EncodeIntegers(numbers.subspan(at, std::min(kStreamLengthMax, numbers.size() - at)), out);
  }
}

base::Result<> DecodeLong(base::ByteSpan& bytes, std::span<std::uint64_t> numbers) {
  for (std::size_t at = 0; at < numbers.size(); at += kStreamLengthMax) {
    bytes = BARO_TRY(DecodeIntegers(bytes, numbers.subspan(at, std::min(kStreamLengthMax, numbers.size() - at))));
  }
  return {};
}

std::size_t CommonPrefix(std::string_view a, std::string_view b) {
  const std::size_t longest = std::min(a.size(), b.size());
  std::size_t length = 0;
  while (length < longest && a[length] == b[length]) ++length;
  return length;
}

base::Result<> PutList(std::span<const std::uint64_t> numbers, std::uint64_t series_count,
                       std::vector<std::uint32_t>& series) {
  std::uint64_t least = 0;
  for (const std::uint64_t number : numbers) {
    if (number < least || number >= series_count) return Damaged("postings out of order or of no series");
    series.push_back(static_cast<std::uint32_t>(number));
    least = number + 1;
  }
  return {};
}

base::Result<> PutRuns(std::span<const std::uint64_t> starts, std::span<const std::uint64_t> lengths,
                       std::uint64_t series_count, std::vector<std::uint32_t>& series) {
  std::uint64_t least = 0;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    if (starts[i] < least || starts[i] >= series_count || lengths[i] == 0 || lengths[i] > series_count - starts[i]) {
      return Damaged("postings out of order or of no series");
    }
    least = starts[i] + lengths[i];
    for (std::uint64_t number = starts[i]; number < least; ++number) {
      series.push_back(static_cast<std::uint32_t>(number));
    }
  }
  return {};
}

}  // namespace

void EncodeValuePage(std::span<const std::string_view> values, base::ByteBuffer& out) {
  BARO_ASSERT(values.size() <= kValuesPerPage);
  base::AppendVarint(out, values.size());
  std::string_view before;
  for (const std::string_view value : values) {
    const std::size_t shared = CommonPrefix(before, value);
    base::AppendVarint(out, shared);
    base::AppendVarint(out, value.size() - shared);
    base::AppendBytes(out, base::AsBytes(value.substr(shared)));
    before = value;
  }
}

base::Result<ValuePage> ValuePage::Decode(base::ByteSpan bytes) {
  base::ByteReader reader(bytes);
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count == 0 || count > kValuesPerPage) return Damaged("no values, or too many");
  ValuePage page;
  page.ends_.reserve(count);
  std::size_t before = 0;  // where the value before begins
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t shared = reader.Varint();
    const std::string_view suffix = reader.Text();
    const std::size_t begin = page.text_.size();
    if (!reader.ok() || shared > begin - before) return Damaged("values cut short");
    if (count > 1 && begin + shared + suffix.size() > kValuePageTextMax) return Damaged("values too long");
    page.text_.append(page.text_, before, shared);
    page.text_ += suffix;
    page.ends_.push_back(page.text_.size());
    if (i > 0 && page[i] <= page[i - 1]) return Damaged("values out of order");
    before = begin;
  }
  if (!reader.AtEnd()) return Damaged("bytes behind the values");
  return page;
}

std::size_t ValuePage::LowerBound(std::string_view text) const {
  std::size_t first = 0;
  std::size_t count = size();
  while (count > 0) {
    const std::size_t half = count / 2;
    if ((*this)[first + half] < text) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

void EncodePostings(std::span<const std::uint32_t> series, base::ByteBuffer& out) {
  thread_local std::vector<std::uint64_t> numbers;
  thread_local std::vector<std::uint64_t> starts;
  thread_local std::vector<std::uint64_t> lengths;
  thread_local base::ByteBuffer runs;
  numbers.assign(series.begin(), series.end());
  starts.clear();
  lengths.clear();
  for (const std::uint64_t number : numbers) {
    if (!starts.empty() && starts.back() + lengths.back() == number) {
      ++lengths.back();
    } else {
      starts.push_back(number);
      lengths.push_back(1);
    }
  }
  const std::size_t start = out.size();
  out.push_back(static_cast<std::byte>(PostingsForm::kList));
  base::AppendVarint(out, numbers.size());
  EncodeLong(numbers, out);
  if (starts.size() * 2 > numbers.size()) return;
  runs.clear();
  runs.push_back(static_cast<std::byte>(PostingsForm::kRuns));
  base::AppendVarint(runs, starts.size());
  EncodeLong(starts, runs);
  EncodeLong(lengths, runs);
  if (runs.size() >= out.size() - start) return;
  out.resize(start);
  base::AppendBytes(out, runs);
}

base::Result<> DecodePostings(base::ByteSpan bytes, std::uint64_t series_count, std::vector<std::uint32_t>& series) {
  base::ByteReader reader(bytes);
  const auto form = static_cast<PostingsForm>(reader.Le<std::uint8_t>());
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count > series_count || form > PostingsForm::kRuns) return Damaged("postings cut short");
  base::ByteSpan rest = bytes.last(reader.remaining());
  thread_local std::vector<std::uint64_t> numbers;
  thread_local std::vector<std::uint64_t> lengths;
  numbers.resize(count);
  BARO_TRY(DecodeLong(rest, numbers));
  if (form == PostingsForm::kList) {
    BARO_TRY(PutList(numbers, series_count, series));
  } else {
    lengths.resize(count);
    BARO_TRY(DecodeLong(rest, lengths));
    BARO_TRY(PutRuns(numbers, lengths, series_count, series));
  }
  return rest.empty() ? base::Result<>() : Damaged("bytes behind the postings");
}

void EncodePostingsPage(std::span<const std::span<const std::uint32_t>> postings, base::ByteBuffer& out) {
  BARO_ASSERT(postings.size() <= kValuesPerPage);
  std::vector<std::uint64_t> counts;
  std::vector<std::uint64_t> sizes;
  base::ByteBuffer blobs;
  for (const std::span<const std::uint32_t> series : postings) {
    const std::size_t before = blobs.size();
    EncodePostings(series, blobs);
    counts.push_back(series.size());
    sizes.push_back(blobs.size() - before);
  }
  base::AppendVarint(out, postings.size());
  if (postings.empty()) return;
  EncodeIntegers(counts, out);
  EncodeIntegers(sizes, out);
  base::AppendBytes(out, blobs);
}

base::Result<PostingsPage> PostingsPage::Open(base::ByteSpan bytes) {
  base::ByteReader reader(bytes);
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count == 0 || count > kValuesPerPage) return Damaged("no postings, or too many");
  PostingsPage page;
  page.counts_.resize(count);
  page.sizes_.resize(count);
  page.ends_.resize(count);
  base::ByteSpan rest = bytes.last(reader.remaining());
  rest = BARO_TRY(DecodeIntegers(rest, page.counts_));
  rest = BARO_TRY(DecodeIntegers(rest, page.sizes_));
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (page.sizes_[i] > rest.size() - end) return Damaged("postings cut short");
    end += page.sizes_[i];
    page.ends_[i] = end;
  }
  if (end != rest.size()) return Damaged("bytes behind the postings");
  page.bytes_ = rest;
  return page;
}

}  // namespace baro::tsdb
