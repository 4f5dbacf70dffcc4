// The objects of one resource, as a list and the events behind it tell.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/result.h"
#include "scraper/kubernetes/object_size.h"
#include "scraper/kubernetes/parse_object.h"

namespace baro::scraper {

/// Of all objects that one discovery keeps.
inline constexpr std::size_t kKeptBytesMax = 512 * 1024 * 1024;

/// What the tables of a discovery share.
struct StoreBudget {
  std::size_t bytes_max = kKeptBytesMax;
  std::size_t bytes = 0;
};

/// Threads  Confined.
class ObjectTable {
 public:
  struct Applied {
    std::string version;   ///< the object's resourceVersion
    bool is_news = false;  ///< it changed something that is kept
  };

  virtual ~ObjectTable() = default;

  /// Adds an object, or takes the place of the one of that name.
  /// Errors   of ParseObject(); kLimitExceeded: the budget is spent.
  virtual base::Result<Applied> Put(std::string_view object) = 0;
  /// An object that is not there is no error.
  virtual base::Result<Applied> Remove(std::string_view object) = 0;

  /// All that is there is put between these two; what is not, is gone then.
  virtual void BeginList() = 0;
  /// Returns whether that is news: something went, or it is the first list.
  virtual bool EndList() = 0;

  /// Whether there has been a whole list: before, nothing can be said about what is not in the table.
  bool is_listed() const { return is_listed_; }

 protected:
  bool is_listed_ = false;
};

/// "namespace/name", or the name of what belongs to the cluster.
inline std::string KeyOf(std::string_view name_space, std::string_view name) {
  return name_space.empty() ? std::string(name) : fmt::format("{}/{}", name_space, name);
}

/// Borrows the budget.
template <typename Object>
class TableOf : public ObjectTable {
 public:
  explicit TableOf(StoreBudget& budget) : budget_(budget) {}
  ~TableOf() override {
    for (const auto& [key, entry] : entries_) Release(key, entry.object);
  }
  TableOf(const TableOf&) = delete;
  TableOf& operator=(const TableOf&) = delete;

  base::Result<Applied> Put(std::string_view text) override {
    ParsedObject<Object> parsed = BARO_TRY(ParseObject<Object>(text));
    std::string key = KeyOf(parsed.object.meta.name_space, parsed.object.meta.name);
    const auto found = entries_.find(key);
    if (found != entries_.end()) found->second.round = round_;
    const bool is_same = found != entries_.end() && found->second.object == parsed.object;
    if (!is_same) {
      if (found != entries_.end()) Release(key, found->second.object);
      const std::size_t bytes = key.size() + SizeBytes(parsed.object);
      if (bytes > budget_.bytes_max - budget_.bytes) return Refuse(found);
      budget_.bytes += bytes;
      entries_.insert_or_assign(std::move(key), Entry{.object = std::move(parsed.object), .round = round_});
    }
    return Applied{.version = std::move(parsed.version), .is_news = !is_same};
  }

  base::Result<Applied> Remove(std::string_view text) override {
    ParsedObject<Object> parsed = BARO_TRY(ParseObject<Object>(text));
    const auto found = entries_.find(KeyOf(parsed.object.meta.name_space, parsed.object.meta.name));
    const bool is_there = found != entries_.end();
    if (is_there) {
      Release(found->first, found->second.object);
      entries_.erase(found);
    }
    return Applied{.version = std::move(parsed.version), .is_news = is_there};
  }

  void BeginList() override { ++round_; }

  bool EndList() override {
    const bool is_first = !std::exchange(is_listed_, true);  // that there is nothing is news, too
    const auto gone = std::erase_if(entries_, [&](const auto& entry) {
      if (entry.second.round == round_) return false;
      Release(entry.first, entry.second.object);
      return true;
    });
    return is_first || gone > 0;
  }

  /// null: there is none.
  const Object* Find(std::string_view key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second.object;
  }

  /// Calls `each(object)`, in the order of their keys.
  template <typename Each>
  void ForEach(Each&& each) const {
    for (const auto& [key, entry] : entries_) each(entry.object);
  }

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Object object;
    std::uint64_t round = 0;  // of the list in which it stood last
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  void Release(const std::string& key, const Object& object) { budget_.bytes -= key.size() + SizeBytes(object); }

  /// The old object, if there was one, goes: its budget was given back already.
  base::Result<Applied> Refuse(typename Entries::iterator old) {
    if (old != entries_.end()) entries_.erase(old);
    return base::Fail(base::Code::kLimitExceeded,
                      fmt::format("objects that are kept have more than {} bytes: narrow the namespaces or selectors",
                                  budget_.bytes_max));
  }

  StoreBudget& budget_;
  Entries entries_;
  std::uint64_t round_ = 0;
};

}  // namespace baro::scraper
