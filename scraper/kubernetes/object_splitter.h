// Cuts the objects out of what an API server sends, as it comes: a list of them, or the events of a watch.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace baro::scraper {

/// A server refuses objects of more than 1.5 MiB, unless its etcd was told otherwise.
inline constexpr std::size_t kObjectBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kListShellBytesMax = 64 * 1024;

/// Holds one object at most, so that a list may be of any length. Looks at brackets and strings only: whether an object
/// is valid JSON is for whoever takes it.
///
/// Threads  Confined.
class ObjectSplitter {
 public:
  enum class Form {
    kList,    ///< {"kind": …, "metadata": …, "items": [object, …]}
    kEvents,  ///< object object …
  };
  /// Takes an object, a loan. An error ends the reading.
  using Take = std::function<base::Result<>(std::string_view object)>;

  explicit ObjectSplitter(Form form) : form_(form) {}

  /// Shape    no calls after an error.
  /// Errors   of `take`; kInvalidArgument: not of that form; kLimitExceeded: an object, or what is around a list's, is
  ///          too long.
  base::Result<> Feed(std::string_view piece, const Take& take);

  /// To be asked at the end.
  /// Errors   kInvalidArgument: it ended in the middle of something.
  base::Result<> End() const;

  /// The list without its items.
  const std::string& shell() const { return shell_; }

 private:
  bool is_in_object() const { return is_in_object_; }
  /// Whether an object that begins here is one to take.
  bool MayBegin() const { return form_ == Form::kEvents ? depth_ == 0 : is_in_items_ && depth_ == 2; }
  base::Result<> Open(char c);
  base::Result<> Close();
  base::Result<> Outside(char c);
  base::Result<> Emit(std::string_view end, const Take& take);
  bool IsItemsNext() const;

  const Form form_;
  std::size_t depth_ = 0;
  bool is_in_string_ = false;
  bool is_escaped_ = false;
  bool is_in_items_ = false;
  bool is_in_object_ = false;
  std::string partial_;  // the front of an object whose end has not come
  std::string shell_;
};

}  // namespace baro::scraper
