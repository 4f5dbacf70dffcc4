// Accept-Encoding and Content-Encoding: the part of http_message.h that is about them.
#include <algorithm>
#include <array>

#include "net/http_message.h"

namespace baro::net {
namespace {

struct CodingRow {
  ContentCoding coding;
  std::string_view name;
};
constexpr std::array kCodings = {
    CodingRow{ContentCoding::kIdentity, "identity"},
    CodingRow{ContentCoding::kGzip, "gzip"},
    CodingRow{ContentCoding::kZstd, "zstd"},
    CodingRow{ContentCoding::kDeflate, "deflate"},
};
// Our preference among equals: zstd is both faster and smaller.
constexpr std::array kPreference = {ContentCoding::kZstd, ContentCoding::kGzip, ContentCoding::kDeflate};

std::string_view Trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

constexpr int kWeightMax = 1000;
constexpr int kWeightMalformed = -1;

// Thousandths of a qvalue: "1", "0.5", "0.123".
int ParseWeight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return kWeightMalformed;
  int weight = (text[0] - '0') * kWeightMax;
  if (text.size() > 1 && text[1] != '.') return kWeightMalformed;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return kWeightMalformed;
    weight += (c - '0') * unit;
    unit /= 10;
  }
  return weight <= kWeightMax ? weight : kWeightMalformed;
}

struct Element {
  std::string_view name;
  int weight = kWeightMax;
};

Element ParseElement(std::string_view text) {
  const auto semicolon = text.find(';');
  Element element{.name = Trimmed(text.substr(0, semicolon))};
  if (semicolon == std::string_view::npos) return element;
  const std::string_view parameter = Trimmed(text.substr(semicolon + 1));
  const bool is_weight = parameter.starts_with("q=") || parameter.starts_with("Q=");
  element.weight = is_weight ? ParseWeight(parameter.substr(2)) : kWeightMalformed;
  return element;
}

}  // namespace

std::string_view ContentCodingName(ContentCoding coding) { return kCodings[static_cast<std::size_t>(coding)].name; }

std::optional<ContentCoding> ParseContentCoding(std::string_view name) {
  for (const auto& row : kCodings) {
    if (EqualsIgnoringCase(row.name, name)) return row.coding;
  }
  if (EqualsIgnoringCase(name, "x-gzip")) return ContentCoding::kGzip;
  return std::nullopt;
}

ContentCoding ChooseContentCoding(std::string_view accept_encoding) {
  constexpr int kNotNamed = -1;
  std::array<int, kCodings.size()> weights;
  weights.fill(kNotNamed);
  int others = 0;  // of "*"
  while (!accept_encoding.empty()) {
    const auto comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const Element element = ParseElement(accept_encoding.substr(0, comma));
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    if (element.weight == kWeightMalformed) return ContentCoding::kIdentity;
    if (element.name == "*") others = element.weight;
    if (const auto coding = ParseContentCoding(element.name))
      weights[static_cast<std::size_t>(*coding)] = element.weight;
  }
  ContentCoding best = ContentCoding::kIdentity;
  int best_weight = 0;
  for (const auto coding : kPreference) {
    const int named = weights[static_cast<std::size_t>(coding)];
    const int weight = named == kNotNamed ? others : named;
    if (weight > best_weight) {
      best = coding;
      best_weight = weight;
    }
  }
  return best;
}

}  // namespace baro::net
