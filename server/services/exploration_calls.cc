#include "server/services/exploration_calls.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/explorer.h"
#include "server/convert/resource_name.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/jobs/sourced_store.h"
#include "server/services/finished_jobs.h"
#include "server/services/job_references.h"

namespace halftone {
namespace {

constexpr int kMaxSuggestions = 1000;

v1::Trial TrialToProto(const ExploredAssignment& explored) {
  v1::Trial out;
  for (const auto& [layer, precision] : explored.assignment) {
    (*out.mutable_assignment())[layer] = precision;
  }
  if (explored.divergence.has_value()) out.set_divergence(*explored.divergence);
  out.set_predicted_loss(explored.predicted_loss);
  for (const auto& [metric, value] : explored.cost) (*out.mutable_cost())[metric] = value;
  out.set_feasible(explored.IsFeasible());
  for (const auto& [metric, over] : explored.excess) (*out.mutable_excess())[metric] = over;
  return out;
}

// Calls `use` with the job's explorer.
absl::Status WithExplorer(const ServiceContext& context, const std::string& name,
                          Explorations::Turn& turn,
                          const std::function<absl::Status(Explorer&)>& use) {
  const auto open = [&]() -> absl::StatusOr<Explorations::Opened> {
    HT_ASSIGN_OR_RETURN(const std::string id, ParseJobName(name));
    HT_ASSIGN_OR_RETURN(const FinishedSearch search, LoadFinishedSearch(context, name));
    Explorations::Opened opened;
    opened.store = std::make_unique<SourcedStore>(context.catalog, SourcesOf(search.spec));
    HT_ASSIGN_OR_RETURN(opened.explorer,
                        Explorer::Create(search.spec, search.result, *opened.store, id));
    return opened;
  };
  const absl::StatusOr<Explorer*> explorer = turn.Get(open);
  return AboutResource(name, explorer.ok() ? use(**explorer) : explorer.status());
}

void DescribeSpace(const Explorer& explorer, v1::Exploration* out) {
  const ChoiceSpace& space = explorer.space();
  const Problem& problem = space.problem();
  for (size_t variable = 0; variable < space.variables(); ++variable) {
    v1::ChoiceGroup* group = out->add_groups();
    for (const auto& [layer, choice] : space.PlacesOf(space.Begin(variable))) {
      group->add_layers(problem.layers[static_cast<size_t>(layer)].name);
    }
    for (size_t column = space.Begin(variable); column < space.End(variable); ++column) {
      group->add_precisions(space.NameOf(column));
    }
  }
  for (const auto& [metric, limit] : explorer.Limits()) (*out->mutable_budgets())[metric] = limit;
  out->set_frontier_metric(problem.frontier);
}

}  // namespace

absl::StatusOr<std::string> ExploredJob(const ServiceContext& context, const std::string& name) {
  absl::StatusOr<std::string> id = ParseJobName(name);
  if (!id.ok()) return AtField("job", id.status());
  HT_RETURN_IF_ERROR(FindSearch(context, name, "assignments to explore").status());
  return id;
}

absl::Status GetExploration(const ServiceContext& context, const v1::GetExplorationRequest& request,
                            Explorations::Turn& turn, v1::Exploration* response) {
  response->set_job(request.job());
  const auto use = [&](Explorer& explorer) -> absl::Status {
    DescribeSpace(explorer, response);
    response->set_divergence(explorer.divergence_name());
    response->set_evaluations(explorer.evaluations());
    HT_ASSIGN_OR_RETURN(const ExploredAssignment start, explorer.Start());
    *response->mutable_start() = TrialToProto(start);
    HT_ASSIGN_OR_RETURN(const std::optional<ExploredAssignment> best, explorer.Best());
    if (best.has_value()) *response->mutable_best() = TrialToProto(*best);
    HT_ASSIGN_OR_RETURN(const std::vector<ExploredAssignment> front, explorer.Front());
    for (const ExploredAssignment& explored : front) {
      *response->add_front() = TrialToProto(explored);
    }
    return absl::OkStatus();
  };
  return WithExplorer(context, request.job(), turn, use);
}

absl::Status AskExploration(const ServiceContext& context, const v1::AskRequest& request,
                            Explorations::Turn& turn, v1::AskResponse* response) {
  const absl::StatusOr<int64_t> count = CountFromProto(request.count(), 1, kMaxSuggestions);
  if (!count.ok()) return AtField("count", count.status());
  const auto use = [&](Explorer& explorer) -> absl::Status {
    HT_ASSIGN_OR_RETURN(const std::vector<ExploredAssignment> suggestions,
                        explorer.Ask(static_cast<size_t>(*count)));
    for (const ExploredAssignment& explored : suggestions) {
      *response->add_suggestions() = TrialToProto(explored);
    }
    return absl::OkStatus();
  };
  return WithExplorer(context, request.job(), turn, use);
}

absl::StatusOr<Assignment> AssignmentToTell(const v1::TellRequest& request) {
  std::map<std::string, Precision> precisions;
  HT_ASSIGN_FIELD(precisions, "assignment", AssignmentFromProto(request.assignment()));
  Assignment assignment;
  for (const auto& [layer, precision] : precisions) assignment[layer] = precision.ToString();
  return assignment;
}

absl::Status TellExploration(const ServiceContext& context, const v1::TellRequest& request,
                             const Assignment& assignment, Explorations::Turn& turn,
                             v1::TellResponse* response, const Cancellation& cancellation) {
  Progress progress;
  progress.cancellation = cancellation;
  const auto use = [&](Explorer& explorer) -> absl::Status {
    absl::StatusOr<Explorer::Told> told = explorer.Tell(assignment, progress);
    if (absl::IsInvalidArgument(told.status())) return AtField("assignment", told.status());
    HT_RETURN_IF_ERROR(told.status());
    *response->mutable_trial() = TrialToProto(told->trial);
    response->set_is_best(told->is_best);
    response->set_was_known(told->was_known);
    response->set_evaluations(explorer.evaluations());
    return absl::OkStatus();
  };
  return WithExplorer(context, request.job(), turn, use);
}

}  // namespace halftone
