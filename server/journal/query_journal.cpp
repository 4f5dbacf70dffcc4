#include "server/journal/query_journal.h"

namespace baro::server {

std::uint64_t QueryJournal::QueryBegan(const query::QueryRequest& request, const query::QueryOptions& options) {
  return active_.Begin({.began_ms = 0,  // now
                        .start_ms = request.range.start_ms,
                        .end_ms = request.range.end_ms,
                        .step_ms = request.range.step_ms,
                        .text_bytes = 0,  // all of the text
                        .client = options.origin.client_ip,
                        .text = std::string(request.text)});
}

void QueryJournal::QueryEnded(std::uint64_t number, const query::QueryRequest& request,
                              const query::QueryOptions& options, const query::QueryStats& stats,
                              const base::Error* error) {
  active_.End(number);
  // What is no query was not evaluated.
  if (error != nullptr && error->code() == base::Code::kInvalidArgument) return;
  log_.Write(request, options.origin, stats, error);
}

void LogUnfinished(const ActiveQueries& active, const base::Logger& log) {
  constexpr std::size_t kMost = 100;
  const auto& queries = active.unfinished();
  for (std::size_t i = 0; i < queries.size() && i < kMost; ++i) {
    const RunningQuery& query = queries[i];
    log.Warn("this query was running when the last process ended; it may be what ended it",
             {{"query", query.text},
              {"query_bytes", query.text_bytes},
              {"began_ms", query.began_ms},
              {"start_ms", query.start_ms},
              {"end_ms", query.end_ms},
              {"step_ms", query.step_ms},
              {"client", query.client}});
  }
  if (queries.size() > kMost) log.Warn("more queries were running", {{"count", queries.size() - kMost}});
}

}  // namespace baro::server
