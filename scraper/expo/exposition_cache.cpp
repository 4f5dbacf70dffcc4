#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "scraper/expo/family_table.h"
#include "scraper/expo/line_parser.h"
#include "scraper/expo/line_template.h"
#include "scraper/expo/number.h"
#include "scraper/expo/protobuf_cache.h"
#include "scraper/expo/sample_sink.h"
#include "scraper/exposition.h"

namespace baro::scraper {
namespace {

constexpr std::size_t kBodyBytesMax = std::size_t{1} << 30;  // templates count bytes in 32 bits

}  // namespace

bool RepeatedSample::is_same() const {
  return std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(first_value);
}

// One exposition is parsed by alternating two loops: Predict() goes through entries of the last template as long as the
// body agrees with them; Tokenise() takes the comments and the sample that did not agree, and says where to predict
// from then on.
//
// Invariant of predicting entry i: the type in effect is that of entry i - 1. Then equal bytes mean the same, because
// the type is all that one line leaves to the next.
class ExpositionCacheImpl {
 public:
  /// `metadata_revision` is that of an empty table.
  explicit ExpositionCacheImpl(std::uint64_t hash_seed, std::uint64_t metadata_revision = 1)
      : hash_seed_(hash_seed), protobuf_(hash_seed), families_(metadata_revision) {}

  base::Result<> Parse(std::string_view body, const ExpositionCache::Options& options, SeriesResolver& resolver);
  std::vector<ReleasedSeries> PresentSeries() const;

  const ParsedExposition& parsed() const { return sink_.out(); }
  const expo::FamilyTable& families() const { return families_; }

 private:
  // What a Parse() under way knows besides the templates.
  struct Run {
    expo::LineParser lines;
    SeriesResolver& resolver;
    const char* at;
    const char* plain_end;  // behind the last line end: number parsing needs no check for the end before it
    std::size_t next = 0;   // entry of last_ to be expected
    model::MetricType type = model::MetricType::kUnknown;
    bool may_predict = true;
    bool has_diverged = false;  // from last_; what was seen is in new_
    bool is_at_end = false;
  };

  base::Result<> ParseProtobuf(std::string_view body, const ExpositionCache::Options& options,
                               SeriesResolver& resolver);
  base::Result<> ParseText(std::string_view body, const ExpositionCache::Options& options, SeriesResolver& resolver);
  bool Advance(Run& run);
  bool Predict(Run& run);
  bool PredictedTail(Run& run, const expo::TemplateEntry& entry);
  const char* PlainTail(Run& run, const char* at, SeriesHandle series);
  bool IsTrailer(const Run& run) const;
  bool Tokenise(Run& run);
  bool TakeMetadata(Run& run);
  bool TakeSample(Run& run, const char* segment_begin);
  bool Resolve(Run& run, SeriesHandle& series);
  bool TakeTail(Run& run, SeriesHandle series);
  void Diverge(Run& run, std::size_t agreed_count);
  void TakeTrailer(Run& run, std::string_view trailer);

  void EmitTail(Run& run, SeriesHandle series, const expo::SampleTail& tail);

  void Commit(Run& run);
  void ReleaseAbsent();
  void ReleaseFresh();
  /// Each entry of the last good exposition, in whichever format it was.
  template <typename Visit>
  void ForEachLastSeries(const Visit& visit) const {
    for (const expo::TemplateEntry& entry : last_.entries()) visit(entry.series);
    protobuf_.ForEachSeries(visit);
  }

  std::uint64_t hash_seed_;
  std::optional<ExpositionFormat> last_format_;
  expo::LineTemplate last_;  // the last good exposition
  expo::LineTemplate new_;   // the one being parsed, once it is another
  expo::ProtobufCache protobuf_;
  std::vector<std::uint32_t> segment_families_;
  expo::FamilyTable families_;
  expo::SampleSink sink_;
  std::optional<base::Error> error_;
};

base::Result<> ExpositionCacheImpl::Parse(std::string_view body, const ExpositionCache::Options& options,
                                          SeriesResolver& resolver) {
  sink_.Begin(options.honor_timestamps);
  error_.reset();
  base::Result<> parsed;
  if (body.size() > kBodyBytesMax) {
    parsed = base::Fail(
        base::Code::kLimitExceeded,
        fmt::format("exposition of {} bytes is larger than the limit of {} bytes", body.size(), kBodyBytesMax));
    sink_.End();
  } else if (options.format == ExpositionFormat::kProtobuf) {
    parsed = ParseProtobuf(body, options, resolver);
  } else {
    parsed = ParseText(body, options, resolver);
  }
  if (parsed) {
    last_format_ = options.format;
  } else {
    families_.TakeBack();
    ReleaseFresh();
  }
  return parsed;
}

base::Result<> ExpositionCacheImpl::ParseText(std::string_view body, const ExpositionCache::Options& options,
                                              SeriesResolver& resolver) {
  const std::size_t last_line_end = body.rfind('\n');
  Run run = {.lines = expo::LineParser(body, options.format, Strictness::kLikePrometheus),
             .resolver = resolver,
             .at = body.data(),
             .plain_end = body.data() + (last_line_end == std::string_view::npos ? 0 : last_line_end + 1),
             .may_predict = last_format_ == options.format};
  while (!run.is_at_end && Advance(run)) {
  }
  sink_.End();
  if (error_) return *std::move(error_);
  Commit(run);
  return {};
}

base::Result<> ExpositionCacheImpl::ParseProtobuf(std::string_view body, const ExpositionCache::Options& options,
                                                  SeriesResolver& resolver) {
  auto parsed = protobuf_.Parse(body, options, {.resolver = resolver, .sink = sink_, .families = families_});
  sink_.End();
  if (!parsed) return parsed;
  if (!protobuf_.is_changed()) {
    families_.SettleUnchanged();
    protobuf_.Commit();
    return {};
  }
  ReleaseAbsent();
  last_ = {};
  protobuf_.Commit();
  families_.Settle(protobuf_.families());
  return {};
}

// One round of both loops.
bool ExpositionCacheImpl::Advance(Run& run) {
  const bool type_agrees = run.type == (run.next == 0 ? model::MetricType::kUnknown : last_.entry(run.next - 1).type);
  if (run.may_predict && type_agrees) {
    if (!Predict(run)) return false;
    if (IsTrailer(run)) {
      run.is_at_end = true;
      if (run.has_diverged) {
        const std::span<const std::uint32_t> families = last_.all_families();
        const std::size_t before = last_.families(0, last_.size()).size();
        new_.SetTrailer(last_.trailer(), families.subspan(before));
      }
      return true;
    }
  }
  return Tokenise(run);
}

// The body goes on exactly as after the last sample of the last exposition, whose trailer was well formed.
bool ExpositionCacheImpl::IsTrailer(const Run& run) const {
  if (run.next != last_.size() || last_.size() == 0) return false;
  return std::string_view(run.at, static_cast<std::size_t>(run.lines.end() - run.at)) == last_.trailer();
}

// The loop that all this is for. Leaves run.at at the first line that is not the expected one.
bool ExpositionCacheImpl::Predict(Run& run) {
  const char* const text = last_.text().data();
  const expo::TemplateEntry* const entries = last_.entries().data();
  const std::size_t count = last_.size();
  const char* at = run.at;
  const std::size_t first = run.next;
  std::size_t next = first;
  bool is_good = true;
  sink_.MakeRowRoom(count - first);
  for (; next < count; ++next) {
    const expo::TemplateEntry& entry = entries[next];
    const std::size_t size = entry.segment_end - entry.segment_begin;
    if (!entry.is_predictable || run.plain_end - at <= static_cast<std::ptrdiff_t>(size) ||
        std::memcmp(at, text + entry.segment_begin, size) != 0) {
      break;
    }
    const char* const value = at + size;
    run.type = entry.type;
    const char* behind = PlainTail(run, value, entry.series);
    if (behind == nullptr) [[unlikely]] {
      // Either no plain number, or no sample with this head after all: `a ` may go on with `{b="c"} 1`.
      if (*value == '{' || *value == ' ' || *value == '\t') {
        run.type = next == 0 ? model::MetricType::kUnknown : entries[next - 1].type;
        break;
      }
      run.at = value;
      if (!TakeTail(run, entry.series)) {
        is_good = false;
        break;
      }
      behind = run.at;
    }
    if (run.has_diverged) {
      new_.Push({at, size}, entry.segment_end - entry.head_begin, entry.hash, entry.series, entry.type,
                last_.families(next, next + 1));
    }
    at = behind;
  }
  run.at = at;
  run.next = next;
  sink_.CountPredicted(next - first);
  return is_good;
}

// `1.5\n`, or in text `1.5 1700000000000\n`; returns the beginning of the next line, or null for all else.
inline const char* ExpositionCacheImpl::PlainTail(Run& run, const char* at, SeriesHandle series) {
  double value = 0;
  const char* behind = expo::ParsePlainNumber(at, run.plain_end, value);
  if (behind == nullptr) return nullptr;
  if (*behind == '\n') [[likely]] {
    sink_.CountSample();
    sink_.Emit(series, value);
    return behind + 1;
  }
  if (*behind != ' ' || !run.lines.is_text()) return nullptr;
  const char* const digits = ++behind;
  std::int64_t timestamp_ms = 0;
  constexpr std::ptrdiff_t kDigitsMax = 18;  // cannot overflow
  while (expo::internal::IsDigit(*behind) && behind - digits < kDigitsMax)
    timestamp_ms = timestamp_ms * 10 + (*behind++ - '0');
  if (behind == digits || *behind != '\n') return nullptr;
  EmitTail(run, series, {.value = value, .timestamp_ms = timestamp_ms});
  return behind + 1;
}

void ExpositionCacheImpl::EmitTail(Run& run, SeriesHandle series, const expo::SampleTail& tail) {
  sink_.EmitSample(series, tail.value, tail.timestamp_ms);
  if (tail.has_exemplar && series != SeriesHandle::kDropped) {
    sink_.KeepExemplar(series, run.lines.exemplar(), tail.timestamp_ms);
  }
}

// Comments, blank lines and one sample; or the rest of the body, if it has no more.
bool ExpositionCacheImpl::Tokenise(Run& run) {
  const char* const segment_begin = run.at;
  segment_families_.clear();
  while (true) {
    run.at = run.lines.SkipBlankLines(run.at);
    if (run.at == run.lines.end()) {
      if (!run.lines.is_text() && !run.is_at_end) {
        run.lines.FailMissingEof();
        error_ = run.lines.TakeError();
        return false;
      }
      TakeTrailer(run, {segment_begin, static_cast<std::size_t>(run.at - segment_begin)});
      return true;
    }
    if (*run.at != '#') return TakeSample(run, segment_begin);
    if (!TakeMetadata(run)) return false;
  }
}

bool ExpositionCacheImpl::TakeMetadata(Run& run) {
  expo::MetadataLine line;
  if (!run.lines.ParseMetadata(run.at, line)) {
    error_ = run.lines.TakeError();
    return false;
  }
  if (line.kind == expo::MetadataLine::Kind::kEof) run.is_at_end = true;
  if (line.kind == expo::MetadataLine::Kind::kComment || line.kind == expo::MetadataLine::Kind::kEof) return true;
  if (line.kind == expo::MetadataLine::Kind::kType) run.type = line.type;
  segment_families_.push_back(families_.Update(line));
  return true;
}

bool ExpositionCacheImpl::TakeSample(Run& run, const char* segment_begin) {
  const char* const head_begin = run.at;
  if (!run.lines.ParseHead(run.at)) {
    error_ = run.lines.TakeError();
    return false;
  }
  const std::string_view head(head_begin, static_cast<std::size_t>(run.at - head_begin));
  const std::string_view segment(segment_begin, static_cast<std::size_t>(run.at - segment_begin));
  const std::uint64_t hash = expo::LineTemplate::HashOf(head, run.type, hash_seed_);
  const std::size_t agreed_count = run.next;
  SeriesHandle series = SeriesHandle::kDropped;
  bool agrees = false;
  if (const std::uint32_t known = last_.Find(head, run.type, hash); known != expo::LineTemplate::kNone) {
    const expo::TemplateEntry& entry = last_.entry(known);
    agrees = run.may_predict && known == run.next && entry.type == run.type && last_.segment(entry) == segment;
    run.next = known + 1;
    series = entry.series;
  } else if (const std::uint32_t met = new_.Find(head, run.type, hash);
             run.has_diverged && met != expo::LineTemplate::kNone) {
    series = new_.entry(met).series;
  } else if (!Resolve(run, series)) {
    return false;
  }
  if (!agrees && !run.has_diverged) Diverge(run, agreed_count);
  if (run.has_diverged) new_.Push(segment, head.size(), hash, series, run.type, segment_families_);
  return TakeTail(run, series);
}

bool ExpositionCacheImpl::Resolve(Run& run, SeriesHandle& series) {
  SampleLine line;
  if (!run.lines.FinishHead(run.type, line)) {
    error_ = run.lines.TakeError();
    return false;
  }
  const base::Result<SeriesHandle> resolved = sink_.Resolve(run.resolver, line);
  if (!resolved) {
    const auto line_number = 1 + std::count(run.lines.begin(), run.at, '\n');
    error_ = resolved.error().WithContext(fmt::format("line {}", line_number));
    // As in Prometheus: a fault in the rest of the line comes first, and without one the sample was scraped.
    expo::SampleTail tail;
    if (run.lines.ParseTail(run.at, tail)) {
      sink_.CountRefused();
    } else {
      error_ = run.lines.TakeError();
    }
    return false;
  }
  series = *resolved;
  return true;
}

bool ExpositionCacheImpl::TakeTail(Run& run, SeriesHandle series) {
  sink_.MakeRowRoom(1);
  if (run.at < run.plain_end) {
    if (const char* const behind = PlainTail(run, run.at, series)) {
      run.at = behind;
      return true;
    }
  }
  expo::SampleTail tail;
  if (!run.lines.ParseTail(run.at, tail)) {
    error_ = run.lines.TakeError();
    return false;
  }
  EmitTail(run, series, tail);
  return true;
}

// From here on new_ is built: what was predicted so far, and all that comes.
void ExpositionCacheImpl::Diverge(Run& run, std::size_t agreed_count) {
  run.has_diverged = true;
  new_.AssignPrefix(last_, agreed_count);
  if (agreed_count == 0 && last_.size() == 0) {
    // First sight: 96 bytes a line is what real targets have, comments and all; wrong guesses cost a copy.
    const auto size = static_cast<std::size_t>(run.lines.end() - run.lines.begin());
    new_.Reserve(size, size / 96);
  }
}

void ExpositionCacheImpl::TakeTrailer(Run& run, std::string_view trailer) {
  run.is_at_end = true;
  const bool agrees = !run.has_diverged && run.may_predict && run.next == last_.size() && trailer == last_.trailer();
  if (agrees) return;
  if (!run.has_diverged) Diverge(run, run.next);
  new_.SetTrailer(trailer, segment_families_);
}

void ExpositionCacheImpl::Commit(Run& run) {
  if (!run.has_diverged) {
    families_.SettleUnchanged();
    new_ = {};  // whoever stands still needs no second template
    return;
  }
  ReleaseAbsent();
  protobuf_.Clear();
  std::swap(last_, new_);
  families_.Settle(last_.all_families());
}

void ExpositionCacheImpl::ReleaseAbsent() {
  ForEachLastSeries([this](SeriesHandle series) { sink_.ReleaseIfAbsent(series); });
}

void ExpositionCacheImpl::ReleaseFresh() {
  std::vector<bool> is_kept(sink_.handles_count());
  ForEachLastSeries([&is_kept](SeriesHandle series) {
    if (series != SeriesHandle::kDropped) is_kept[static_cast<std::uint32_t>(series)] = true;
  });
  sink_.ReleaseFresh(std::move(is_kept));
}

std::vector<ReleasedSeries> ExpositionCacheImpl::PresentSeries() const {
  std::vector<ReleasedSeries> present;
  std::vector<bool> is_listed(sink_.handles_count());
  ForEachLastSeries([&](SeriesHandle series) {
    if (series == SeriesHandle::kDropped || is_listed[static_cast<std::uint32_t>(series)]) return;
    is_listed[static_cast<std::uint32_t>(series)] = true;
    present.push_back({.series = series, .was_present = true, .had_timestamp = sink_.had_timestamp(series)});
  });
  return present;
}

ExpositionCache::ExpositionCache(std::uint64_t hash_seed)
    : hash_seed_(hash_seed), impl_(std::make_unique<ExpositionCacheImpl>(hash_seed)) {}
ExpositionCache::~ExpositionCache() = default;
ExpositionCache::ExpositionCache(ExpositionCache&&) noexcept = default;
ExpositionCache& ExpositionCache::operator=(ExpositionCache&&) noexcept = default;

base::Result<> ExpositionCache::Parse(std::string_view body, const Options& options, SeriesResolver& resolver) {
  return impl_->Parse(body, options, resolver);
}
const ParsedExposition& ExpositionCache::parsed() const { return impl_->parsed(); }
std::span<const FamilyMetadata> ExpositionCache::metadata() const { return impl_->families().families(); }
const model::Metadata* ExpositionCache::MetadataOf(std::string_view family) const {
  return impl_->families().MetadataOf(family);
}
std::uint64_t ExpositionCache::metadata_revision() const { return impl_->families().revision(); }
std::vector<ReleasedSeries> ExpositionCache::PresentSeries() const { return impl_->PresentSeries(); }
// Revisions go on: who has seen one takes none of the new table for it.
void ExpositionCache::Clear() {
  impl_ = std::make_unique<ExpositionCacheImpl>(hash_seed_, impl_->families().revision() + 1);
}

}  // namespace baro::scraper
