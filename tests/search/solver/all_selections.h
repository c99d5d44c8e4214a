#ifndef HALFTONE_TESTS_SEARCH_SOLVER_ALL_SELECTIONS_H_
#define HALFTONE_TESTS_SEARCH_SOLVER_ALL_SELECTIONS_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/infinity.h"
#include "gtest/gtest.h"
#include "search/solver/compact.h"
#include "search/solver/compile.h"
#include "search/solver/problem.h"

namespace halftone {

// The solver's own form of a problem, without variables that have a single choice.
inline CompactProblem Compacted(const Problem& problem) {
  const auto compiled = CompiledProblem::Create(problem);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  const auto compact = compiled->Compact(compiled->limits());
  EXPECT_TRUE(compact.ok()) << compact.status();
  std::vector<std::vector<char>> keep;
  for (int choices : compact->choices) keep.emplace_back(static_cast<size_t>(choices), 1);
  return Reduce(*compact, keep).problem;
}

// Every selection of a small problem.
inline std::vector<Selection> AllSelections(const CompactProblem& problem) {
  std::vector<Selection> all = {{}};
  for (int choices : problem.choices) {
    std::vector<Selection> longer;
    for (const Selection& selection : all) {
      for (ChoiceIndex o = 0; o < choices; ++o) {
        longer.push_back(selection);
        longer.back().push_back(o);
      }
    }
    all = std::move(longer);
  }
  return all;
}

// Infinite where no selection is within the limits.
inline double LeastLoss(const CompactProblem& problem) {
  double least = kInfinity;
  for (const Selection& selection : AllSelections(problem)) {
    const std::vector<double> totals = problem.Evaluate(selection);
    if (problem.IsFeasible(totals)) least = std::min(least, totals[0]);
  }
  return least;
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_SEARCH_SOLVER_ALL_SELECTIONS_H_
