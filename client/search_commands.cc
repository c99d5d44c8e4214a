// search and submit.
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/command.h"
#include "client/head_flags.h"
#include "client/input_flags.h"
#include "client/interrupt.h"
#include "client/job_actions.h"
#include "client/rule_flags.h"
#include "client/sensitivity_methods.h"

namespace halftone {
namespace {

struct SearchFlags {
  std::string model, data, evaluation, precisions, display_name, request_id, output, frontier;
  std::string strategy, objectives, method, effort;
  std::string target = "cpu";
  RuleFlags rules;
  InputFlags inputs;
  std::vector<std::string> heads;
  int threads = 0, batch = 0, draws = 0;
  int64_t samples = 0;
  uint64_t seed = 0;
  int resamples = 0;
  int evaluations = -1;  // negative: the server's default
  double time_limit = 0, robust = 0;
  bool refresh = false, ignore_ties = false, no_explain = false;
};

absl::Status FillSpec(const SearchFlags& flags, v1::SearchSpec* spec) {
  for (const std::string& precision : SplitList(flags.precisions)) spec->add_precisions(precision);
  HT_RETURN_IF_ERROR(FillBudgets(flags.rules, spec->mutable_budgets()));
  HT_RETURN_IF_ERROR(FillPins(flags.rules, spec->mutable_pins()));
  HT_RETURN_IF_ERROR(FillRules(flags.rules, spec->mutable_rules()));
  HT_RETURN_IF_ERROR(FillInputs(flags.inputs, spec->mutable_inputs()));
  HT_RETURN_IF_ERROR(FillHeads(flags.heads, spec->mutable_heads()));
  spec->set_skip_explanation(flags.no_explain);
  spec->set_frontier_metric(flags.frontier);
  spec->set_threads(flags.threads);
  spec->set_batch(flags.batch);
  spec->set_refresh(flags.refresh);
  spec->set_ignore_ties(flags.ignore_ties);
  spec->set_time_limit_seconds(flags.time_limit);
  if (flags.evaluations >= 0) spec->set_evaluations(flags.evaluations);
  spec->set_strategy(flags.strategy);
  for (const std::string& metric : SplitList(flags.objectives)) spec->add_objectives(metric);
  spec->set_robust(flags.robust);
  spec->set_effort(flags.effort);
  if (!flags.method.empty()) {
    spec->mutable_sensitivity()->set_method(SensitivityMethods().at(flags.method));
  }
  spec->mutable_sensitivity()->set_samples(flags.samples);
  spec->mutable_sensitivity()->set_draws(flags.draws);
  spec->mutable_sensitivity()->set_seed(flags.seed);
  spec->mutable_sensitivity()->set_resamples(flags.resamples);
  return absl::OkStatus();
}

absl::StatusOr<v1::Job> Submit(Connection& connection, const SearchFlags& flags, ProgressBar& bar) {
  v1::CreateJobRequest request;
  HT_RETURN_IF_ERROR(FillSpec(flags, request.mutable_spec()));
  v1::SearchSpec* spec = request.mutable_spec();
  HT_RETURN_IF_ERROR(connection.CheckModel(flags.model, spec->inputs(), spec->heads(),
                                           {flags.data, flags.evaluation}));
  HT_ASSIGN_OR_RETURN(*spec->mutable_model(), UploadModel(connection, flags.model, bar));
  HT_ASSIGN_OR_RETURN(*spec->mutable_calibration_dataset(),
                      UploadDataset(connection, flags.data, bar));
  if (!flags.evaluation.empty()) {
    HT_ASSIGN_OR_RETURN(*spec->mutable_evaluation_dataset(),
                        UploadDataset(connection, flags.evaluation, bar));
  }
  HT_ASSIGN_OR_RETURN(*spec->mutable_target(), ResolveTarget(connection, flags.target, bar));
  const std::string file = DisplayNameOf(flags.model);
  request.set_display_name(flags.display_name.empty() ? file : flags.display_name);
  request.set_request_id(flags.request_id.empty() ? NewRequestId() : flags.request_id);
  bar.Clear();
  return connection.CreateJob(request);
}

absl::StatusOr<ExitCode> RunSubmit(const CommandLine& line, const SearchFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  OnInterrupt interrupt([&] { connection->Interrupt(); });
  ProgressBar bar(line.ProgressMode());
  HT_ASSIGN_OR_RETURN(const v1::Job job, Submit(*connection, flags, bar));
  return PrintQueued(line, *connection, job, bar);
}

absl::StatusOr<ExitCode> RunSearch(const CommandLine& line, const SearchFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  HT_RETURN_IF_ERROR(connection->TakeDirectory());
  ProgressBar bar(line.ProgressMode());
  v1::Job job;
  {
    OnInterrupt interrupt([&] { connection->Interrupt(); });
    HT_ASSIGN_OR_RETURN(job, Submit(*connection, flags, bar));
  }
  return RunToEnd(line, *connection, job, bar, flags.output);
}

void AddFlags(CLI::App* sub, SearchFlags* flags) {
  sub->add_option("model", flags->model, "ONNX file")->required()->type_name("MODEL.onnx");
  sub->add_option("--data", flags->data, "calibration samples, .npz")->required();
  sub->add_option("--eval", flags->evaluation, "held-out samples, .npz");
  sub->add_option("--target", flags->target,
                  "see `halftone targets`, or a .json or .csv file; with ranges, as in "
                  "'bitfusion?rows=8..64&cols=8..64&area<=2', hardware is searched as well")
      ->capture_default_str();
  AddRuleFlags(sub, &flags->rules);
  AddInputFlags(sub, &flags->inputs);
  AddHeadFlag(sub, &flags->heads);
  sub->add_option("--precisions", flags->precisions,
                  "to choose from, e.g. w4a8,w8a8,f32 (default: what the target offers, see "
                  "docs/targets.md; of a simulated one f32,bf16,w16a16,w8a8,w8a4,w4a8,w4a4,w2a4,"
                  "w2a2 as far as it runs them)");
  sub->add_option("--frontier", flags->frontier, "metric of the frontier (default: latency)");
  sub->add_option("--method", flags->method,
                  "how losses are estimated, as `halftone sensitivity` has it (default: "
                  "fisher-corrected)")
      ->check(CLI::IsMember(SensitivityMethodNames()));
  sub->add_option(
         "--effort", flags->effort,
         "what is taken where --method, --samples, --draws, --evaluations and --time-limit "
         "are not given: fisher, at most 64, 4, 8, 10; fisher-corrected, all, 4, 64, 60 "
         "(the default); fisher-corrected, all, 16, 256, 300")
      ->check(CLI::IsMember({"quick", "normal", "thorough"}));
  sub->add_option("--samples", flags->samples, "calibrate on the first so many (default: all)")
      ->check(PositiveNumber());
  sub->add_option("--draws", flags->draws, "label draws per sample")->check(PositiveNumber());
  sub->add_option("--seed", flags->seed)->check(Seed());
  sub->add_option("--resamples", flags->resamples,
                  "solve again with the samples drawn again so many times: how often do choices "
                  "change?")
      ->check(PositiveNumber());
  sub->add_option("--threads", flags->threads, "to measure with (default: all)")
      ->check(PositiveNumber());
  sub->add_option("--batch", flags->batch, "to measure with (default: 1)")->check(PositiveNumber());
  sub->add_option("--time-limit", flags->time_limit, "of the solver, in seconds")
      ->check(PositiveNumber());
  sub->add_option("--evaluations", flags->evaluations,
                  "assignments that are really evaluated on the calibration samples (default: 64); "
                  "0: take the model's optimum")
      ->check(NonNegativeNumber());
  sub->add_option("--strategy", flags->strategy,
                  "how these are found: refine, or evolutionary for several objectives");
  sub->add_option("--objectives", flags->objectives,
                  "metrics to be small beside the divergence, e.g. latency,size (evolutionary; "
                  "default: that of the frontier)");
  sub->add_option("--robust", flags->robust,
                  "choose by mean losses plus so many of their standard errors")
      ->check(NonNegativeNumber());
  sub->add_flag("--refresh", flags->refresh, "measure again what is known already");
  sub->add_flag("--ignore-ties", flags->ignore_ties);
  sub->add_flag("--no-explain", flags->no_explain, "do not look for what is next best");
  sub->add_option("--name", flags->display_name, "of the job, for people");
  sub->add_option("--request-id", flags->request_id, "makes the submission idempotent");
}

}  // namespace

void AddSearchCommands(CLI::App& app, CommandLine& line) {
  auto search = std::make_shared<SearchFlags>();
  CLI::App* sub = app.add_subcommand(
      "search", "the best bit-width of every layer; Ctrl-C cancels the job (see submit and watch)");
  AddFlags(sub, search.get());
  AddOutputFlag(sub, &search->output);
  SetAction(sub, &line, [&line, search] { return RunSearch(line, *search); });
  auto submit = std::make_shared<SearchFlags>();
  sub = app.add_subcommand("submit", "start a search and return at once; see watch");
  AddFlags(sub, submit.get());
  SetAction(sub, &line, [&line, submit] { return RunSubmit(line, *submit); });
}

}  // namespace halftone
