// How a table is kept equal to a resource of an API server: a list in pages, then a watch, then another watch from
// where it ended, and a new list when the server does not know that place any more.
//
// Source   Kubernetes' documentation, "API Concepts": resource versions, efficient detection of changes, large results.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_fetcher.h"
#include "scraper/kubernetes/object_splitter.h"
#include "scraper/kubernetes/object_table.h"

namespace baro::scraper {

inline constexpr std::size_t kListPageObjects = 500;
inline constexpr std::size_t kListPagesMax = 20'000;
/// Bookmarks come every minute: a watch that is silent for longer is taken for dead.
inline constexpr std::chrono::seconds kWatchIdleMax{180};

/// What is watched, and how it is asked for.
struct ResourceQuery {
  std::string url;            ///< of the collection
  std::string selectors;      ///< parameters, each with "&" in front
  bool is_meta_only = false;  ///< the server may leave out everything but the metadata
  std::uint64_t spread = 0;   ///< a number of its own: watches should not all end at once
};

/// The protocol without its connection: says what to ask, takes the answer in pieces, and says how to go on.
///
/// Threads  Confined. Borrows the table.
class ResourceSync {
 public:
  struct Question {
    std::string url;
    std::string accept;
    bool is_watch = false;
  };

  /// How to go on after an answer.
  struct Outcome {
    std::optional<base::Error> error;    ///< nothing: it went as it should
    bool is_at_once = true;              ///< without a pause; never after an error
    bool has_listed = false;             ///< a list is complete
    std::chrono::seconds not_before{0};  ///< the server wants to be left alone for so long
  };

  ResourceSync(ResourceQuery query, ObjectTable& table) : query_(std::move(query)), table_(table) {}

  /// What is to be asked next, with Stream().
  Question Next();

  /// Takes a piece of the answer.
  /// Errors   it is of no use to read on; to be given to Finish().
  base::Result<> Feed(std::string_view piece);

  /// Ends the question. `lasted`: since it was asked.
  Outcome Finish(const base::Result<net::FetchResponse>& answer, std::chrono::nanoseconds lasted);

  /// Whether the table has changed since this was asked last.
  bool TakeNews() { return std::exchange(has_news_, false); }
  /// Events since the last call: they are counted.
  struct EventCounts {
    std::size_t added = 0;
    std::size_t modified = 0;
    std::size_t deleted = 0;
  };
  EventCounts TakeCounts() { return std::exchange(counts_, {}); }

 private:
  base::Result<> TakeItem(std::string_view object);
  base::Result<> TakeEvent(std::string_view event);
  base::Result<> Apply(std::string_view type, std::string_view object);
  base::Result<> TakeBookmark(std::string_view object);
  base::Error ReadStatus(std::string_view object);
  Outcome FinishList(const base::Result<net::FetchResponse>& answer);
  base::Result<bool> CompletePage();
  Outcome FinishWatch(const base::Result<net::FetchResponse>& answer, std::chrono::nanoseconds lasted);
  Outcome ListAnew();
  Outcome FailWatch(base::Error error, bool is_refused);

  const ResourceQuery query_;
  ObjectTable& table_;
  std::string version_;   // up to which the table is known; empty: a list is needed
  std::string continue_;  // of the list's next page
  bool is_watching_ = false;
  bool is_in_one_piece_ = false;      // the next list has no pages: the last one took too long for them
  std::size_t pages_ = 0;             // of the list
  bool is_fresh_ = false;             // no watch has worked since the list
  bool is_expired_ = false;           // an event said so
  std::size_t events_ = 0;            // of the watch
  std::uint64_t failed_watches_ = 0;  // in a row, by what was said
  std::uint64_t watches_ = 0;
  bool has_news_ = false;
  EventCounts counts_;
  std::unique_ptr<ObjectSplitter> splitter_;
};

}  // namespace baro::scraper
