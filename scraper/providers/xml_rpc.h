// Calls by XML-RPC.
//
// Source   http://xmlrpc.com/spec.md
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "scraper/discovery/target_list.h"

namespace baro::scraper {

/// The body of a call. Parameters are texts, whole numbers, and lists of these.
std::string XmlRpcCall(std::string_view method, std::span<const Json> parameters);

/// The value that was returned, from the answer as xml_answer.h makes it: objects of structs, lists of arrays, truth
/// values of booleans, and texts of all else.
/// Errors   kIo: a fault, with its text. kInvalidArgument: no answer of XML-RPC.
base::Result<Json> ReadXmlRpcAnswer(const Json& document);

}  // namespace baro::scraper
