// crosscheck.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/command.h"
#include "client/head_flags.h"
#include "client/input_flags.h"
#include "client/interrupt.h"
#include "client/job_actions.h"

namespace halftone {
namespace {

struct CrosscheckFlags {
  InputFlags inputs;
  std::vector<std::string> heads;
  std::string model, data, evaluation, precisions, estimators, target, display_name, request_id,
      output;
  int assignments = 0, draws = 0, probes = 0;
  int64_t samples = 0, evaluation_samples = 0;
  double min_kl = 0, max_kl = 0;
  uint64_t seed = 0;
  bool submit = false;
};

void FillSpec(const CrosscheckFlags& flags, v1::CrosscheckSpec* spec) {
  for (const std::string& precision : SplitList(flags.precisions)) spec->add_precisions(precision);
  for (const std::string& name : SplitList(flags.estimators)) spec->add_estimators(name);
  spec->set_assignments(flags.assignments);
  spec->set_min_damage(flags.min_kl);
  spec->set_max_damage(flags.max_kl);
  spec->set_evaluation_samples(flags.evaluation_samples);
  spec->set_seed(flags.seed);
  spec->set_target(flags.target);
  spec->mutable_sensitivity()->set_samples(flags.samples);
  spec->mutable_sensitivity()->set_draws(flags.draws);
  spec->mutable_sensitivity()->set_probes(flags.probes);
  spec->mutable_sensitivity()->set_seed(flags.seed);
}

absl::StatusOr<v1::Job> Submit(Connection& connection, const CrosscheckFlags& flags,
                               ProgressBar& bar) {
  v1::CreateJobRequest request;
  v1::CrosscheckSpec* spec = request.mutable_crosscheck();
  FillSpec(flags, spec);
  HT_RETURN_IF_ERROR(FillInputs(flags.inputs, spec->mutable_inputs()));
  HT_RETURN_IF_ERROR(FillHeads(flags.heads, spec->mutable_heads()));
  HT_RETURN_IF_ERROR(connection.CheckModel(flags.model, spec->inputs(), spec->heads(),
                                           {flags.data, flags.evaluation}));
  HT_ASSIGN_OR_RETURN(*spec->mutable_model(), UploadModel(connection, flags.model, bar));
  HT_ASSIGN_OR_RETURN(*spec->mutable_calibration_dataset(),
                      UploadDataset(connection, flags.data, bar));
  HT_ASSIGN_OR_RETURN(*spec->mutable_evaluation_dataset(),
                      UploadDataset(connection, flags.evaluation, bar));
  const std::string file = DisplayNameOf(flags.model);
  request.set_display_name(flags.display_name.empty() ? absl::StrCat("crosscheck of ", file)
                                                      : flags.display_name);
  request.set_request_id(flags.request_id.empty() ? NewRequestId() : flags.request_id);
  bar.Clear();
  return connection.CreateJob(request);
}

absl::StatusOr<ExitCode> RunCrosscheck(const CommandLine& line, const CrosscheckFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  if (!flags.submit) HT_RETURN_IF_ERROR(connection->TakeDirectory());
  ProgressBar bar(line.ProgressMode());
  v1::Job job;
  {
    OnInterrupt interrupt([&] { connection->Interrupt(); });
    HT_ASSIGN_OR_RETURN(job, Submit(*connection, flags, bar));
  }
  if (flags.submit) return PrintQueued(line, *connection, job, bar);
  return RunToEnd(line, *connection, job, bar, flags.output);
}

}  // namespace

void AddCrosscheckCommand(CLI::App& app, CommandLine& line) {
  auto flags = std::make_shared<CrosscheckFlags>();
  CLI::App* sub =
      app.add_subcommand("crosscheck",
                         "how well each estimator of the loss foresees really quantized networks; "
                         "Ctrl-C cancels the job (see --submit)");
  sub->add_option("model", flags->model, "ONNX file")->required()->type_name("MODEL.onnx");
  sub->add_option("--data", flags->data, "calibration samples, .npz")->required();
  sub->add_option("--eval", flags->evaluation, "held-out samples, .npz")->required();
  AddInputFlags(sub, &flags->inputs);
  AddHeadFlag(sub, &flags->heads);
  sub->add_option("--precisions", flags->precisions,
                  "to draw from (default: weights and activations of 2 to 8 bits, independently)");
  sub->add_option("--estimators", flags->estimators,
                  "methods of `halftone sensitivity`, or fisher-matrix, e.g. fisher,output");
  sub->add_option("--assignments", flags->assignments, "random ones in the range (default: 200)")
      ->check(PositiveNumber());
  sub->add_option("--min-kl", flags->min_kl, "least damage (default: 0.001)")
      ->check(PositiveNumber());
  sub->add_option("--max-kl", flags->max_kl, "most damage (default: 0.5)")->check(PositiveNumber());
  sub->add_option("--samples", flags->samples,
                  "calibrate and estimate on the first so many (default: 256)")
      ->check(PositiveNumber());
  sub->add_option("--eval-samples", flags->evaluation_samples,
                  "measure on the first so many (default: all)")
      ->check(PositiveNumber());
  sub->add_option("--draws", flags->draws, "label draws per sample")->check(PositiveNumber());
  sub->add_option("--probes", flags->probes, "at most, for Hutchinson")->check(PositiveNumber());
  sub->add_option("--seed", flags->seed)->check(Seed());
  sub->add_option("--target", flags->target,
                  "runs the assignments there, too, where it runs networks here: cpu");
  sub->add_option("--name", flags->display_name, "of the job, for people");
  sub->add_option("--request-id", flags->request_id, "makes the submission idempotent");
  AddOutputFlag(sub, &flags->output);
  sub->add_flag("--submit", flags->submit, "return at once; see `halftone watch`");
  SetAction(sub, &line, [&line, flags] { return RunCrosscheck(line, *flags); });
}

}  // namespace halftone
