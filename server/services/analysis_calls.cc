#include "server/services/analysis_calls.h"

#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/bounded_json.h"
#include "base/memory_budget.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "base/thread_limit.h"
#include "nlohmann/json.hpp"
#include "nn/data/npz.h"
#include "nn/graph/file_quantizer.h"
#include "profilers/builtin.h"
#include "profilers/design_space.h"
#include "search/result.h"
#include "search/sensitivity/data_checks.h"
#include "search/sensitivity/sensitivity.h"
#include "search/sensitivity/time_estimate.h"
#include "search/solver/explain.h"
#include "search/solver/problem_fields.h"
#include "search/solver/problem_memory.h"
#include "search/solver/solver.h"
#include "search/solver/verify_bound.h"
#include "search/stability.h"
#include "server/convert/job.h"
#include "server/convert/output_heads.h"
#include "server/convert/solution.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/services/profiler_registry_service.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr size_t kMaxProblemBytes = size_t{32} << 20;
constexpr char kSensitivityPrecisions[] = "w2a8,w4a4,w4a8,w6a6,w8a8";
constexpr char kProfilePrecisions[] = "f32,bf16,w8a8,w8a4,w4a8,w4a4,w2a8,w2a2";

// G [C x C], the standard errors of its entries, and the layer and precision of each of its C rows.
absl::StatusOr<std::string> InteractionsToNpz(const SensitivityResult& result) {
  std::map<std::string, std::vector<std::string>> names;
  for (const LayerSensitivity& layer : result.layers) {
    for (const ChoiceLoss& choice : layer.choices) {
      names["layers"].push_back(layer.name);
      names["precisions"].push_back(choice.precision.ToString());
    }
  }
  const auto count = static_cast<int64_t>(names["layers"].size());
  const Shape shape{count, count};
  std::map<std::string, Tensor> arrays;
  arrays.emplace("G", Tensor::Of(shape, result.interactions));
  if (!result.interaction_errors.empty()) {
    arrays.emplace("G_stderr", Tensor::Of(shape, result.interaction_errors));
  }
  return WriteNpz(arrays, names);
}

absl::StatusOr<Problem> ParseProblem(const std::string& text) {
  if (text.size() > kMaxProblemBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", text.size(), " bytes, the limit is ", kMaxProblemBytes));
  }
  HT_RETURN_IF_ERROR(CheckMemory("reading a problem of this size", ProblemReadingBytes(text),
                                 "it would fit with fewer choices, or without interactions"));
  HT_ASSIGN_OR_RETURN(const json document, ParseBoundedJson(text));
  HT_RETURN_IF_ERROR(CheckProblemFields(document));
  return ProblemFromJson(document);
}

absl::StatusOr<Problem> ReadProblem(const std::string& text) {
  return WithReason(v1::PROBLEM_INVALID, ParseProblem(text));
}

// How often the answer to `problem` changes with the resampled losses.
absl::StatusOr<Stability> StabilityOf(Problem problem, const SensitivityResult& result,
                                      const Progress& progress) {
  problem.frontier.clear();
  const ProblemSolver solve = [](const Problem& drawn, const Progress& part) {
    return Solve(drawn, {}, part);
  };
  Progress silent;
  silent.cancellation = progress.cancellation;
  HT_ASSIGN_OR_RETURN(const Solution solution, Solve(problem, {}, silent));
  return MeasureStability(problem, solution.assignment, result, solve, progress);
}

// Nothing when that is interrupted.
absl::StatusOr<std::optional<Verification>> Verify(const Problem& problem, const Solution& solution,
                                                   const Cancellation& cancellation) {
  const absl::StatusOr<Verification> verified = VerifySolution(problem, solution, cancellation);
  if (verified.ok()) return *verified;
  if (!cancellation.Check().ok()) return std::nullopt;
  return verified.status();
}

absl::StatusOr<std::vector<Precision>> PrecisionsOr(
    const google::protobuf::RepeatedPtrField<std::string>& requested, const char* fallback) {
  if (requested.empty()) return ParsePrecisions(fallback);
  absl::StatusOr<std::vector<Precision>> precisions = PrecisionsFromProto(requested);
  if (!precisions.ok()) return AtField("precisions", precisions.status());
  return precisions;
}

absl::StatusOr<std::vector<Precision>> ProfilePrecisions(
    const google::protobuf::RepeatedPtrField<std::string>& requested,
    const CostProfiler& profiler) {
  if (requested.empty() && !profiler.Precisions().empty()) return profiler.Precisions();
  HT_ASSIGN_OR_RETURN(std::vector<Precision> precisions,
                      PrecisionsOr(requested, kProfilePrecisions));
  if (requested.empty()) {
    std::erase_if(precisions, [&](const Precision& p) { return !profiler.Supports(p); });
  }
  return precisions;
}

absl::StatusOr<int> ReadCount(absl::string_view field, int64_t value, int64_t fallback,
                              int64_t most) {
  const absl::StatusOr<int64_t> count = CountFromProto(value, fallback, most);
  if (!count.ok()) return AtField(field, count.status());
  return static_cast<int>(*count);
}

}  // namespace

absl::StatusOr<AnalysisDocument> MeasureSensitivity(const ServiceContext& context,
                                                    const v1::MeasureSensitivityRequest& request,
                                                    const Progress& progress) {
  absl::StatusOr<SensitivityOptions> options = SensitivityFromProto(request.sensitivity());
  if (!options.ok()) return AtField("sensitivity", options.status());
  if (request.interactions() && !HasInteractions(options->method)) {
    return AtField("interactions",
                   absl::InvalidArgumentError(absl::StrCat(
                       "the method ", SensitivityMethodName(options->method),
                       " has no interaction matrix; fisher and fisher-corrected have one")));
  }
  options->interactions = request.interactions();
  if (request.neighbours_only()) options->pairs = InteractionPairs::kNeighbours;
  std::optional<Problem> problem;
  if (!request.problem_json().empty()) {
    absl::StatusOr<Problem> read = ReadProblem(request.problem_json());
    if (!read.ok()) return AtField("problem_json", read.status());
    if (options->resamples == 0) {
      return AtField("problem_json",
                     absl::InvalidArgumentError("needs sensitivity.resamples of 1 or more"));
    }
    problem = *std::move(read);
  }
  HT_ASSIGN_OR_RETURN(const std::vector<Precision> precisions,
                      PrecisionsOr(request.precisions(), kSensitivityPrecisions));
  HT_ASSIGN_OR_RETURN(Dataset data, context.LoadDataset("dataset", request.dataset()));
  AskedHeads heads;
  HT_ASSIGN_FIELD(heads, "heads", HeadsFromProto(request.heads()));
  HT_ASSIGN_OR_RETURN(PreparedNetwork network, context.LoadNetwork("model", request.model(),
                                                                   request.inputs(), heads, &data));
  HT_RETURN_IF_ERROR(ServiceContext::CheckFits(network, "dataset", data));
  if (options->samples > 0) data = data.Take(options->samples);
  if (NeedsScales(network)) {
    HT_RETURN_IF_ERROR(MeasureScales(data, progress.cancellation, network));
  }
  HT_ASSIGN_OR_RETURN(
      const std::string estimate,
      EstimateSensitivityTime(network, data, precisions, *options, progress.cancellation));
  HT_RETURN_IF_ERROR(progress.Step(0, estimate));
  HT_ASSIGN_OR_RETURN(
      const CalibrationSamples samples,
      ChooseCalibrationSamples(network, data, QuantizationOptions(), progress.Part(0, 0.05)));
  HT_ASSIGN_OR_RETURN(Calibration calibration,
                      Calibrate(network, samples.data, precisions, QuantizationOptions(),
                                progress.Part(0.05, 0.2)));
  absl::c_copy(samples.warnings, std::back_inserter(calibration.warnings));
  HT_ASSIGN_OR_RETURN(
      SensitivityResult result,
      halftone::MeasureSensitivity(network, samples.data, calibration, precisions, *options,
                                   progress.Part(0.2, problem ? 0.9 : 1)));
  AnalysisDocument document;
  if (request.interactions()) {
    HT_ASSIGN_OR_RETURN(document.arrays_npz, InteractionsToNpz(result));
    result.interactions.clear();
  }
  json answer = SensitivityToJson(result);
  answer["heads"] = OutputHeadsToJson(calibration.heads);
  for (const std::string& warning : calibration.warnings) answer["warnings"].push_back(warning);
  if (const std::string quantized = QuantizedFileText(network.graph); !quantized.empty()) {
    answer["warnings"].push_back(quantized);
  }
  const std::string fewer = FewerSamples(options->samples, result.samples);
  if (!fewer.empty()) answer["warnings"].push_back(fewer);
  if (problem.has_value()) {
    absl::StatusOr<Stability> stability = StabilityOf(*problem, result, progress.Part(0.9, 1));
    if (!stability.ok()) return AtField("problem_json", stability.status());
    answer["stability"] = StabilityToJson(*stability);
  }
  document.json = answer.dump();
  return document;
}

// The assignment of the request, and its precisions among those of the profile.
absl::Status AddAssignment(const v1::ProfileModelRequest& request, ProfileRequest& profile) {
  if (request.assignment().empty()) return absl::OkStatus();
  std::map<std::string, Precision>& assignment = profile.assignments.emplace_back();
  HT_ASSIGN_FIELD(assignment, "assignment", AssignmentFromProto(request.assignment()));
  const auto offer = [&profile](const Precision& precision) {
    auto& offered = profile.precisions;
    if (std::find(offered.begin(), offered.end(), precision) == offered.end()) {
      offered.push_back(precision);
    }
  };
  offer(Precision::Float32());
  for (const auto& [layer, precision] : assignment) offer(precision);
  return absl::OkStatus();
}

// The error of a profile, at the field that asks for a precision which the target does not run.
absl::Status AtPrecision(const v1::ProfileModelRequest& request, const ProfileRequest& profile,
                         const CostProfiler& profiler, const absl::Status& status) {
  if (!absl::IsUnimplemented(status)) return status;
  const int requested = request.precisions_size();
  for (int i = 0; i < static_cast<int>(profile.precisions.size()); ++i) {
    if (profiler.Supports(profile.precisions[static_cast<size_t>(i)])) continue;
    return AtField(i < requested ? absl::StrCat("precisions[", i, "]") : "assignment", status);
  }
  return status;
}

// Before any of the profile's precisions is asked for, among them f32 for the layers that an
// assignment leaves out.
absl::Status CheckIsMeasured(const ProfileRequest& profile, const CostProfiler& profiler) {
  const auto refuse = [&profiler](const char* field, const char* why) {
    return AtField(field,
                   absl::UnimplementedError(absl::StrCat("target ", Quoted(profiler.target()),
                                                         " is not measured here: it ", why)));
  };
  if (!profiler.RunsAssignments() && (profile.mixes > 0 || !profile.assignments.empty())) {
    return refuse(profile.mixes > 0 ? "mixes" : "assignment", "runs no assignments to compare");
  }
  if (profile.cold_caches && !profiler.EmptiesCaches()) {
    return refuse("cold_caches", "has no caches to empty");
  }
  return absl::OkStatus();
}

absl::Status CheckIsOneTarget(const std::string& target) {
  if (!DesignSpace::Describes(target)) return absl::OkStatus();
  return AtField(
      "target",
      WithReason(v1::TARGET_INVALID,
                 absl::InvalidArgumentError(absl::StrCat(
                     Quoted(target),
                     ": ranges, lists and constraints are for searches: a profile is of one "
                     "configuration, with one value for each parameter"))));
}

absl::StatusOr<AnalysisDocument> ProfileModel(const ServiceContext& context,
                                              const v1::ProfileModelRequest& request,
                                              const Progress& progress) {
  const std::string target = request.target().empty() ? kCpuTarget : request.target();
  HT_RETURN_IF_ERROR(CheckIsOneTarget(target));
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<CostProfiler> profiler,
                      context.CreateProfiler("target", target));
  ProfileRequest profile;
  HT_ASSIGN_OR_RETURN(profile.precisions, ProfilePrecisions(request.precisions(), *profiler));
  HT_ASSIGN_OR_RETURN(profile.batch, ReadCount("batch", request.batch(), 1, 4096));
  HT_ASSIGN_OR_RETURN(profile.threads, ReadCount("threads", request.threads(), 0, 1024));
  if (!context.IsElsewhere(target)) {
    HT_RETURN_IF_ERROR(AtField("threads", CheckThreads(profile.threads)));
  }
  profile.refresh = request.refresh();
  profile.cold_caches = request.cold_caches();
  HT_ASSIGN_OR_RETURN(profile.mixes, ReadCount("mixes", request.mixes(), 0, 1000));
  HT_RETURN_IF_ERROR(AddAssignment(request, profile));
  HT_RETURN_IF_ERROR(CheckIsMeasured(profile, *profiler));
  HT_ASSIGN_OR_RETURN(
      const PreparedNetwork network,
      context.LoadNetwork("model", request.model(), request.inputs(), {}, /*data=*/nullptr));
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(profile.batch));
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(graph));
  profile.graph = &graph;
  profile.layers = &layers;
  const absl::StatusOr<CostTable> table = profiler->Profile(profile, progress);
  if (!table.ok()) return AtPrecision(request, profile, *profiler, table.status());
  return AnalysisDocument{CostTableToJson(*table).dump(), ""};
}

absl::Status SolveProblem(const v1::SolveProblemRequest& request,
                          v1::SolveProblemResponse* response, const Cancellation& cancellation) {
  SolveOptions options;
  const absl::StatusOr<absl::Duration> limit =
      TimeLimitFromProto(request.time_limit_seconds(), absl::InfiniteDuration());
  if (!limit.ok()) return AtField("time_limit_seconds", limit.status());
  options.time_limit = *limit;
  const absl::StatusOr<Problem> problem = ReadProblem(request.problem_json());
  if (!problem.ok()) return AtField("problem_json", problem.status());
  Progress progress;
  progress.cancellation = cancellation;
  HT_ASSIGN_OR_RETURN(Solution solution, Solve(*problem, options, progress));
  if (request.explain() && solution.status != Solution::Status::kInfeasible) {
    HT_ASSIGN_OR_RETURN(solution.explanation, Explain(*problem, solution, {}, progress));
  }
  // What was cut off is still an answer, if an unverified one.
  if (request.verify() && cancellation.Check().ok()) {
    HT_ASSIGN_OR_RETURN(solution.verified, Verify(*problem, solution, cancellation));
  }
  if (solution.verified.has_value()) {
    response->mutable_verification()->set_optimal(solution.verified->optimal);
    response->mutable_verification()->set_lower_bound(solution.verified->lower_bound);
  }
  *response->mutable_solution() = SolutionToProto(solution);
  response->set_result_json(SolutionToJson(solution).dump());
  return absl::OkStatus();
}

void ListTargets(const ServiceContext& context, v1::ListTargetsResponse* response) {
  for (const ProfilerRegistry::Target& target : context.profilers->List()) {
    v1::Target* out = response->add_targets();
    out->set_name(target.name);
    out->set_description(target.description);
  }
  if (context.remotes == nullptr) return;
  for (const RegisteredProfiler& profiler : context.remotes->List()) {
    for (v1::Target& target : *response->mutable_targets()) {
      if (target.name() == profiler.name) *target.add_profilers() = RegistrationToProto(profiler);
    }
  }
}

void GetVersion(v1::GetVersionResponse* response) {
  response->set_version(HALFTONE_VERSION);
  response->set_build(absl::StrCat("compiler ", __VERSION__));
}

}  // namespace halftone
