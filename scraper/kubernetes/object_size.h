// How much memory kept objects take.
#pragma once

#include <cstddef>

#include "scraper/kubernetes/objects.h"

namespace baro::scraper {

/// Bytes of an object with all that it points to, about.
std::size_t SizeBytes(const NamespaceObject& name_space);
std::size_t SizeBytes(const OwnedObject& owned);
std::size_t SizeBytes(const NodeObject& node);
std::size_t SizeBytes(const PodObject& pod);
std::size_t SizeBytes(const ServiceObject& service);
std::size_t SizeBytes(const EndpointsObject& endpoints);
std::size_t SizeBytes(const EndpointSliceObject& slice);
std::size_t SizeBytes(const IngressObject& ingress);

}  // namespace baro::scraper
