#ifndef HALFTONE_SEARCH_SOLVER_VERIFY_MODEL_H_
#define HALFTONE_SEARCH_SOLVER_VERIFY_MODEL_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "search/solver/problem.h"

namespace halftone {

// A problem in numbers, for checking answers: written apart from the solver's own form, so that a
// mistake in one of them shows. Loss and costs are kept by column: 0 the loss with what the
// objective's weights add to it, k the k-th limit's metric. A plain value.
struct VerifyModel {
  struct Variable {
    std::vector<std::string> layers;          // tied
    std::vector<std::string> choices;         // names that pins and allowed sets leave
    std::vector<std::vector<double>> values;  // [choice][column], sums over the layers
    std::vector<std::vector<double>> factor;  // [choice][row]: of the interaction rows, weighted
  };
  struct Pair {
    size_t a = 0, b = 0;
    std::vector<std::vector<std::vector<double>>> values;  // [choice of a][choice of b][column]
  };

  std::vector<std::string> metrics;
  std::vector<double> limits;
  std::vector<Variable> variables;
  std::vector<Pair> pairs;
  size_t rows = 0;

  size_t columns() const { return 1 + limits.size(); }
  // Loss and costs of one choice for each variable, added up.
  std::vector<double> Totals(const std::vector<size_t>& selection) const;
};

// The problem must be sound (CheckProblem). RESOURCE_EXHAUSTED when its tables would be too large.
absl::StatusOr<VerifyModel> MakeVerifyModel(const Problem& problem);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_VERIFY_MODEL_H_
