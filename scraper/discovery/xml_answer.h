// XML that somebody else sent, as the JSON that it would be.
#pragma once

#include <string_view>

#include "base/result.h"
#include "scraper/discovery/target_list.h"

namespace baro::scraper {

/// The document's root element: an object with its child elements by their names and its attributes by theirs behind an
/// "@", namespaces left out;
/// elements of one name are a list; an element with neither is its text, and "#text" is the text beside attributes.
/// Errors   kInvalidArgument: not XML, with the offset. kLimitExceeded: too long, too deep, too many elements and
///          attributes.
base::Result<Json> ParseXmlAnswer(std::string_view text);

/// No fewer than the elements and attributes of a document.
std::size_t CountXmlValues(std::string_view text);

}  // namespace baro::scraper
