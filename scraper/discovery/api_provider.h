// A discovery that asks an HTTP API, as a table: which calls to make, and which labels their answers give.
//
// A new provider is a table in scraper/providers/ and its line in AllApiProviders(). What a row cannot say (joins, one
// target for each port, signatures) is a function of the table.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "net/http_fetcher.h"
#include "scraper/discovery/environment.h"
#include "scraper/discovery/target_list.h"
#include "scraper/discovery_options.h"

namespace baro::scraper {

/// What was answered so far in a refresh, by the names of calls.
class ApiAnswers {
 public:
  /// The items of all answers of that call, in their order. A loan until the next Add().
  std::span<const Json> Of(std::string_view call) const;
  void Add(std::string_view call, std::span<const Json> items);
  void Add(std::string_view call, std::vector<Json> items);

 private:
  std::map<std::string, std::vector<Json>, std::less<>> items_;
};

/// What functions of a table may look at.
struct ApiScope {
  const DiscoveryRecord& record;
  const ApiAnswers& answers;
  const Json* item = nullptr;  ///< what a call is made for; null if it is made once
  base::FileSystem& files;
  const base::Clock& clock;
  const Environment& environment;

  /// A secret's text, from its file if it has one.
  /// Errors   as reading the file.
  base::Result<std::string> Secret(std::string_view field) const;
  /// "80" of the field `port`.
  std::string Port() const;
  /// Of the process's environment; "" if it is not set.
  std::string Variable(const std::string& name) const { return environment ? environment(name) : ""; }
  /// The text at a path of the first item of an earlier call, without space around it; "" if there is none.
  std::string Answer(std::string_view call, std::string_view path) const;
};

/// How an answer tells that there is more.
enum class Paging : std::uint8_t {
  kNone,
  kLink,     ///< `next` is the URL of the next page, of the same origin
  kCursor,   ///< `next` is a value for the parameter `parameter`
  kHeader,   ///< the same, but `next` names a header of the answer
  kPages,    ///< `next` is the number of pages; the parameter is the page's, from 1 on
  kRelLink,  ///< of the list `next` of {"rel", "href"}, that with rel "next" has the next page's query
  kFull,     ///< the parameter is the page's number, from 1 on; a page of fewer than `page_items` items is the last
};

/// What an answer is.
enum class AnswerForm : std::uint8_t {
  kJson,
  kXml,   ///< see xml_answer.h
  kText,  ///< an object with the text as "text"
};

/// What of the options for HTTP a call is made with.
enum class Route : std::uint8_t {
  kApi,      ///< all
  kLogin,    ///< TLS and proxies: what the options say to the API is not for those who give keys and tokens
  kMachine,  ///< nothing: to the machine's own service, which a proxy would answer with its own machine's
};

/// A parameter of a call's query. One whose value is empty is left out.
struct ApiParameter {
  std::string_view name;
  std::string_view value;  ///< a template, see ApiCall::path
};

struct ApiCall {
  std::string_view name;
  /// What stands behind the base URL. A template: "{field}" is a value of the record, "{item.path}" one of the item
  /// that the call is made for, "{call.path}" one of the first item of an earlier call.
  std::string_view path;
  std::span<const ApiParameter> parameters;
  std::string_view items;     ///< path of the list in the answer; "": the answer itself
  std::string_view inner;     ///< path of a list in each of these: its elements are the items
  std::string_view for_each;  ///< the call is made for each item of that earlier call
  Paging paging = Paging::kNone;
  std::string_view next;
  std::string_view parameter;
  std::size_t page_items = 0;
  net::Method method = net::Method::kGet;
  AnswerForm form = AnswerForm::kJson;
  Route route = Route::kApi;
  std::string_view header;      ///< this header of the answer is put into its document, an object, as "header"
  bool is_optional = false;     ///< if it fails, it has no items, and the refresh goes on
  bool may_be_missing = false;  ///< the same, but only for HTTP status 404
  int missing_status = 404;     ///< and this one, where a service has another word for it
  /// Of a call with `for_each`: its items are {"round": index of the item that it was made for, "value": item}.
  bool tells_round = false;
  /// It carries a password or a key that is more than a token: where it is redirected to does not get it, but an error.
  bool is_secret = false;
  /// False: the call is left out. Null: it is made.
  bool (*is_wanted)(const ApiScope& scope) = nullptr;
  /// What a table cannot say of a request: headers, bodies, signatures.
  base::Result<> (*prepare)(const ApiScope& scope, net::FetchRequest& request) = nullptr;
  /// The base URL of this call, if it is not the provider's; without "/" at its end.
  base::Result<std::string> (*base)(const ApiScope& scope) = nullptr;
  /// Nothing is asked: these are the items, made of options and earlier answers. For calls that are made for a part of
  /// a list, or for several of its elements at once. What is not as expected is told to `reader` and ends the refresh.
  std::vector<Json> (*derive)(const ApiScope& scope, TargetList& reader) = nullptr;
};

struct ApiOrigin {
  std::string url;          ///< what paths are put behind; without "/" at its end
  std::string unix_socket;  ///< path, or empty
};

struct ApiProvider {
  std::string_view kind;
  std::string_view role;   ///< the value of the field `role`; "": the kind has none, or this is for all
  std::string_view group;  ///< the source of its target group
  std::string_view base;   ///< template of the base URL, whose values are not encoded; "": see `origin`
  base::Result<ApiOrigin> (*origin)(const DiscoveryRecord& record) = nullptr;
  bool takes_environment_proxy = false;  ///< HTTPS_PROXY and its kin: of kinds whose options have no proxy
  /// Calls that find keys or a token, which several tables share; they are made first.
  std::span<const ApiCall> (*login)() = nullptr;
  std::span<const ApiCall> calls;
  /// The usual case: each item of the last call is a target with these labels, at that host and the field `port`.
  std::span<const LabelRow> labels;
  std::string_view host;  ///< path in the item
  /// Another case. Makes all targets.
  void (*targets)(const ApiScope& scope, TargetList& list) = nullptr;
};

/// All tables, in any order.
std::vector<const ApiProvider*> AllApiProviders();

}  // namespace baro::scraper
