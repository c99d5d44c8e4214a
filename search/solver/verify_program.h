#ifndef HALFTONE_SEARCH_SOLVER_VERIFY_PROGRAM_H_
#define HALFTONE_SEARCH_SOLVER_VERIFY_PROGRAM_H_

#include <cstddef>
#include <vector>

#include "search/solver/verify_model.h"

namespace halftone {

// Minimizes a price of every choice plus a weighted sum of all pairs of a model, by dynamic
// programming over its variables, the one with the fewest neighbours first. Where that needs large
// tables, every pair counts with its least value instead: the result is then a lower bound.
// Borrows the model. Not thread-safe.
class VerifyProgram {
 public:
  explicit VerifyProgram(const VerifyModel& model);

  // Prices by [variable][choice]; weights by column. Returns the minimum, or its lower bound.
  double Minimize(const std::vector<std::vector<double>>& prices,
                  const std::vector<double>& weights);

  // After Minimize: a selection is made from the last stage to the first, and `Added` says by how
  // much the minimum grows by what the selection holds for the stage's variable, given all later
  // stages.
  size_t stages() const { return stages_.size(); }
  size_t VariableAt(size_t stage) const { return stages_[stage].variable; }
  double Added(size_t stage, const std::vector<size_t>& selection) const;
  // The selection that takes the least added at every stage: a minimum, if pairs are exact.
  std::vector<size_t> Least() const;

 private:
  struct Stage {
    size_t variable = 0;
    std::vector<size_t> scope;   // variables of later stages that the table is over
    std::vector<size_t> pairs;   // minimized here
    std::vector<size_t> inputs;  // stages whose tables are minimized here
    std::vector<double> table;
  };

  void Plan();
  void PlanWithoutPairs();
  size_t Choices(size_t variable) const { return model_.variables[variable].choices.size(); }
  size_t Entry(const Stage& stage, const std::vector<size_t>& selection) const;
  double Price(const Stage& stage, const std::vector<size_t>& selection) const;
  double PairPrice(size_t pair, const std::vector<size_t>& selection) const;
  void Fill(Stage& stage);

  const VerifyModel& model_;
  bool exact_ = true;
  std::vector<Stage> stages_;
  std::vector<size_t> stage_of_;                 // of each variable
  std::vector<std::vector<double>> pair_price_;  // [pair][choice of a, choice of b]
  std::vector<double> least_pair_;               // [pair]
  std::vector<std::vector<size_t>> pairs_of_;    // [variable]
  const std::vector<std::vector<double>>* prices_ = nullptr;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_VERIFY_PROGRAM_H_
