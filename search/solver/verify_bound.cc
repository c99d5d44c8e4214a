#include "search/solver/verify_bound.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/infinity.h"
#include "base/status_macros.h"
#include "search/solver/compile.h"
#include "search/solver/convexify.h"
#include "search/solver/relaxation.h"
#include "search/solver/solver.h"
#include "search/solver/stop.h"
#include "search/solver/verify_dual.h"
#include "search/solver/verify_model.h"
#include "search/solver/verify_program.h"
#include "search/solver/verify_quadratic.h"

namespace halftone {
namespace {

// What sums may round to, relative to their size, in comparisons of losses and with limits.
constexpr double kLossRounding = 1e-9;
constexpr double kLimitRounding = 1e-12;
// Of the search for blocks that are suggested.
constexpr int kImprovements = 15;
constexpr int kRelaxationRounds = 20;
// Share of the columns that must go for another form to be worth its while.
constexpr double kWorthNarrowing = 0.9;
constexpr size_t kStepsBetweenChecks = 65'536;

// Looks at every selection within the limits whose bound is below a cutoff.
class Enumeration {
 public:
  enum class End { kComplete, kFound, kNoEffortLeft };

  Enumeration(const VerifyModel& model, const VerifyProgram& program, double max_steps)
      : model_(model),
        program_(program),
        max_steps_(max_steps),
        selection_(model.variables.size(), 0),
        stage_of_(model.variables.size()),
        pairs_of_(model.variables.size()) {
    for (size_t s = 0; s < program.stages(); ++s) stage_of_[program.VariableAt(s)] = s;
    for (const VerifyModel::Pair& pair : model.pairs) {
      pairs_of_[pair.a].push_back(&pair);
      pairs_of_[pair.b].push_back(&pair);
      least_pair_[&pair] = Least(pair);
    }
    for (const VerifyModel::Variable& variable : model.variables) {
      least_.push_back(Least({variable.values}));
    }
  }

  // `bound` is the program's, `cutoff` what it must reach, `loss` what a selection must be below to
  // be found.
  absl::StatusOr<End> Run(double bound, double cutoff, double loss,
                          const Cancellation& cancellation) {
    const size_t depths = model_.variables.size();
    std::vector<size_t> next(depths + 1, 0);
    std::vector<double> bounds(depths + 1, bound);
    std::vector<std::vector<double>> costs(depths + 1, LeastTotals());
    size_t steps = 0, depth = 0;
    while (true) {
      if (depth == depths && Totals()[0] < loss) return End::kFound;
      const size_t v = depth == depths ? 0 : program_.VariableAt(depths - 1 - depth);
      if (depth == depths || next[depth] == model_.variables[v].choices.size()) {
        if (depth == 0) return End::kComplete;
        --depth;
        continue;
      }
      if (++steps % kStepsBetweenChecks == 0) HT_RETURN_IF_ERROR(cancellation.Check());
      if (static_cast<double>(steps) > max_steps_) return End::kNoEffortLeft;
      selection_[v] = next[depth]++;
      const size_t stage = depths - 1 - depth;
      const double value = bounds[depth] + program_.Added(stage, selection_);
      if (value >= cutoff) continue;
      costs[depth + 1] = costs[depth];
      Replace(v, costs[depth + 1]);
      if (!Fits(costs[depth + 1])) continue;
      bounds[++depth] = value;
      if (depth < depths) next[depth] = 0;
    }
  }

  std::vector<double> Totals() const { return model_.Totals(selection_); }

 private:
  // The least of each column.
  std::vector<double> Least(const std::vector<std::vector<std::vector<double>>>& table) const {
    std::vector<double> least(model_.columns(), kInfinity);
    for (const auto& row : table) {
      for (const std::vector<double>& values : row) {
        for (size_t c = 0; c < least.size(); ++c) least[c] = std::min(least[c], values[c]);
      }
    }
    return least;
  }
  std::vector<double> Least(const VerifyModel::Pair& pair) const { return Least(pair.values); }

  std::vector<double> LeastTotals() const {
    std::vector<double> totals(model_.columns(), 0.0);
    for (const std::vector<double>& least : least_) Add(totals, least, 1);
    for (const auto& [pair, least] : least_pair_) Add(totals, least, 1);
    return totals;
  }

  static void Add(std::vector<double>& sums, const std::vector<double>& values, double sign) {
    for (size_t c = 0; c < sums.size(); ++c) sums[c] += sign * values[c];
  }

  // Puts a selected choice, and its pairs with what was selected before, for their least.
  void Replace(size_t v, std::vector<double>& totals) const {
    Add(totals, model_.variables[v].values[selection_[v]], 1);
    Add(totals, least_[v], -1);
    for (const VerifyModel::Pair* pair : pairs_of_[v]) {
      const size_t other = pair->a == v ? pair->b : pair->a;
      if (stage_of_[other] < stage_of_[v]) continue;
      Add(totals, pair->values[selection_[pair->a]][selection_[pair->b]], 1);
      Add(totals, least_pair_.at(pair), -1);
    }
  }

  bool Fits(const std::vector<double>& totals) const {
    for (size_t k = 0; k < model_.limits.size(); ++k) {
      const double limit = model_.limits[k];
      if (totals[k + 1] > limit + kLimitRounding * std::abs(limit)) return false;
    }
    return true;
  }

  const VerifyModel& model_;
  const VerifyProgram& program_;
  double max_steps_;
  std::vector<size_t> selection_;
  std::vector<size_t> stage_of_;
  std::vector<std::vector<const VerifyModel::Pair*>> pairs_of_;
  std::vector<std::vector<double>> least_;  // [variable][column]
  std::map<const VerifyModel::Pair*, std::vector<double>> least_pair_;
};

// What rounding of what is minimized is relative to.
double ScaleOf(const Problem& problem, const Solution& solution) {
  double scale = std::max(std::abs(solution.loss), std::abs(solution.AsPoint().Minimized()));
  for (const Problem::Layer& layer : problem.layers) {
    for (const Problem::Choice& choice : layer.choices) {
      const auto chosen = solution.assignment.find(layer.name);
      if (chosen != solution.assignment.end() && chosen->second == choice.name) {
        scale = std::max(scale, std::abs(choice.loss));
      }
    }
  }
  for (const auto& [metric, weight] : problem.objective_weights) {
    const auto cost = solution.cost.find(metric);
    if (cost != solution.cost.end()) scale = std::max(scale, weight * std::abs(cost->second));
  }
  return scale;
}

absl::StatusOr<Verification> VerifyInfeasible(const VerifyModel& model,
                                              const Cancellation& cancellation,
                                              const VerifyOptions& options) {
  VerifyDual dual(model);
  dual.MaximizeExcess(cancellation);
  HT_RETURN_IF_ERROR(cancellation.Check());
  if (dual.bound() > kLimitRounding) return Verification{true, 0};
  Enumeration enumeration(model, dual.AtBest(), options.max_steps);
  HT_ASSIGN_OR_RETURN(const Enumeration::End end,
                      enumeration.Run(dual.bound(), kInfinity, kInfinity, cancellation));
  if (end == Enumeration::End::kFound) {
    return absl::InternalError("infeasible, but an assignment keeps all budgets");
  }
  return Verification{end == Enumeration::End::kComplete, 0};
}

double Selections(const VerifyModel& model) {
  double count = 1;
  for (const VerifyModel::Variable& variable : model.variables) {
    count *= static_cast<double>(variable.choices.size());
  }
  return count;
}

// Blocks that make the loss a convex form with a large minimum, found as the solver finds them:
// only a suggestion, which proves nothing by itself. Empty where few variables interact.
std::vector<std::vector<double>> SuggestBlocks(const Problem& problem,
                                               const Cancellation& cancellation) {
  const auto compiled = CompiledProblem::Create(problem);
  if (!compiled.ok()) return {};
  const auto compact = compiled->Compact(compiled->limits());
  if (!compact.ok() || compact->cross == nullptr) return {};
  const std::vector<size_t>& first = compact->cross->first;
  const std::vector<char> all(compact->cross->columns(), 1);
  Stop stop(cancellation, SteadyTime::InfiniteFuture());
  Convexifier convexifier(*compact);
  ConvexForm form;
  if (!convexifier.Take(form, stop)) return {};
  Relaxation::Point point = Relaxation(*compact, form).Start(all);
  for (int i = 0; i < kImprovements; ++i) {
    Relaxation(*compact, form).Minimize(all, kInfinity, 0, kRelaxationRounds, stop, point);
    if (!convexifier.Improve(point.x, stop)) break;
    if (!convexifier.Take(form, stop)) return {};
  }
  std::vector<std::vector<double>> blocks(first.size() - 1);
  for (size_t v = 0; v < blocks.size(); ++v) {
    for (size_t c = first[v]; c < first[v + 1]; ++c) {
      const double* row = form.Row(c);
      blocks[v].insert(blocks[v].end(), row + first[v], row + first[v + 1]);
    }
  }
  return blocks;
}

absl::Status Refuted(const Solution& solution, double value) {
  return absl::InternalError(absl::StrCat("the lower bound is ", solution.AsPoint().Bound(),
                                          ", but an assignment within the budgets has ",
                                          solution.objective ? "objective " : "loss ", value));
}

// Leaves a problem's layers the choices whose columns are allowed. False when a layer has none
// left.
bool Narrow(const VerifyModel& model, const std::vector<char>& allowed, Problem& problem) {
  size_t column = 0;
  for (const VerifyModel::Variable& variable : model.variables) {
    std::vector<std::string> left;
    for (const std::string& choice : variable.choices) {
      if (allowed[column++]) left.push_back(choice);
    }
    if (left.empty()) return false;
    for (const std::string& layer : variable.layers) problem.allowed[layer] = left;
  }
  return true;
}

// What the convex form of a loss between all layers says of a target.
struct Closed {
  bool is_convex = false;  // else nothing is known
  double bound = -kInfinity;
  std::optional<double> better;  // a loss below the target that was found
};

// Choices that no loss below the target contains are left out, and the form is made anew without
// them, as long as that removes many; what remains is split into parts.
absl::StatusOr<Closed> CloseByParts(Problem problem, double target,
                                    const Cancellation& cancellation,
                                    const VerifyOptions& options) {
  while (true) {
    HT_ASSIGN_OR_RETURN(const VerifyModel model, MakeVerifyModel(problem));
    VerifyQuadratic quadratic(model, SuggestBlocks(problem, cancellation));
    if (!quadratic.is_convex()) return Closed();
    if (quadratic.Start(target)) return Closed{true, target, std::nullopt};
    HT_RETURN_IF_ERROR(cancellation.Check());
    const std::vector<char>& allowed = quadratic.allowed();
    const auto left = std::count(allowed.begin(), allowed.end(), 1);
    if (static_cast<double>(left) < kWorthNarrowing * static_cast<double>(allowed.size())) {
      if (!Narrow(model, allowed, problem)) return Closed{true, target, std::nullopt};
      continue;
    }
    const VerifyQuadratic::End end = quadratic.Prove(target, options.max_parts, cancellation);
    HT_RETURN_IF_ERROR(cancellation.Check());
    if (end == VerifyQuadratic::End::kFound) {
      return Closed{true, quadratic.bound(), model.Totals(quadratic.found())[0]};
    }
    return Closed{true, end == VerifyQuadratic::End::kProven ? target : quadratic.bound(),
                  std::nullopt};
  }
}

absl::StatusOr<Verification> VerifyBound(const Problem& problem, const VerifyModel& model,
                                         const Solution& solution, double rounding,
                                         const Cancellation& cancellation,
                                         const VerifyOptions& options) {
  const double claimed = solution.AsPoint().Bound();
  const double target = claimed - rounding;
  const bool is_optimal = solution.status == Solution::Status::kOptimal;
  VerifyDual dual(model);
  dual.Maximize(target, cancellation);
  HT_RETURN_IF_ERROR(cancellation.Check());
  if (dual.bound() >= target) return Verification{is_optimal, claimed};
  double bound = dual.bound();
  if (Selections(model) > options.max_steps) {
    HT_ASSIGN_OR_RETURN(const Closed closed, CloseByParts(problem, target, cancellation, options));
    if (closed.better.has_value()) return Refuted(solution, *closed.better);
    if (closed.bound >= target) return Verification{is_optimal, claimed};
    if (closed.is_convex) return Verification{false, std::max(bound, closed.bound)};
  }
  Enumeration enumeration(model, dual.AtBest(), options.max_steps);
  HT_ASSIGN_OR_RETURN(const Enumeration::End end,
                      enumeration.Run(bound, target, target, cancellation));
  if (end == Enumeration::End::kFound) return Refuted(solution, enumeration.Totals()[0]);
  if (end == Enumeration::End::kComplete) return Verification{is_optimal, claimed};
  return Verification{false, bound};
}

}  // namespace

absl::StatusOr<Verification> VerifySolution(const Problem& problem, const Solution& solution,
                                            const Cancellation& cancellation,
                                            const VerifyOptions& options) {
  HT_RETURN_IF_ERROR(CheckSolution(problem, solution));
  HT_ASSIGN_OR_RETURN(const VerifyModel model, MakeVerifyModel(problem));
  if (solution.status == Solution::Status::kInfeasible) {
    return VerifyInfeasible(model, cancellation, options);
  }
  const double rounding = kLossRounding * ScaleOf(problem, solution);
  return VerifyBound(problem, model, solution, rounding, cancellation, options);
}

}  // namespace halftone
