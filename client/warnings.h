#ifndef HALFTONE_CLIENT_WARNINGS_H_
#define HALFTONE_CLIENT_WARNINGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/json_values.h"
#include "nlohmann/json.hpp"

namespace halftone {

// A line for each.
inline std::string WarningLines(const std::vector<std::string>& warnings) {
  std::string text;
  for (const std::string& warning : warnings) absl::StrAppend(&text, "warning: ", warning, "\n");
  return text;
}

// Those of a document.
inline std::vector<std::string> WarningsOf(const nlohmann::json& document) {
  std::vector<std::string> warnings;
  for (const nlohmann::json& warning : ListIn(document, "warnings")) {
    if (warning.is_string()) warnings.push_back(warning.get<std::string>());
  }
  return warnings;
}

// Warnings of a table's rows, to be printed below it: one line for all rows that say the same.
class Warnings {
 public:
  // Nothing is kept of an empty `warning`.
  void Add(const std::string& row, const std::string& warning) {
    if (!warning.empty()) rows_[warning].push_back(row);
  }

  std::string Render() const {
    std::string text;
    for (const auto& [warning, rows] : rows_) {
      absl::StrAppend(&text, "warning: ", rows.front());
      if (rows.size() > 1) absl::StrAppend(&text, " and ", rows.size() - 1, " more");
      absl::StrAppend(&text, ": ", warning, "\n");
    }
    return text;
  }

 private:
  std::map<std::string, std::vector<std::string>> rows_;  // by warning
};

}  // namespace halftone

#endif  // HALFTONE_CLIENT_WARNINGS_H_
