// bench: tsdb
// What chunks of floats cost: bytes a sample, sealing and decoding, on the real scrapes of ../shared/data/node-scrapes.
//
// Bytes are all-in but for labels: values, chunk headers, the pages' directories and checksums, one timestamp column
// for each target, and for series that miss rows which ones they have. Without the folder, or without the program zstd
// that unpacks it, scrapes are made up.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "tsdb/codec/decode_kernels.h"
#include "tsdb/codec/page.h"
#include "tsdb/codec/timestamp_codec.h"

namespace baro::tsdb {
namespace {

constexpr std::size_t kPageBytes = std::size_t{48} << 10;
constexpr std::array<const char*, 6> kTargets = {"node", "postgres", "redis", "nginx", "process", "prometheus"};

struct Series {
  std::string name;
  std::vector<std::uint32_t> rows;  // the scrapes that have it
  std::vector<double> values;
};

struct Recording {
  std::vector<std::int64_t> timestamps_ms;
  std::vector<Series> series;  // by name, as in a block
};

// A window of a series.
struct Window {
  std::span<const std::uint32_t> rows;
  std::span<const double> values;
  std::size_t first_row;
  std::size_t end_row;
  std::size_t series;
};

class RecordingReader {
 public:
  Recording Read(const std::string& target) {
    const std::string command =
        fmt::format("zstd -dc --long=27 '../shared/data/node-scrapes/{}.scrapes.zst' 2>/dev/null", target);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    std::array<char, 256> line;
    while (pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
      double start_s = 0;
      std::size_t size_bytes = 0;
      if (std::sscanf(line.data(), "#SCRAPE %lf %*s %zu", &start_s, &size_bytes) != 2) break;
      std::string body(size_bytes, '\0');
      if (std::fread(body.data(), 1, size_bytes, pipe.get()) != size_bytes) break;
      AddScrape(static_cast<std::int64_t>(start_s * 1000), body);
    }
    std::ranges::sort(out_.series, {}, &Series::name);
    return std::move(out_);
  }

 private:
  void AddScrape(std::int64_t start_ms, const std::string& body) {
    const auto row = static_cast<std::uint32_t>(out_.timestamps_ms.size());
    out_.timestamps_ms.push_back(start_ms);
    for (std::size_t at = 0; at < body.size();) {
      const std::size_t end = std::min(body.find('\n', at), body.size());
      const std::size_t space = body.rfind(' ', end);
      if (body[at] != '#' && space != std::string::npos && space > at) {
        const auto [known, is_new] = known_.try_emplace(body.substr(at, space - at), out_.series.size());
        if (is_new) out_.series.push_back({.name = known->first, .rows = {}, .values = {}});
        out_.series[known->second].rows.push_back(row);
        out_.series[known->second].values.push_back(std::strtod(body.c_str() + space + 1, nullptr));
      }
      at = end + 1;
    }
  }

  Recording out_;
  std::unordered_map<std::string, std::size_t> known_;
};

// For those who have no recording: half of the series stand still, the others are counters.
Recording MakeRecording() {
  Recording made;
  made.series.resize(600);
  for (std::uint32_t row = 0; row < 480; ++row) {
    made.timestamps_ms.push_back(1'700'000'000'000 + 15'000 * std::int64_t{row});
    for (std::uint32_t i = 0; i < made.series.size(); ++i) {
      made.series[i].rows.push_back(row);
      const double counted = row * (100.0 + i) + (row * 7919 + i * 104729) % 1000;
      made.series[i].values.push_back(i % 2 == 0 ? i : counted / 100);
    }
  }
  return made;
}

// All targets at one interval.
const std::vector<Recording>& Recordings(const std::string& interval) {
  static std::map<std::string, std::vector<Recording>> cache;
  const auto [found, is_new] = cache.try_emplace(interval);
  if (is_new) {
    for (const char* target : kTargets) {
      found->second.push_back(RecordingReader().Read(fmt::format("{}.{}", target, interval)));
      if (found->second.back().series.empty()) found->second.back() = MakeRecording();
    }
  }
  return found->second;
}

// Windows of equal lengths, of at most as many rows as a chunk may have.
std::vector<Window> WindowsOf(const Recording& recording) {
  const std::size_t rows = recording.timestamps_ms.size();
  const std::size_t count = (rows + kChunkRowsMax - 1) / kChunkRowsMax;
  const std::size_t length = (rows + count - 1) / count;
  std::vector<Window> windows;
  for (std::size_t i = 0; i < recording.series.size(); ++i) {
    const Series& series = recording.series[i];
    std::size_t at = 0;
    for (std::size_t first = 0; first < rows; first += length) {
      const std::size_t last = std::min(rows, first + length);
      std::size_t end = at;
      while (end < series.rows.size() && series.rows[end] < last) ++end;
      if (end > at) {
        windows.push_back({.rows = std::span(series.rows).subspan(at, end - at),
                           .values = std::span(series.values).subspan(at, end - at),
                           .first_row = first,
                           .end_row = last,
                           .series = i});
      }
      at = end;
    }
  }
  return windows;
}

std::size_t VarintBytes(std::size_t value) { return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7; }

// What it takes to say which rows of the window are there: runs as varints, or a bitmap, whichever is shorter.
std::size_t PresenceBytes(const Window& window) {
  const std::size_t length = window.end_row - window.first_row;
  if (window.rows.size() == length) return 0;
  std::size_t bytes = 1;
  std::size_t behind = window.first_row;
  for (std::size_t at = 0; at < window.rows.size();) {
    std::size_t end = at + 1;
    while (end < window.rows.size() && window.rows[end] == window.rows[end - 1] + 1) ++end;
    bytes += VarintBytes(window.rows[at] - behind) + VarintBytes(end - at);
    behind = window.rows[end - 1] + 1;
    at = end;
  }
  return std::min(bytes, 1 + (length + 7) / 8);
}

std::size_t TimestampBytes(const Recording& recording) {
  const std::span<const std::int64_t> all = recording.timestamps_ms;
  const std::size_t count = (all.size() + kChunkRowsMax - 1) / kChunkRowsMax;
  const std::size_t length = (all.size() + count - 1) / count;
  base::ByteBuffer bytes;
  for (std::size_t at = 0; at < all.size(); at += length) {
    EncodeTimestamps(all.subspan(at, std::min(length, all.size() - at)), bytes);
  }
  return bytes.size();
}

// A page, and how many rows each of its chunks has.
struct Page {
  base::ByteBuffer bytes;
  std::vector<std::uint32_t> rows;
};

bool IsConstant(std::span<const double> values) {
  const auto first = std::bit_cast<std::uint64_t>(values[0]);
  return std::ranges::all_of(values, [&](double value) { return std::bit_cast<std::uint64_t>(value) == first; });
}

std::vector<Page> PagesOf(const Recording& recording, PageForm form, bool constants_too) {
  std::vector<Page> pages;
  std::vector<ChunkHint> hints(recording.series.size());
  PageBuilder builder;
  Page page;
  const auto finish = [&] {
    if (builder.chunks() == 0) return;
    builder.Finish(1, form, page.bytes);
    pages.push_back(std::move(page));
    page = {};
  };
  for (const Window& window : WindowsOf(recording)) {
    if (!constants_too && IsConstant(window.values)) continue;
    builder.Add(window.values, &hints[window.series]);
    page.rows.push_back(static_cast<std::uint32_t>(window.values.size()));
    if (builder.SizeBytes() >= kPageBytes) finish();
  }
  finish();
  return pages;
}

std::size_t SamplesOf(std::span<const Page> pages) {
  std::size_t samples = 0;
  for (const Page& page : pages) {
    for (const std::uint32_t rows : page.rows) samples += rows;
  }
  return samples;
}

// All recordings' pages sealed; what they take, by target and together.
void BM_Bytes(benchmark::State& state, const std::string& interval, PageForm form) {
  const std::vector<Recording>& recordings = Recordings(interval);
  for (auto _ : state) {
    std::size_t all_bytes = 0;
    std::size_t all_samples = 0;
    for (std::size_t i = 0; i < recordings.size(); ++i) {
      const std::vector<Page> pages = PagesOf(recordings[i], form, true);
      std::size_t bytes = TimestampBytes(recordings[i]);
      for (const Page& page : pages) bytes += page.bytes.size();
      for (const Window& window : WindowsOf(recordings[i])) bytes += PresenceBytes(window);
      const std::size_t samples = SamplesOf(pages);
      state.counters[kTargets[i]] = static_cast<double>(bytes) / static_cast<double>(samples);
      all_bytes += bytes;
      all_samples += samples;
    }
    state.counters["B/sample"] = static_cast<double>(all_bytes) / static_cast<double>(all_samples);
  }
}

// Choosing codecs and writing chunks into pages, with what the series' chunk before taught.
void BM_Seal(benchmark::State& state, const std::string& interval) {
  const std::vector<Recording>& recordings = Recordings(interval);
  std::size_t samples = 0;
  for (auto _ : state) {
    for (const Recording& recording : recordings) {
      const std::vector<Page> pages = PagesOf(recording, PageForm::kHot, true);
      state.PauseTiming();
      samples += SamplesOf(pages);
      state.ResumeTiming();
    }
  }
  state.counters["samples"] =
      benchmark::Counter(static_cast<double>(samples), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

struct DecodeForm {
  const DecodeKernels* kernels;
  std::string interval;
  PageForm form;
  bool constants_too;
};

// A cold page is decompressed each time. Checksums are not compared: blocks do that once for each page.
void BM_Decode(benchmark::State& state, const DecodeForm& form) {
  static std::map<std::tuple<std::string, PageForm, bool>, std::vector<Page>> cache;
  const auto [found, is_new] = cache.try_emplace({form.interval, form.form, form.constants_too});
  if (is_new) {
    for (const Recording& recording : Recordings(form.interval)) {
      for (Page& page : PagesOf(recording, form.form, form.constants_too)) found->second.push_back(std::move(page));
    }
  }
  const std::vector<Page>& pages = found->second;
  const DecodeKernels& usual = CurrentDecodeKernels();
  UseDecodeKernels(*form.kernels);
  std::vector<double> values(kChunkRowsMax);
  for (auto _ : state) {
    for (const Page& page : pages) {
      const auto view = PageView::OpenChecked(page.bytes);
      if (!view) return state.SkipWithError(view.error().message().c_str());
      PageCursor cursor(*view);
      for (std::uint32_t chunk = 0; chunk < page.rows.size(); ++chunk) {
        if (auto decoded = cursor.Decode(chunk, page.rows[chunk], std::span(values).first(page.rows[chunk]));
            !decoded) {
          return state.SkipWithError(decoded.error().message().c_str());
        }
        benchmark::DoNotOptimize(values.data());
        benchmark::ClobberMemory();
      }
    }
  }
  UseDecodeKernels(usual);
  state.counters["samples"] = benchmark::Counter(
      static_cast<double>(SamplesOf(pages)) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void Register() {
  for (const char* interval : {"15s", "1s"}) {
    for (const PageForm form : {PageForm::kHot, PageForm::kCold}) {
      const std::string name = fmt::format("Bytes/{}/{}", interval, form == PageForm::kHot ? "hot" : "cold");
      benchmark::RegisterBenchmark(name.c_str(), BM_Bytes, interval, form)
          ->Iterations(1)
          ->Unit(benchmark::kMillisecond);
    }
    benchmark::RegisterBenchmark(fmt::format("Seal/{}", interval).c_str(), BM_Seal, interval)
        ->Unit(benchmark::kMillisecond);
    for (const DecodeKernels* kernels : AvailableDecodeKernels()) {
      for (const auto& [name, form, constants_too] :
           {std::tuple("everything", PageForm::kHot, true), std::tuple("non-constant", PageForm::kHot, false),
            std::tuple("cold", PageForm::kCold, true)}) {
        benchmark::RegisterBenchmark(
            fmt::format("Decode/{}/{}/{}", interval, name, kernels->name).c_str(), BM_Decode,
            DecodeForm{.kernels = kernels, .interval = interval, .form = form, .constants_too = constants_too})
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

const int registered = (Register(), 0);

}  // namespace
}  // namespace baro::tsdb
