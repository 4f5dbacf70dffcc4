// In which format and with which names /federate answers.
//
// Source   RFC 9110, 12.5.1; Prometheus, docs/instrumenting/content_negotiation.md and escaping_schemes.md.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/names.h"

namespace baro::server {

struct FederationFormat {
  enum class Encoding : std::uint8_t { kText, kProtobuf };
  Encoding encoding = Encoding::kText;
  /// For names that not every reader takes.
  model::EscapingScheme escaping = model::EscapingScheme::kUnderscores;

  friend bool operator==(const FederationFormat&, const FederationFormat&) = default;
};

/// What the Accept header asks for: of text 0.0.4 and delimited Protobuf the one that it prefers, text if it names
/// neither; the escaping scheme of the entry that is served or of one before it, for Protobuf also of one behind it;
/// underscores if there is none.
FederationFormat NegotiateFederation(std::string_view accept);

/// The Content-Type of an answer in the format.
std::string ContentTypeOf(const FederationFormat& format);

}  // namespace baro::server
