// What is written down of queries: those that run, and those that ran.
#pragma once

#include "query/engine.h"
#include "server/journal/active_queries.h"
#include "server/journal/query_log.h"

namespace baro::server {

/// Threads  Safe to share.
/// Owns     nothing; borrows both, which outlive it.
class QueryJournal final : public query::QueryObserver {
 public:
  QueryJournal(ActiveQueries& active, QueryLog& log) : active_(active), log_(log) {}

  std::uint64_t QueryBegan(const query::QueryRequest& request, const query::QueryOptions& options) override;
  void QueryEnded(std::uint64_t number, const query::QueryRequest& request, const query::QueryOptions& options,
                  const query::QueryStats& stats, const base::Error* error) override;

 private:
  ActiveQueries& active_;
  QueryLog& log_;
};

/// Names on the log the queries that were running when the last process ended.
void LogUnfinished(const ActiveQueries& active, const base::Logger& log);

}  // namespace baro::server
