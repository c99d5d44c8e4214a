// resolve: what if, on a job's stored tables.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/budget_text.h"
#include "client/command.h"
#include "client/frontier_text.h"
#include "client/interrupt.h"
#include "client/job_actions.h"
#include "client/rule_flags.h"
#include "client/solution_text.h"
#include "client/stop_solve.h"
#include "client/warnings.h"

namespace halftone {
namespace {

using nlohmann::json;

struct ResolveFlags {
  std::string job, frontier;
  RuleFlags rules;
  std::vector<std::string> weights;
  double interactions = 0, time_limit = 0;
  bool explain = false;
};

absl::StatusOr<v1::ReSolveRequest> RequestOf(const ResolveFlags& flags) {
  v1::ReSolveRequest request;
  request.set_name(FullJobName(flags.job));
  request.set_frontier_metric(flags.frontier);
  request.set_time_limit_seconds(flags.time_limit);
  request.set_explain(flags.explain);
  request.set_interactions(flags.interactions);
  request.set_solve_id(NewRequestId());
  HT_RETURN_IF_ERROR(FillNumbers("weight", flags.weights, request.mutable_weights()));
  HT_RETURN_IF_ERROR(FillBudgets(flags.rules, request.mutable_budgets()));
  HT_RETURN_IF_ERROR(FillPins(flags.rules, request.mutable_pins()));
  HT_RETURN_IF_ERROR(FillRules(flags.rules, request.mutable_rules()));
  return request;
}

absl::StatusOr<ExitCode> Resolve(const CommandLine& line, const ResolveFlags& flags) {
  HT_ASSIGN_OR_RETURN(const v1::ReSolveRequest request, RequestOf(flags));
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  ProgressBar bar(line.ProgressMode());
  bar.Await("resolve");
  absl::StatusOr<v1::ReSolveResponse> response = absl::InternalError("no answer");
  {
    StopSolveOnInterrupt interrupt(*connection, request.solve_id());
    response = connection->ReSolve(request);
  }
  bar.Clear();
  HT_RETURN_IF_ERROR(response.status());
  json document = json::parse(response->result_json());
  std::vector<std::string> warnings =
      BudgetWarnings(request.budgets(), document.value("infeasible", json()));
  for (std::string& warning : WarningsOf(document)) warnings.push_back(std::move(warning));
  document["warnings"] = warnings;
  if (line.json) {
    PrintJson(document);
  } else {
    std::string text = absl::StrCat(
        WarningLines(warnings), BudgetsText(request.budgets(), document), SolutionText(document));
    if (!flags.frontier.empty() && response->solution().frontier_size() > 0) {
      absl::StrAppend(&text, "\n", FrontierText(*response));
    }
    PrintText(text);
  }
  if (WasInterrupted()) return ExitCode::kCancelled;  // what was printed is the best until then
  const bool infeasible = response->solution().status() == v1::SOLUTION_STATUS_INFEASIBLE;
  return infeasible ? ExitCode::kInfeasible : ExitCode::kDone;
}

}  // namespace

void AddResolveCommand(CLI::App& app, CommandLine& line) {
  auto flags = std::make_shared<ResolveFlags>();
  CLI::App* sub = app.add_subcommand(
      "resolve", "what if: other budgets, rules and weights on a job's stored tables");
  sub->add_option("job", flags->job, "jobs/ID, or its ID")->required()->type_name("JOB");
  AddRuleFlags(sub, &flags->rules);
  sub->add_option("--weight", flags->weights,
                  "METRIC=WEIGHT of a cost beside the loss, per unit, e.g. latency_ms=0.02; may be "
                  "repeated")
      ->take_all();
  sub->add_option("--interactions", flags->interactions,
                  "count the losses that pairs of layers add so many times, e.g. 0.5")
      ->check(NonNegativeNumber());
  sub->add_option("--time-limit", flags->time_limit, "of the solver, in seconds")
      ->check(PositiveNumber());
  sub->add_flag("--explain", flags->explain, "also say why");
  sub->add_option("--frontier", flags->frontier, "metric of the frontier, which is then printed");
  SetAction(sub, &line, [&line, flags] { return Resolve(line, *flags); });
}

}  // namespace halftone
