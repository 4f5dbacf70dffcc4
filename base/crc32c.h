// CRC-32C (Castagnoli), the checksum of everything on disk.
//
// Source   RFC 3720, appendix B.4; the polynomial 0x1EDC6F41, reflected 0x82F63B78. SSE4.2 where the CPU has it.
// Threads  Pure functions.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace baro::base {

/// The checksum of `bytes`; `seed` is the checksum of what came before them, so that pieces can be added.
std::uint32_t Crc32c(ByteSpan bytes, std::uint32_t seed = 0);

/// The same by a table alone: the reference that the fast one is tested against.
std::uint32_t Crc32cPortable(ByteSpan bytes, std::uint32_t seed = 0);

}  // namespace baro::base
