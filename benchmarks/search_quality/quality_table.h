#ifndef HALFTONE_BENCHMARKS_SEARCH_QUALITY_QUALITY_TABLE_H_
#define HALFTONE_BENCHMARKS_SEARCH_QUALITY_QUALITY_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json_fwd.hpp"

namespace halftone {

// Divergences on held-out data: a row for a network and a budget, a column for a strategy.
struct QualityRow {
  std::string network, budget;
  std::vector<std::optional<double>> divergences;  // none where a strategy has no answer
  // Of what a strategy's divergence is over that of the last one, on the same samples.
  std::vector<double> standard_errors;
};
struct QualityTable {
  std::vector<std::string> strategies;
  std::vector<QualityRow> rows;
};

// The table, the lowest of each row in bold, how far the last strategy is over the lowest of the
// others, with the standard error of that on the held-out samples, and for each strategy: its
// geometric mean over the rows that all strategies answer, in how many rows it is lowest or within
// 5 % of the lowest, and how far above it is at most.
std::string ToMarkdown(const QualityTable& table);
nlohmann::json ToJson(const QualityTable& table);
// A panel per network: divergence, logarithmic, against the rows; a line per strategy.
std::string ToSvg(const QualityTable& table);

}  // namespace halftone

#endif  // HALFTONE_BENCHMARKS_SEARCH_QUALITY_QUALITY_TABLE_H_
