// Fixed-width integers without gaps between them.
//
// Format   value i stands in bits [i * width, (i + 1) * width), least significant bit and byte first.
// Threads  Pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace baro::tsdb {

inline std::size_t PackedBytes(std::size_t count, unsigned width) { return (count * width + 7) / 8; }

/// Appends PackedBytes(values.size(), width) bytes.
/// Shape    width <= 64; bits above it are left out.
void PackBits(std::span<const std::uint64_t> values, unsigned width, base::ByteBuffer& out);

/// Fills `values`.
/// Shape    width <= 64; `bytes` has at least PackedBytes(values.size(), width).
void UnpackBits(base::ByteSpan bytes, unsigned width, std::span<std::uint64_t> values);

}  // namespace baro::tsdb
