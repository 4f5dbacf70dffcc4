// What is wrong with a configuration file: all of it, each with its place.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace baro::config {

/// One problem. `line` and `column` count from 1; 0 when the problem has no place (an unreadable file).
struct Diagnostic {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
  std::string field;    ///< path of the field, e.g. "scrape_configs[0].scrape_interval"; may be empty
  std::string message;  ///< what was found, what was expected

  /// "prometheus.yml:7:5: scrape_configs[0].scrape_intervall: unknown field ..."
  std::string ToString() const;

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// What a field that nobody reads is.
enum class UnknownFields : bool { kProblem, kIgnored };

/// Collects problems; past kMax only counts. Apart from them: what is right, and not there
/// yet in this version of Barograph. That makes no file wrong; a server cannot run it.
///
/// Threads  Confined.
class Diagnostics {
 public:
  static constexpr std::size_t kMax = 50;  // nobody reads more, and a hostile file could have millions

  explicit Diagnostics(std::string file, UnknownFields unknown_fields = UnknownFields::kProblem)
      : file_(std::move(file)), unknown_fields_(unknown_fields) {}

  void Add(std::size_t line, std::size_t column, std::string field, std::string message);

  /// Notes a field that is not served yet. One inside another that is noted already adds nothing.
  void AddNotServed(std::size_t line, std::size_t column, std::string field);

  /// Puts them into the order of their places.
  void Sort();

  /// Takes over the problems of another file, behind its own.
  void Append(const Diagnostics& other);

  bool empty() const { return items_.empty(); }
  const std::vector<Diagnostic>& items() const { return items_; }
  const std::vector<Diagnostic>& not_served() const { return not_served_; }
  const std::string& file() const { return file_; }
  UnknownFields unknown_fields() const { return unknown_fields_; }

  /// All problems, one per line; how many were left out when there were more than kMax.
  std::string ToString() const;

 private:
  std::string file_;
  UnknownFields unknown_fields_;
  std::vector<Diagnostic> items_;
  std::vector<Diagnostic> not_served_;
  std::size_t left_out_ = 0;
};

}  // namespace baro::config
