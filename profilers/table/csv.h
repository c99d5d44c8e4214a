#ifndef HALFTONE_PROFILERS_TABLE_CSV_H_
#define HALFTONE_PROFILERS_TABLE_CSV_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// A record of a CSV file, and the number of the line that it begins on, from 1.
struct CsvRecord {
  size_t line = 0;
  std::vector<std::string> fields;
};

// Comma-separated values as of RFC 4180: fields in double quotes may hold commas, line breaks and
// doubled quotes; lines end in CR LF or LF. A byte order mark is skipped, and so are empty lines.
// Every record must have as many fields as the first. INVALID_ARGUMENT names the line.
absl::StatusOr<std::vector<CsvRecord>> ParseCsv(absl::string_view text, size_t most_records);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_TABLE_CSV_H_
