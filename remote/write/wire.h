// Protobuf's wire format, under the names that this module uses.
#pragma once

#include "base/protobuf_wire.h"

namespace baro::remote {

using base::WireReader;
using base::WireTag;
using base::WireType;

}  // namespace baro::remote
