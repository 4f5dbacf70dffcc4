#include "model/exemplar.h"

namespace baro::model {
namespace {

std::size_t CountRunes(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(DecodeRune(text).size_bytes);
  return count;
}

}  // namespace

std::size_t CountLabelRunes(const Labels& labels) {
  std::size_t count = 0;
  for (const auto& [name, value] : labels) count += CountRunes(name) + CountRunes(value);
  return count;
}

}  // namespace baro::model
