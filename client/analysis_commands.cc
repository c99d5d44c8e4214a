// inspect, sensitivity, profile, evaluate, targets, version.
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/bounded_json.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "client/analysis_text.h"
#include "client/command.h"
#include "client/evaluation_text.h"
#include "client/head_flags.h"
#include "client/input_flags.h"
#include "client/interrupt.h"
#include "client/roofline_plot.h"
#include "client/sensitivity_methods.h"
#include "client/target_text.h"
#include "server/local.h"

namespace halftone {
namespace {

using nlohmann::json;

absl::StatusOr<json> ParseDocument(const std::string& text) {
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) return absl::InternalError("the server's answer is not JSON");
  return document;
}

void Print(const CommandLine& line, const json& document, std::string (*to_text)(const json&)) {
  if (line.json) {
    PrintJson(document);
  } else {
    PrintText(to_text(document));
  }
}

Connection::ProgressCallback Show(ProgressBar& bar, const std::string& stage) {
  return [&bar, stage](double fraction, absl::string_view detail) {
    // What is told before it begins is to stay.
    if (absl::StartsWith(detail, "estimate: ")) return bar.Note(detail);
    bar.Update(stage, fraction, -1, detail);
  };
}

struct InspectFlags {
  std::string model, data;
  InputFlags inputs;
  std::vector<std::string> heads;
};

absl::StatusOr<ExitCode> Inspect(const CommandLine& line, const InspectFlags& flags) {
  std::string text;
  v1::InspectModelRequest request;
  HT_RETURN_IF_ERROR(FillInputs(flags.inputs, request.mutable_inputs()));
  HT_RETURN_IF_ERROR(FillHeads(flags.heads, request.mutable_heads()));
  if (line.server.empty()) {
    HT_ASSIGN_OR_RETURN(text, local::InspectFile(flags.model, request, flags.data));
  } else {
    HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
    OnInterrupt interrupt([&] { connection->Interrupt(); });
    ProgressBar bar(line.ProgressMode());
    HT_ASSIGN_OR_RETURN(*request.mutable_name(), UploadModel(*connection, flags.model, bar));
    if (!flags.data.empty()) {
      HT_ASSIGN_OR_RETURN(*request.mutable_dataset(), UploadDataset(*connection, flags.data, bar));
    }
    HT_ASSIGN_OR_RETURN(const v1::InspectModelResponse response, connection->InspectModel(request));
    text = response.result_json();
  }
  HT_ASSIGN_OR_RETURN(const json document, ParseDocument(text));
  Print(line, document, InspectionText);
  return ExitCode::kDone;
}

struct SensitivityFlags {
  InputFlags inputs;
  std::vector<std::string> heads;
  std::string model, data, precisions, interactions, problem;
  std::string method = "fisher-corrected", loss = "auto";
  int64_t samples = 0;
  int probes = 0, draws = 0, batch = 0, eigenvalues = 0, network_eigenvalues = 0, resamples = 0;
  bool neighbours_only = false;
  double tolerance = 0;
  uint64_t seed = 0;
};

const std::map<std::string, v1::LossKind>& Losses() {
  static const auto* losses =
      new std::map<std::string, v1::LossKind>{{"auto", v1::LOSS_KIND_UNSPECIFIED},
                                              {"cross-entropy", v1::LOSS_KIND_CROSS_ENTROPY},
                                              {"kl", v1::LOSS_KIND_KL},
                                              {"mse", v1::LOSS_KIND_MSE}};
  return *losses;
}

absl::StatusOr<ExitCode> Sensitivity(const CommandLine& line, const SensitivityFlags& flags) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  OnInterrupt interrupt([&] { connection->Interrupt(); });
  ProgressBar bar(line.ProgressMode());
  v1::MeasureSensitivityRequest request;
  HT_RETURN_IF_ERROR(FillInputs(flags.inputs, request.mutable_inputs()));
  HT_RETURN_IF_ERROR(FillHeads(flags.heads, request.mutable_heads()));
  HT_RETURN_IF_ERROR(
      connection->CheckModel(flags.model, request.inputs(), request.heads(), {flags.data}));
  HT_ASSIGN_OR_RETURN(*request.mutable_model(), UploadModel(*connection, flags.model, bar));
  HT_ASSIGN_OR_RETURN(*request.mutable_dataset(), UploadDataset(*connection, flags.data, bar));
  for (const std::string& precision : SplitList(flags.precisions)) {
    request.add_precisions(precision);
  }
  v1::SensitivitySpec* spec = request.mutable_sensitivity();
  spec->set_method(SensitivityMethods().at(flags.method));
  spec->set_loss(Losses().at(flags.loss));
  spec->set_samples(flags.samples);
  spec->set_probes(flags.probes);
  spec->set_draws(flags.draws);
  spec->set_batch(flags.batch);
  spec->set_eigenvalues(flags.eigenvalues);
  spec->set_network_eigenvalues(flags.network_eigenvalues);
  spec->set_tolerance(flags.tolerance);
  spec->set_seed(flags.seed);
  spec->set_resamples(flags.resamples);
  request.set_interactions(!flags.interactions.empty());
  request.set_neighbours_only(flags.neighbours_only);
  if (!flags.problem.empty()) {
    HT_ASSIGN_OR_RETURN(*request.mutable_problem_json(), ReadFile(flags.problem));
  }
  HT_ASSIGN_OR_RETURN(const AnalysisOutput output,
                      connection->MeasureSensitivity(request, Show(bar, "sensitivity")));
  bar.Clear();
  if (!flags.interactions.empty()) {
    HT_RETURN_IF_ERROR(WriteFileAtomically(flags.interactions, output.arrays_npz));
  }
  HT_ASSIGN_OR_RETURN(const json document, ParseDocument(output.json));
  Print(line, document, SensitivityText);
  return ExitCode::kDone;
}

// The `assignment` object of the file, into a request's map.
absl::Status ReadAssignment(const std::string& path,
                            google::protobuf::Map<std::string, std::string>& assignment) {
  HT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, int64_t{64} << 20));
  const absl::StatusOr<json> read = ParseBoundedJson(text);
  if (!read.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' ", read.status().message()));
  }
  const json& document = *read;
  if (!document.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a JSON object"));
  }
  const auto found = document.find("assignment");
  if (found == document.end() || !found->is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "': field 'assignment' must be an object"));
  }
  for (const auto& [layer, precision] : found->items()) {
    if (!precision.is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", path, "': assignment['", layer, "'] must be a text"));
    }
    assignment[layer] = precision.get<std::string>();
  }
  return absl::OkStatus();
}

struct ProfileFlags {
  InputFlags inputs;
  std::string model, precisions, assignment, roofline;
  std::string target = "cpu";
  int threads = 0, batch = 0, mixes = 0;
  bool refresh = false, cold = false;
};

// A page where the path ends so, else a picture.
absl::Status WriteRoofline(const json& document, const std::string& path) {
  HT_ASSIGN_OR_RETURN(const std::string plot, absl::EndsWith(path, ".html")
                                                  ? RooflinePage(document)
                                                  : RooflineSvg(document));
  return WriteFileAtomically(path, plot);
}

absl::StatusOr<ExitCode> Profile(const CommandLine& line, const ProfileFlags& flags) {
  HT_RETURN_IF_ERROR(CheckRoofline(flags.roofline, flags.target));
  v1::ProfileModelRequest request;
  HT_RETURN_IF_ERROR(FillInputs(flags.inputs, request.mutable_inputs()));
  if (!flags.assignment.empty()) {
    HT_RETURN_IF_ERROR(ReadAssignment(flags.assignment, *request.mutable_assignment()));
  }
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  OnInterrupt interrupt([&] { connection->Interrupt(); });
  ProgressBar bar(line.ProgressMode());
  HT_RETURN_IF_ERROR(connection->CheckModel(flags.model, request.inputs(), /*heads=*/{}, {}));
  HT_ASSIGN_OR_RETURN(*request.mutable_model(), UploadModel(*connection, flags.model, bar));
  for (const std::string& precision : SplitList(flags.precisions)) {
    request.add_precisions(precision);
  }
  HT_ASSIGN_OR_RETURN(*request.mutable_target(), ResolveTarget(*connection, flags.target, bar));
  request.set_threads(flags.threads);
  request.set_batch(flags.batch);
  request.set_refresh(flags.refresh);
  request.set_cold_caches(flags.cold);
  request.set_mixes(flags.mixes);
  HT_ASSIGN_OR_RETURN(const AnalysisOutput output,
                      connection->ProfileModel(request, Show(bar, "profile")));
  bar.Clear();
  HT_ASSIGN_OR_RETURN(const json document, ParseDocument(output.json));
  // What was measured is shown also where the target tells no peaks to draw.
  Print(line, document, ProfileText);
  if (!flags.roofline.empty()) HT_RETURN_IF_ERROR(WriteRoofline(document, flags.roofline));
  return ExitCode::kDone;
}

struct EvaluateFlags {
  InputFlags inputs;
  std::vector<std::string> heads;
  std::string model, assignment, data, calibration, reference;
  int64_t samples = 0;
  int threads = 0, batch = 0;
  bool measure = false;
};

absl::StatusOr<ExitCode> Evaluate(const CommandLine& line, const EvaluateFlags& flags) {
  v1::EvaluateAssignmentRequest request;
  HT_RETURN_IF_ERROR(FillInputs(flags.inputs, request.mutable_inputs()));
  HT_RETURN_IF_ERROR(FillHeads(flags.heads, request.mutable_heads()));
  if (!flags.assignment.empty()) {
    HT_RETURN_IF_ERROR(ReadAssignment(flags.assignment, *request.mutable_assignment()));
  } else if (flags.reference.empty()) {
    return absl::InvalidArgumentError(
        "there is nothing to evaluate: give --assignment, --reference or both");
  }
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
  OnInterrupt interrupt([&] { connection->Interrupt(); });
  ProgressBar bar(line.ProgressMode());
  HT_RETURN_IF_ERROR(connection->CheckModel(flags.model, request.inputs(), request.heads(),
                                            {flags.data, flags.calibration}));
  HT_ASSIGN_OR_RETURN(*request.mutable_model(), UploadModel(*connection, flags.model, bar));
  HT_ASSIGN_OR_RETURN(*request.mutable_dataset(), UploadDataset(*connection, flags.data, bar));
  if (!flags.reference.empty()) {
    HT_ASSIGN_OR_RETURN(*request.mutable_reference_dataset(),
                        UploadOutputs(*connection, flags.reference, bar));
  }
  if (!flags.calibration.empty()) {
    HT_ASSIGN_OR_RETURN(*request.mutable_calibration_dataset(),
                        UploadDataset(*connection, flags.calibration, bar));
  }
  request.set_samples(flags.samples);
  request.set_measure(flags.measure);
  request.set_threads(flags.threads);
  request.set_batch(flags.batch);
  HT_ASSIGN_OR_RETURN(const AnalysisOutput output,
                      connection->EvaluateAssignment(request, Show(bar, "evaluate")));
  bar.Clear();
  HT_ASSIGN_OR_RETURN(const json document, ParseDocument(output.json));
  Print(line, document, EvaluationText);
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Targets(const CommandLine& line) {
  v1::ListTargetsResponse response;
  if (line.server.empty()) {
    HT_ASSIGN_OR_RETURN(response, local::ListTargets());
  } else {
    HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
    HT_ASSIGN_OR_RETURN(response, connection->ListTargets());
  }
  if (line.json) {
    PrintJson(TargetsToJson(response));
  } else {
    PrintText(TargetsText(response));
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Version(const CommandLine& line) {
  v1::GetVersionResponse response = local::GetVersion();
  if (!line.server.empty()) {
    HT_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, line.Connect());
    HT_ASSIGN_OR_RETURN(response, connection->GetVersion());
  }
  if (line.json) {
    PrintJson({{"version", response.version()}, {"build", response.build()}});
  } else {
    PrintText(VersionText(response) + "\n");
  }
  return ExitCode::kDone;
}

void AddModel(CLI::App* sub, std::string* model) {
  sub->add_option("model", *model, "ONNX file")->required()->type_name("MODEL.onnx");
}

void AddSensitivity(CLI::App& app, CommandLine& line) {
  auto flags = std::make_shared<SensitivityFlags>();
  CLI::App* sub = app.add_subcommand("sensitivity", "how much each precision of each layer hurts");
  AddModel(sub, &flags->model);
  sub->add_option("--data", flags->data, "calibration samples, .npz")->required();
  std::vector<std::string> losses;
  for (const auto& [name, value] : Losses()) losses.push_back(name);
  sub->add_option("--method", flags->method)
      ->check(CLI::IsMember(SensitivityMethodNames()))
      ->capture_default_str();
  sub->add_option("--loss", flags->loss)->check(CLI::IsMember(losses))->capture_default_str();
  AddInputFlags(sub, &flags->inputs);
  AddHeadFlag(sub, &flags->heads);
  sub->add_option("--precisions", flags->precisions, "(default: w2a8,w4a4,w4a8,w6a6,w8a8)");
  sub->add_option("--samples", flags->samples, "the first so many (default: all)")
      ->check(PositiveNumber());
  sub->add_option("--probes", flags->probes, "of Hutchinson, at most")->check(PositiveNumber());
  sub->add_option("--eigenvalues", flags->eigenvalues, "of each layer's Hessian (default: 1)")
      ->check(CLI::Range(1, 64));
  sub->add_option("--network-eigenvalues", flags->network_eigenvalues,
                  "of the Hessian in all weights (default: none)")
      ->check(CLI::Range(1, 64));
  sub->add_option("--draws", flags->draws, "label draws per sample")->check(PositiveNumber());
  sub->add_option("--batch", flags->batch, "samples per pass")->check(PositiveNumber());
  sub->add_option("--tolerance", flags->tolerance, "relative standard error to stop at")
      ->check(PositiveNumber());
  sub->add_option("--seed", flags->seed)->check(Seed());
  sub->add_option("--interactions", flags->interactions,
                  "write the interaction matrix G, its standard errors and its rows' names to "
                  "this .npz");
  sub->add_flag("--neighbours-only", flags->neighbours_only,
                "of the interactions, those of layers next to each other");
  CLI::Option* resamples =
      sub->add_option("--resamples", flags->resamples, "bootstrap samples of the losses")
          ->check(PositiveNumber());
  sub->add_option("--problem", flags->problem,
                  "solve this problem with each resample: how often do its choices change?")
      ->needs(resamples)
      ->type_name("PROBLEM.json");
  sub->footer(
      "Methods:\n"
      "  fisher               half the diagonal of the Fisher interaction matrix\n"
      "  fisher-corrected     the same, really measured where second order ends\n"
      "  fisher-elementwise   as fisher, without products of different elements of a result\n"
      "  output               the divergence when that one layer alone is really quantized\n"
      "  sqnr                 likewise, noise over signal at the output\n"
      "  hessian-form         1/2 d'Hd with the weights' real error d\n"
      "  hessian-trace-exact  mean trace of the Hessian times ||d||^2, without probes\n"
      "  hessian-trace        the same by Hutchinson's probes\n"
      "  hessian-eigenvalue   top eigenvalue of the Hessian / |W| times ||d||^2\n"
      "  hawq-v1, -v2, -v3    the metrics of those papers (docs/methods.md)");
  SetAction(sub, &line, [&line, flags] { return Sensitivity(line, *flags); });
}

void AddProfile(CLI::App& app, CommandLine& line) {
  auto flags = std::make_shared<ProfileFlags>();
  CLI::App* sub = app.add_subcommand("profile", "what each precision of each layer costs");
  AddModel(sub, &flags->model);
  AddInputFlags(sub, &flags->inputs);
  sub->add_option("--target", flags->target, "see `halftone targets`")->capture_default_str();
  sub->add_option("--precisions", flags->precisions,
                  "(default: those of a table, else of f32,bf16,w8a8,w8a4,w4a8,w4a4,w2a8,w2a2 what "
                  "the target runs)");
  sub->add_option("--threads", flags->threads, "(default: all)")->check(PositiveNumber());
  sub->add_option("--batch", flags->batch, "(default: 1)")->check(PositiveNumber());
  sub->add_flag("--refresh", flags->refresh, "measure again what is known already");
  sub->add_option("--roofline", flags->roofline,
                  "write the roofline plot of a simulated target, .svg or .html");
  sub->add_flag("--cold", flags->cold, "start every run with empty caches (measured targets)");
  sub->add_option("--mixes", flags->mixes,
                  "also run so many random assignments: how good are the predictions?")
      ->check(CLI::Range(1, 1000));
  sub->add_option("--assignment", flags->assignment,
                  "also run this one, JSON: {\"assignment\":{\"layer\":\"w8a8\"}}");
  SetAction(sub, &line, [&line, flags] { return Profile(line, *flags); });
}

void AddEvaluate(CLI::App& app, CommandLine& line) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* sub = app.add_subcommand("evaluate", "what quantizing really does to the output");
  AddModel(sub, &flags->model);
  sub->add_option("--assignment", flags->assignment,
                  "JSON: {\"assignment\":{\"layer\":\"w8a8\"}}; may be left out with --reference");
  sub->add_option("--data", flags->data, "samples to evaluate on, .npz")->required();
  sub->add_option("--reference", flags->reference,
                  "what another runtime computed from --data, .npz with arrays named as the "
                  "model's outputs: compared with the float network's");
  AddInputFlags(sub, &flags->inputs);
  AddHeadFlag(sub, &flags->heads);
  sub->add_option("--calibration", flags->calibration, "samples to calibrate on (default: --data)");
  sub->add_option("--samples", flags->samples, "the first so many (default: all)")
      ->check(PositiveNumber());
  sub->add_flag("--measure", flags->measure, "also the latency on the machine that answers");
  sub->add_option("--threads", flags->threads, "(default: all)")->check(PositiveNumber());
  sub->add_option("--batch", flags->batch, "of the latency (default: 1)")->check(PositiveNumber());
  SetAction(sub, &line, [&line, flags] { return Evaluate(line, *flags); });
}

}  // namespace

void AddAnalysisCommands(CLI::App& app, CommandLine& line) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* inspect = app.add_subcommand("inspect", "a model's layers and ties");
  AddModel(inspect, &flags->model);
  inspect->add_option("--data", flags->data,
                      "samples, .npz, whose arrays have the sizes left open");
  AddInputFlags(inspect, &flags->inputs);
  AddHeadFlag(inspect, &flags->heads);
  SetAction(inspect, &line, [&line, flags] { return Inspect(line, *flags); });
  AddSensitivity(app, line);
  AddProfile(app, line);
  AddEvaluate(app, line);
  SetAction(app.add_subcommand("targets", "the targets that costs are known for"), &line,
            [&line] { return Targets(line); });
  SetAction(app.add_subcommand("version", "what is running"), &line,
            [&line] { return Version(line); });
}

}  // namespace halftone
