// solve: the solver alone, on a problem written as JSON.
#include <memory>
#include <string>
#include <vector>

#include "base/bounded_json.h"
#include "base/cancellation.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "client/command.h"
#include "client/interrupt.h"
#include "client/job_actions.h"
#include "client/rule_flags.h"
#include "client/solution_text.h"
#include "client/stop_solve.h"
#include "server/local.h"

namespace halftone {
namespace {

using nlohmann::json;

struct SolveFlags {
  std::string problem;
  std::vector<std::string> weights;
  double time_limit = 0;
  bool no_explain = false;
  bool verify = false;
};

// The problem with weights in place of its own; what is wrong with it, the server says.
absl::Status SetWeights(const std::vector<std::string>& weights, std::string* problem) {
  if (weights.empty()) return absl::OkStatus();
  google::protobuf::Map<std::string, double> numbers;
  HT_RETURN_IF_ERROR(FillNumbers("weight", weights, &numbers));
  HT_ASSIGN_OR_RETURN(json document, ParseBoundedJson(*problem));
  if (!document.is_object()) return absl::OkStatus();
  json& out = document["objective_weights"] = json::object();
  for (const auto& [metric, weight] : numbers) out[metric] = weight;
  *problem = document.dump();
  return absl::OkStatus();
}

absl::StatusOr<v1::SolveProblemResponse> Answer(const CommandLine& line,
                                                const v1::SolveProblemRequest& request) {
  if (line.server.empty()) {
    Cancellation cancellation;
    OnInterrupt interrupt([&] { cancellation.Cancel(); });
    return local::SolveProblem(request, cancellation);
  }
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  StopSolveOnInterrupt interrupt(*connection, request.solve_id());
  return connection->SolveProblem(request);
}

absl::StatusOr<ExitCode> Solve(const CommandLine& line, const SolveFlags& flags) {
  v1::SolveProblemRequest request;
  HT_ASSIGN_OR_RETURN(*request.mutable_problem_json(), ReadFile(flags.problem));
  HT_RETURN_IF_ERROR(SetWeights(flags.weights, request.mutable_problem_json()));
  request.set_time_limit_seconds(flags.time_limit);
  request.set_explain(!flags.no_explain);
  request.set_verify(flags.verify);
  request.set_solve_id(NewRequestId());
  ProgressBar bar(line.ProgressMode());
  bar.Await("solve");
  HT_ASSIGN_OR_RETURN(const v1::SolveProblemResponse response, Answer(line, request));
  bar.Clear();
  const json document = json::parse(response.result_json());
  if (line.json) {
    PrintJson(document);
  } else {
    PrintText(SolutionText(document));
  }
  if (WasInterrupted()) return ExitCode::kCancelled;  // what was printed is the best until then
  const bool infeasible = response.solution().status() == v1::SOLUTION_STATUS_INFEASIBLE;
  return infeasible ? ExitCode::kInfeasible : ExitCode::kDone;
}

}  // namespace

void AddSolveCommand(CLI::App& app, CommandLine& line) {
  auto flags = std::make_shared<SolveFlags>();
  CLI::App* sub = app.add_subcommand("solve", "the best choice per layer of a given problem");
  sub->add_option("problem", flags->problem, "losses, costs, ties and budgets as JSON")
      ->required()
      ->type_name("PROBLEM.json");
  sub->add_option("--time-limit", flags->time_limit, "seconds after which the best so far is taken")
      ->check(PositiveNumber());
  sub->add_option("--weight", flags->weights,
                  "METRIC=WEIGHT of a cost beside the loss, in place of the problem's "
                  "objective_weights; may be repeated")
      ->take_all();
  sub->add_flag("--no-explain", flags->no_explain, "do not look for what is next best");
  sub->add_flag("--verify", flags->verify, "check answer and bound by code that did not find them");
  SetAction(sub, &line, [&line, flags] { return Solve(line, *flags); });
}

}  // namespace halftone
