#include "search/strategies/evolve.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/strategies/nsga2.h"
#include "search/strategies/pareto_archive.h"

namespace halftone {
namespace {

constexpr char kDivergence[] = "divergence";
// Of the reference beyond the worst that the search began with.
constexpr double kMargin = 1.1;
// So many suggestions beyond the budgets in a row end the search: there is hardly another within.
constexpr int kMaxBeyond = 1000;

class EvolutionRun {
 public:
  EvolutionRun(const EvolveRequest& request, const DivergenceFunction& measure,
               const Progress& progress)
      : request_(request), measure_(measure), progress_(progress) {}

  absl::StatusOr<Evolution> Run() {
    HT_ASSIGN_OR_RETURN(const std::vector<Selection> start, Start());
    evolution_.objectives = {kDivergence};
    evolution_.objectives.insert(evolution_.objectives.end(), request_.metrics.begin(),
                                 request_.metrics.end());
    evolution_.seed = request_.seed;
    Nsga2::Options options;
    options.seed = request_.seed;
    options.violation = [this](const Selection& selection) { return ViolationOf(selection); };
    Nsga2 strategy(request_.space.compact().choices, start, options);
    for (int beyond = 0; evolution_.evaluations < request_.evaluations && beyond < kMaxBeyond;) {
      HT_RETURN_IF_ERROR(progress_.cancellation.Check());
      const std::vector<Selection> next = strategy.Ask(1);
      if (next.empty()) break;
      const double violation = ViolationOf(next.front());
      if (violation > 0) {
        strategy.Tell(next.front(), {std::vector<double>(evolution_.objectives.size()), violation});
        ++beyond;
        continue;
      }
      beyond = 0;
      HT_ASSIGN_OR_RETURN(const Merit merit, Try(next.front()));
      strategy.Tell(next.front(), merit);
      if (evolution_.evaluations == static_cast<int>(start.size())) NoteStart();
    }
    return Finish();
  }

 private:
  // The start as selections, without what is there twice or exceeds the budgets.
  absl::StatusOr<std::vector<Selection>> Start() const {
    std::vector<Selection> start;
    std::set<Selection> seen;
    const auto most = static_cast<size_t>(request_.evaluations);
    for (const Assignment& assignment : request_.start) {
      HT_ASSIGN_OR_RETURN(Selection selection, request_.space.SelectionOf(assignment));
      if (start.size() == most) break;
      if (ViolationOf(selection) <= 0 && seen.insert(selection).second) {
        start.push_back(std::move(selection));
      }
    }
    if (!start.empty()) return start;
    return absl::InvalidArgumentError("an evolution begins with nothing within the budgets");
  }

  double ViolationOf(const Selection& selection) const {
    const CompactProblem& compact = request_.space.compact();
    const std::vector<double> totals = compact.Evaluate(selection);
    if (!compact.IsFeasible(totals)) return std::max(compact.Excess(totals), 1e-12);
    const bool allowed =
        !request_.is_allowed || request_.is_allowed(request_.space.AssignmentOf(selection));
    return allowed ? 0 : 1;
  }

  // Of a selection within the budgets.
  absl::StatusOr<Merit> Try(const Selection& selection) {
    HT_RETURN_IF_ERROR(progress_.Step(
        static_cast<double>(evolution_.evaluations) / request_.evaluations,
        absl::StrCat("evaluation ", evolution_.evaluations + 1, " of ", request_.evaluations)));
    Merit merit;
    const Assignment assignment = request_.space.AssignmentOf(selection);
    Progress quiet;
    quiet.cancellation = progress_.cancellation;
    HT_ASSIGN_OR_RETURN(const double divergence, measure_(assignment, quiet));
    merit.objectives = {divergence};
    HT_ASSIGN_OR_RETURN(const FrontierPoint point,
                        EvaluateAssignment(request_.space.problem(), assignment));
    for (const std::string& metric : request_.metrics) {
      const auto cost = point.cost.find(metric);
      merit.objectives.push_back(cost == point.cost.end() ? 0 : cost->second);
    }
    ++evolution_.evaluations;
    archive_.Add(selection, merit);
    if (evolution_.start_evaluations == 0) Widen(merit);
    return merit;
  }

  // The reference is beyond the worst of the start.
  void Widen(const Merit& merit) {
    evolution_.reference.resize(merit.objectives.size(), 0);
    for (size_t k = 0; k < merit.objectives.size(); ++k) {
      evolution_.reference[k] = std::max(evolution_.reference[k], kMargin * merit.objectives[k]);
    }
  }

  void NoteStart() {
    evolution_.start_evaluations = evolution_.evaluations;
    evolution_.start_divergence = LeastDivergence();
    evolution_.start_hypervolume = Hypervolume(archive_.Objectives(), evolution_.reference);
  }

  double LeastDivergence() const {
    const auto least = std::min_element(
        archive_.members().begin(), archive_.members().end(),
        [](const auto& a, const auto& b) { return a.merit.objectives[0] < b.merit.objectives[0]; });
    return least->merit.objectives[0];
  }

  Evolution Finish() {
    evolution_.divergence = LeastDivergence();
    evolution_.hypervolume = Hypervolume(archive_.Objectives(), evolution_.reference);
    for (const ParetoArchive::Member& member : archive_.members()) {
      evolution_.front.push_back(
          {request_.space.AssignmentOf(member.selection), member.merit.objectives});
    }
    std::stable_sort(evolution_.front.begin(), evolution_.front.end(),
                     [](const auto& a, const auto& b) { return a.objectives < b.objectives; });
    return std::move(evolution_);
  }

  const EvolveRequest& request_;
  const DivergenceFunction& measure_;
  const Progress& progress_;
  ParetoArchive archive_;
  Evolution evolution_;
};

}  // namespace

absl::StatusOr<Evolution> Evolve(const EvolveRequest& request, const DivergenceFunction& measure,
                                 const Progress& progress) {
  if (request.evaluations < 1) {
    return absl::InvalidArgumentError("an evolution needs at least one evaluation");
  }
  return EvolutionRun(request, measure, progress).Run();
}

}  // namespace halftone
