#include "search/solver/solve_memory.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/heap_memory.h"
#include "base/memory_budget.h"
#include "search/solver/front_bound.h"
#include "search/solver/limit_shifts.h"

namespace halftone {
namespace {

constexpr double kNumber = sizeof(double);
// A vector in another, but for its numbers.
constexpr double kList = sizeof(std::vector<double>) + kAllocationBytes;
// The losses, two convex forms, the inverse of one, and one that is being factored.
constexpr double kMatrices = 5;
// The problem as it was compiled, what is left of it, and what that is being reduced to.
constexpr double kProblems = 3;
// Beside the bounds: tables of the multipliers that are tried, and the least sums given a choice.
constexpr double kPassing = 2;
// Points near the hull between two looks at which of them count.
constexpr double kNeighbours = 2 * FrontBound::kMostNeighbours;

double ProblemBytes(const CompactProblem& problem) {
  double bytes = 0;
  for (const std::vector<double>& values : problem.values) {
    bytes += kList + kNumber * static_cast<double>(values.size());
  }
  for (const CompactPair& pair : problem.pairs) {
    bytes += kNumber + kList + kNumber * static_cast<double>(pair.values.size());
  }
  return bytes;
}

// Of Elimination::Tables: the prices of pairs for one vector of weights.
double PricesBytes(const CompactProblem& problem) {
  double bytes = 0;
  for (const CompactPair& pair : problem.pairs) {
    bytes += kList + kNumber * static_cast<double>(pair.values.size()) / problem.components;
  }
  return bytes;
}

double TablesBytes(const CompactProblem& problem, const Elimination& elimination) {
  double bytes = PricesBytes(problem);
  for (const Elimination::Bucket& bucket : elimination.buckets()) {
    bytes += kList + kNumber * static_cast<double>(bucket.entries);
  }
  return bytes;
}

// Of the largest plan: its tables are of kMinTable entries at most, or its terms, two for each
// entry at least, are kMaxWork at most. Buckets are about as many as variables and pairs.
double MostTablesBytes(const CompactProblem& problem) {
  const auto buckets = static_cast<double>(problem.choices.size() + problem.pairs.size());
  return PricesBytes(problem) + buckets * (kList + kNumber * Elimination::kMinTable) +
         kNumber * Elimination::kMaxWork / 2;
}

// Vectors of weights that bound at once: see ExactSolver::Bound.
double BoundsOf(size_t limits, bool has_pairs) {
  const auto count = static_cast<double>(limits);
  if (limits == 0) return 1;
  if (limits == 1) return 1 + 1 + 4;
  const auto shifted = has_pairs ? 0 : LimitShifts(limits, /*thorough=*/true).size();
  return 1 + 1 + count + 4 * (1 + count) + static_cast<double>(shifted);
}

// Without pairs, each bound also has its completions: of each variable a choice, what the later
// ones add, and by how much any other is dearer.
double CompletionBytes(const CompactProblem& problem) {
  if (!problem.pairs.empty()) return 0;
  return (sizeof(uint16_t) + kNumber * (1 + problem.components)) *
         static_cast<double>(problem.choices.size());
}

double BytesWith(double tables, const CompactProblem& problem, bool is_exact, bool has_frontier) {
  const double problems = kProblems * ProblemBytes(problem);
  const size_t limits = problem.limit.size();
  const bool has_pairs = !problem.pairs.empty();
  const double completions = CompletionBytes(problem);
  double most =
      (BoundsOf(limits, has_pairs) + kPassing) * tables + BoundsOf(limits, has_pairs) * completions;
  if (has_frontier && is_exact && (has_pairs || limits > 0)) {
    const double selection = kList + sizeof(int) * static_cast<double>(problem.choices.size());
    most = std::max(most, (FrontBound::kMostWeights + static_cast<double>(limits)) * tables +
                              kNeighbours * (2 * kNumber + selection));
  } else if (has_frontier) {
    most = std::max(most, (BoundsOf(limits + 1, has_pairs) + kPassing) * tables +
                              BoundsOf(limits + 1, has_pairs) * completions) +
           ProblemBytes(problem);
  }
  return problems + most;
}

}  // namespace

double CrossSolvingBytes(size_t columns, size_t rows, bool has_frontier) {
  const auto count = static_cast<double>(columns);
  const double matrix = kNumber * count * count;
  // Each column of the rows, and weighted.
  const double tabulated = matrix + 2 * kNumber * count * static_cast<double>(rows);
  // A frontier has a matrix of its own.
  return std::max(kMatrices * matrix, tabulated) + (has_frontier ? matrix : 0);
}

double PairSolvingBytes(const CompactProblem& problem, const Elimination& elimination,
                        bool has_frontier) {
  return BytesWith(TablesBytes(problem, elimination), problem, elimination.exact(), has_frontier);
}

absl::Status CheckPairSolvingMemory(const CompactProblem& problem, size_t held, bool has_frontier) {
  const double limit = MemoryBudget::LimitBytes(), before = static_cast<double>(held);
  // What is small is not worth a plan.
  const double most = MostTablesBytes(problem);
  if (before + std::max(BytesWith(most, problem, /*is_exact=*/true, has_frontier),
                        BytesWith(most, problem, /*is_exact=*/false, has_frontier)) <=
      limit) {
    return absl::OkStatus();
  }
  const Elimination elimination = Elimination::Plan(problem);
  const auto bytes = [&](bool frontier) {
    return before + PairSolvingBytes(problem, elimination, frontier);
  };
  return CheckMemory("solving a problem of this size", bytes(has_frontier),
                     has_frontier && bytes(false) <= limit
                         ? "it would fit without a frontier, or with fewer choices"
                         : "it would fit with fewer choices or fewer pairs");
}

}  // namespace halftone
