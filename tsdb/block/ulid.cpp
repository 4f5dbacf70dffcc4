#include "tsdb/block/ulid.h"

#include <fmt/format.h>

namespace baro::tsdb {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr unsigned kBitsPerCharacter = 5;

// 0 to 31, or 32 if the character is none of the alphabet. What Crockford allows besides (I and L for 1, O for 0) never
// stands in a name of ours.
unsigned DigitOf(char character) {
  const char upper = character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A') : character;
  const std::size_t found = kAlphabet.find(upper);
  return found == std::string_view::npos ? 32 : static_cast<unsigned>(found);
}

}  // namespace

Ulid Ulid::Make(std::int64_t time_ms, base::Random& random) {
  BARO_ASSERT(time_ms >= 0 && time_ms < (std::int64_t{1} << 48));
  Ulid ulid;
  for (std::size_t i = 0; i < 6; ++i) ulid.bytes[i] = static_cast<std::uint8_t>(time_ms >> (40 - 8 * i));
  const std::uint64_t high = random.NextU64();
  const std::uint64_t low = random.NextU64();
  for (std::size_t i = 0; i < 8; ++i) ulid.bytes[6 + i] = static_cast<std::uint8_t>(high >> (8 * i));
  for (std::size_t i = 0; i < 2; ++i) ulid.bytes[14 + i] = static_cast<std::uint8_t>(low >> (8 * i));
  return ulid;
}

base::Result<Ulid> Ulid::Parse(std::string_view text) {
  const auto refuse = [text] {
    return base::Fail(base::Code::kInvalidArgument,
                      fmt::format("\"{}\" is no ULID: want {} characters of Crockford's base 32, the first up to 7",
                                  text.substr(0, 64), kUlidTextLength));
  };
  if (text.size() != kUlidTextLength || DigitOf(text[0]) > 7) return refuse();
  Ulid ulid;
  // 26 characters are 130 bits, of which the first two are zero.
  std::uint32_t pending = DigitOf(text[0]);
  unsigned pending_bits = 3;
  std::size_t at = 0;
  for (const char character : text.substr(1)) {
    const unsigned digit = DigitOf(character);
    if (digit > 31) return refuse();
    pending = pending << kBitsPerCharacter | digit;
    pending_bits += kBitsPerCharacter;
    if (pending_bits < 8) continue;
    pending_bits -= 8;
    ulid.bytes[at++] = static_cast<std::uint8_t>(pending >> pending_bits);
  }
  return ulid;
}

std::string Ulid::ToString() const {
  std::string text;
  std::uint32_t pending = 0;
  unsigned pending_bits = 2;  // the two zero bits in front
  for (const std::uint8_t byte : bytes) {
    pending = pending << 8 | byte;
    pending_bits += 8;
    while (pending_bits >= kBitsPerCharacter) {
      pending_bits -= kBitsPerCharacter;
      text += kAlphabet[pending >> pending_bits & 31];
    }
  }
  return text;
}

std::int64_t Ulid::time_ms() const {
  std::int64_t time_ms = 0;
  for (std::size_t i = 0; i < 6; ++i) time_ms = time_ms << 8 | bytes[i];
  return time_ms;
}

}  // namespace baro::tsdb
