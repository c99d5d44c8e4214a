#include "search/pipeline.h"

#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/enum_names.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "profilers/design_space.h"
#include "search/codesign_run.h"
#include "search/dominated.h"
#include "search/executed.h"
#include "search/execution.h"
#include "search/exported_check.h"
#include "search/first_answer.h"
#include "search/measure_plan.h"
#include "search/offer.h"
#include "search/refine_stage.h"
#include "search/report.h"
#include "search/sensitivity/memory_estimate.h"
#include "search/sensitivity/time_estimate.h"
#include "search/solve_tables.h"
#include "search/spec_check.h"
#include "search/stage_inputs.h"
#include "search/stage_keys.h"
#include "search/stage_outputs.h"
#include "search/stage_runner.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr EnumName<Stage> kStages[] = {{Stage::kImport, "import"},
                                       {Stage::kCalibrate, "calibrate"},
                                       {Stage::kSensitivity, "sensitivity"},
                                       {Stage::kProfile, "profile"},
                                       {Stage::kSolve, "solve"},
                                       {Stage::kValidate, "validate"},
                                       {Stage::kExport, "export"},
                                       {Stage::kRefine, "refine"}};
constexpr EnumNames<Stage> kStageNames("stage", kStages);

absl::Status CheckSpec(const SearchSpec& spec) {
  if (spec.model.empty()) return absl::InvalidArgumentError("the search names no model");
  if (spec.calibration.empty()) {
    return absl::InvalidArgumentError("the search names no calibration data");
  }
  if (spec.target.empty()) return absl::InvalidArgumentError("the search names no target");
  if (spec.batch < 1 || spec.batch > 4096) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", spec.batch, " is not in 1 to 4096"));
  }
  return absl::OkStatus();
}

bool SameDevice(const DeviceInfo& a, const DeviceInfo& b) {
  return a.name == b.name && a.isa == b.isa && a.library == b.library;
}

// One run of the pipeline, stage by stage. The network and the data are loaded when the first
// stage that is not reused needs them.
class SearchRun {
 public:
  SearchRun(const SearchSpec& spec, ArtifactStore& store, const PipelineObserver& observer,
            const Cancellation& cancellation, absl::string_view job)
      : job_(job),
        asked_(spec),
        spec_(spec),
        store_(store),
        inputs_(store, spec.model, spec.calibration, spec.sensitivity.samples, spec.inputs,
                spec.heads),
        observer_(LettingGoOf(&inputs_, observer)),
        stages_(store, observer_, cancellation) {}

  absl::StatusOr<SearchResult> Run(const ProfilerRegistry& profilers) {
    HT_RETURN_IF_ERROR(CheckSpec(spec_));
    HT_RETURN_IF_ERROR(ResolveInputs());
    HT_RETURN_IF_ERROR(FindTarget(profilers));
    HT_RETURN_IF_ERROR(CheckMetrics(spec_, profiler_.get()));
    HT_RETURN_IF_ERROR(StoreOffer());
    HT_RETURN_IF_ERROR(Import());
    HT_RETURN_IF_ERROR(CheckAgainstNetwork());
    HT_RETURN_IF_ERROR(LearnExecution());
    HT_RETURN_IF_ERROR(FindQuantizers());
    // Before the losses, so that there is an answer as soon as these are known to second order.
    HT_RETURN_IF_ERROR(MeasureCosts());
    HT_RETURN_IF_ERROR(LearnWhatIsDominated());
    HT_RETURN_IF_ERROR(MeasureLosses());
    HT_RETURN_IF_ERROR(SolveProblem());
    HT_RETURN_IF_ERROR(RefineAnswer());
    HT_RETURN_IF_ERROR(Validate());
    return Export();
  }

 private:
  // Before anything is looked up: what is stored of a network depends on it.
  absl::Status ResolveInputs() {
    absl::StatusOr<std::string> identity = inputs_.Identity(InputsKey(spec_));
    HT_RETURN_IF_ERROR(
        Annotate(identity.status(), absl::StrCat("stage ", StageName(Stage::kImport))));
    spec_.inputs_identity = *std::move(identity);
    return absl::OkStatus();
  }

  absl::Status FindTarget(const ProfilerRegistry& profilers) {
    if (DesignSpace::Describes(spec_.target)) {
      HT_ASSIGN_OR_RETURN(codesign_, CodesignRun::Create(spec_, profilers));
      offer_ = codesign_->offer();
      return absl::OkStatus();
    }
    HT_ASSIGN_OR_RETURN(profiler_, profilers.Create(spec_.target));
    HT_ASSIGN_OR_RETURN(offer_, MakeOffer(spec_, *profiler_));
    return absl::OkStatus();
  }

  absl::Status StoreOffer() {
    return store_.StoreStage(Stage::kProfile, OfferKey(spec_), OfferToBytes(offer_));
  }

  absl::Status Import() {
    HT_ASSIGN_OR_RETURN(
        import_output_,
        stages_.Run(Stage::kImport, ImportKey(spec_),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
                      HT_RETURN_IF_ERROR(progress.Step(0.8, "finding what is alive together"));
                      HT_ASSIGN_OR_RETURN(const auto summary, SummarizeNetwork(*network));
                      return NetworkSummaryToJson(summary).dump();
                    }));
    return absl::OkStatus();
  }

  // What the spec asks of layers, and whether memory holds the configurations: before anything is
  // measured, not when it is needed.
  absl::Status CheckAgainstNetwork() {
    HT_ASSIGN_OR_RETURN(const NetworkSummary network, NetworkSummaryFromBytes(import_output_));
    HT_RETURN_IF_ERROR(CheckChoices(spec_, network, offer_.offered));
    return Annotate(codesign_ == nullptr ? CheckHasCosts(*profiler_, network, offer_, spec_)
                                         : codesign_->CheckMemory(network),
                    absl::StrCat("stage ", StageName(Stage::kProfile)));
  }

  // What the losses are of, where the target says it.
  absl::Status LearnExecution() {
    if (profiler_ != nullptr) runner_ = profiler_->Runner();
    HT_ASSIGN_OR_RETURN(execution_, StateExecution(spec_, offer_, runner_.get(), inputs_, store_));
    HT_ASSIGN_OR_RETURN(executed_, ExecutedLayersFromBytes(execution_));
    return absl::OkStatus();
  }

  std::string SensitivityKeyOf() const {
    return DominatedKey(SensitivityKey(spec_, offer_.offered, execution_),
                        DominatedText(dominated_));
  }

  // What need not be measured for this search, unless it was for another one.
  absl::Status LearnWhatIsDominated() {
    if (codesign_ != nullptr || store_.LoadStage(Stage::kSensitivity, SensitivityKeyOf()).ok()) {
      return absl::OkStatus();
    }
    HT_ASSIGN_OR_RETURN(dominated_,
                        FindDominatedOf(spec_, import_output_, profile_output_, offer_.offered));
    return absl::OkStatus();
  }

  SensitivityOptions OptionsFor(const PreparedNetwork& network) const {
    return OptionsWithPairs(spec_.sensitivity, network.layers.layers.size(), offer_.offered.size());
  }

  // How long what comes will take.
  absl::Status NoteEstimate(const PreparedNetwork& network, const Dataset& data,
                            const Cancellation& cancellation) {
    if (!observer_.note) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(
        const std::string text,
        EstimateSensitivityTime(network, data, offer_.offered, OptionsFor(network), cancellation));
    if (!text.empty()) observer_.note(text);
    return absl::OkStatus();
  }

  absl::Status FindQuantizers() {
    HT_ASSIGN_OR_RETURN(
        calibrate_output_,
        stages_.Run(Stage::kCalibrate, CalibrateKey(spec_, offer_.offered),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
                      HT_ASSIGN_OR_RETURN(
                          const auto* samples,
                          inputs_.MeasuredSamples(spec_.quantization, progress.Part(0, 0.1)));
                      // Of what comes after it: calibrating takes a while, and would be for
                      // nothing.
                      HT_RETURN_IF_ERROR(CheckSensitivityMemory(
                          *network, samples->data, offer_.offered, OptionsFor(*network)));
                      HT_RETURN_IF_ERROR(
                          NoteEstimate(*network, samples->data, progress.cancellation));
                      HT_ASSIGN_OR_RETURN(Calibration calibration,
                                          Calibrate(*network, samples->data, offer_.offered,
                                                    spec_.quantization, progress.Part(0.1, 1)));
                      absl::c_copy(samples->warnings, std::back_inserter(calibration.warnings));
                      return CalibrationToJson(calibration).dump();
                    }));
    return absl::OkStatus();
  }

  absl::Status MeasureLosses() {
    const std::string key = SensitivityKeyOf();
    HT_ASSIGN_OR_RETURN(
        sensitivity_output_,
        stages_.Run(
            Stage::kSensitivity, key,
            [&](const Progress& progress) -> absl::StatusOr<std::string> {
              HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
              HT_ASSIGN_OR_RETURN(
                  const auto* samples,
                  inputs_.MeasuredSamples(spec_.quantization, progress.Part(0, 0.05)));
              HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
              const auto announce = [&](const SensitivityResult& losses) {
                return AnnounceFirstAnswer(losses, progress.cancellation);
              };
              HT_ASSIGN_OR_RETURN(
                  SensitivityResult result,
                  MeasureSensitivity(*network, samples->data, *calibration, offer_.offered,
                                     OptionsFor(*network), progress.Part(0.05, 1), executed_,
                                     announce, dominated_));
              HT_RETURN_IF_ERROR(
                  store_.StoreStage(Stage::kSensitivity, PairsKey(key), TakePairs(result)));
              return SensitivityToJson(result).dump();
            },
            // Both or none: they are of one measurement.
            [&](const std::string&) {
              return store_.LoadStage(Stage::kSensitivity, PairsKey(key)).ok();
            }));
    return absl::OkStatus();
  }

  // What is wrong with the problem is found here too, minutes before it is solved; but that there
  // was no time for a first answer is no error. Of a design space there is none.
  absl::Status AnnounceFirstAnswer(const SensitivityResult& losses,
                                   const Cancellation& cancellation) {
    if (!observer_.artifact_ready || codesign_ != nullptr) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(
        const Tables tables,
        ParseTables(import_output_, SensitivityToJson(losses).dump(), profile_output_));
    const absl::StatusOr<FirstAnswer> answer = FindFirstAnswer(tables, offer_, spec_, cancellation);
    HT_RETURN_IF_ERROR(cancellation.Check());
    if (absl::IsDeadlineExceeded(answer.status())) return absl::OkStatus();
    HT_RETURN_IF_ERROR(answer.status());
    HT_ASSIGN_OR_RETURN(const std::string sha256, store_.StoreBlob(answer->json));
    observer_.artifact_ready(kFirstAnswerFile, sha256, answer->text);
    return absl::OkStatus();
  }

  absl::StatusOr<CostTable> ProfileOn(CostProfiler& profiler, const Progress& progress) {
    HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
    const int64_t batch = network->graph.fixed_batch().value_or(spec_.batch);
    HT_ASSIGN_OR_RETURN(const Graph graph, network->Bind(batch));
    HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(graph));
    ProfileRequest request;
    request.graph = &graph;
    request.layers = &layers;
    request.precisions = offer_.profiled;
    request.batch = static_cast<int>(batch);
    request.threads = spec_.threads;
    request.refresh = spec_.refresh;
    request.waiting = observer_.waiting;
    return profiler.Profile(request, progress);
  }

  absl::Status MeasureCosts() {
    if (codesign_ != nullptr) return MeasureConfigurations();
    const std::string key = ProfileKey(spec_, offer_.profiled);
    HT_ASSIGN_OR_RETURN(profile_output_,
                        stages_.Run(
                            Stage::kProfile, key,
                            [&](const Progress& progress) { return MeasureTable(key, progress); },
                            [&](const std::string& output) { return AcceptsCosts(key, output); }));
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> MeasureTable(const std::string& key, const Progress& progress) {
    HT_ASSIGN_OR_RETURN(const CostTable table, ProfileOn(*profiler_, progress));
    std::string output = CostTableToJson(table).dump();
    if (table.IsDisturbed()) HT_RETURN_IF_ERROR(NoteOwnCosts(key, output));
    return output;
  }

  // A table of another machine or library is measured again; so is one that another job measured
  // while the machine was busy, and any on request.
  bool AcceptsCosts(const std::string& key, const std::string& output) {
    if (spec_.refresh) return false;
    const absl::StatusOr<json> document = ParseStored(output, "cost table");
    if (!document.ok()) return false;
    const absl::StatusOr<CostTable> table = CostTableFromJson(*document);
    if (!table.ok() || !SameDevice(table->device, profiler_->Describe())) return false;
    return !table->IsDisturbed() || HasOwnCosts(key, output);
  }

  // Beside the table, which has it under `key`: that this job measured it.
  absl::Status NoteOwnCosts(const std::string& key, const std::string& output) {
    if (job_.empty()) return absl::OkStatus();
    return store_.StoreStage(Stage::kProfile, absl::StrCat(key, "/", job_), Sha256Hex(output));
  }

  bool HasOwnCosts(const std::string& key, const std::string& output) {
    if (job_.empty()) return false;
    const absl::StatusOr<std::string> own =
        store_.LoadStage(Stage::kProfile, absl::StrCat(key, "/", job_));
    return own.ok() && *own == Sha256Hex(output);
  }

  absl::Status MeasureConfigurations() {
    const auto profile = [this](CostProfiler& profiler, const Progress& progress) {
      return ProfileOn(profiler, progress);
    };
    HT_ASSIGN_OR_RETURN(profile_output_,
                        stages_.Run(
                            Stage::kProfile, ProfileKey(spec_, offer_.profiled),
                            [&](const Progress& progress) {
                              return codesign_->MeasureCosts(store_, profile, progress);
                            },
                            [&](const std::string& output) {
                              return !spec_.refresh && codesign_->HasCosts(store_, output);
                            }));
    return codesign_->LoadCosts(store_, profile_output_);
  }

  // From here on the search is one on the chosen configuration.
  absl::Status SolveConfigurations() {
    HT_ASSIGN_OR_RETURN(tables_,
                        ParseTables(import_output_, sensitivity_output_, codesign_->base_costs()));
    HT_ASSIGN_OR_RETURN(
        solve_output_,
        stages_.Run(
            Stage::kSolve, SolveKey(spec_, import_output_, sensitivity_output_, profile_output_),
            [&](const Progress& progress) -> absl::StatusOr<std::string> {
              HT_ASSIGN_OR_RETURN(const SolveOutput output, codesign_->Solve(tables_, progress));
              HT_RETURN_IF_ERROR(progress.cancellation.Check());
              return SolveOutputToBytes(output);
            }));
    HT_ASSIGN_OR_RETURN(solved_, SolveOutputFromBytes(solve_output_));
    HT_ASSIGN_OR_RETURN(spec_, codesign_->ChosenSpec(solved_));
    HT_ASSIGN_OR_RETURN(profile_output_, codesign_->ChosenCosts(spec_.target));
    HT_ASSIGN_OR_RETURN(tables_, ParseTables(import_output_, sensitivity_output_, profile_output_));
    // So that ReSolve finds what was offered there.
    return StoreOffer();
  }

  absl::Status SolveProblem() {
    if (codesign_ != nullptr) return SolveConfigurations();
    HT_ASSIGN_OR_RETURN(tables_, ParseTables(import_output_, sensitivity_output_, profile_output_));
    HT_ASSIGN_OR_RETURN(
        solve_output_,
        stages_.Run(Stage::kSolve,
                    SolveKey(spec_, import_output_, sensitivity_output_, profile_output_),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const SolveOutput output,
                                          SolveTables(tables_, offer_, spec_, progress));
                      // A cut-off answer must not stand for the problem's.
                      HT_RETURN_IF_ERROR(progress.cancellation.Check());
                      return SolveOutputToBytes(output);
                    }));
    HT_ASSIGN_OR_RETURN(solved_, SolveOutputFromBytes(solve_output_));
    return absl::OkStatus();
  }

  bool IsInfeasible() const { return solved_.solution.status == Solution::Status::kInfeasible; }

  absl::Status RefineAnswer() {
    if (!IsRefined(spec_, solved_.solution)) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(
        refine_output_,
        stages_.Run(
            Stage::kRefine,
            RefineKey(spec_, calibrate_output_, execution_, sensitivity_output_, solve_output_),
            [&](const Progress& progress) -> absl::StatusOr<std::string> {
              HT_ASSIGN_OR_RETURN(const RefineOutput output, EvaluateAssignments(progress));
              return RefineOutputToBytes(output);
            }));
    HT_ASSIGN_OR_RETURN(RefineOutput output, RefineOutputFromBytes(refine_output_));
    refined_ = std::move(output.refinement);
    if (output.solved.has_value()) solved_ = *std::move(output.solved);
    return absl::OkStatus();
  }

  absl::StatusOr<RefineOutput> EvaluateAssignments(const Progress& progress) {
    HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
    HT_ASSIGN_OR_RETURN(const auto* samples,
                        inputs_.MeasuredSamples(spec_.quantization, progress.Part(0, 0.05)));
    HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
    HT_ASSIGN_OR_RETURN(const std::string bytes,
                        store_.LoadStage(Stage::kSensitivity, PairsKey(SensitivityKeyOf())));
    HT_ASSIGN_OR_RETURN(const std::vector<float> pairs, PairsFromBytes(bytes));
    AssignmentMeter meter(*network, samples->data, *calibration, store_,
                          MeterKey(spec_, calibrate_output_, execution_),
                          SampleValues::kPseudovalues, executed_);
    absl::StatusOr<RefineOutput> output =
        RefineSolved(spec_, tables_, offer_, solved_, pairs, meter, progress.Part(0.05, 1));
    const absl::Status kept = meter.Flush();
    if (output.ok()) HT_RETURN_IF_ERROR(kept);
    return output;
  }

  absl::Status Validate() {
    if (IsInfeasible()) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(
        validate_output_,
        stages_.Run(Stage::kValidate,
                    ValidateKey(spec_, calibrate_output_, solve_output_, refine_output_,
                                runner_ == nullptr ? "" : runner_->Machine()),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const ValidateOutput output,
                                          RunNetworks(runner_.get(), progress));
                      return ValidateOutputToBytes(output);
                    }));
    HT_ASSIGN_OR_RETURN(validated_, ValidateOutputFromBytes(validate_output_));
    return absl::OkStatus();
  }

  // `runner`: null where the target does not run networks here.
  absl::StatusOr<ValidateOutput> RunNetworks(NetworkRunner* runner, const Progress& progress) {
    ValidateOutput output;
    HT_ASSIGN_OR_RETURN(const auto assignment, ShownAssignment(solved_.solution, refined_));
    HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
    HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
    HT_ASSIGN_OR_RETURN(const auto* calibration_data, inputs_.CalibrationData());
    Dataset data = *calibration_data;
    if (!spec_.evaluation.empty()) {
      HT_ASSIGN_OR_RETURN(data, inputs_.LoadDataset(spec_.evaluation));
      output.on_held_out = true;
    }
    HT_ASSIGN_OR_RETURN(
        output.evaluation,
        EvaluateWhereItRuns(*network, data, *calibration, assignment, runner, spec_.threads,
                            progress.Part(0, runner == nullptr ? 1 : 0.7)));
    if (runner == nullptr) return output;
    HT_ASSIGN_OR_RETURN(MeasuredLatency latency,
                        MeasureLatency(*network, *calibration, /*reference=*/{}, assignment,
                                       *runner, spec_.batch, spec_.threads, progress.Part(0.7, 1)));
    output.reference_measured_ns = latency.reference_ns;
    output.measured_ns = latency.assignment_ns;
    output.latency_warning = std::move(latency.warning);
    return output;
  }

  absl::StatusOr<SearchResult> Export() {
    HT_ASSIGN_OR_RETURN(SearchResult result,
                        AssembleResult(spec_, tables_.network, tables_.sensitivity, tables_.costs,
                                       solved_, refined_, validated_));
    result.model = spec_.model;
    HT_RETURN_IF_ERROR(AddNotes(result));
    result.spec = asked_;
    result.tables = NameTables();
    HT_ASSIGN_OR_RETURN(
        const std::string output,
        stages_.Run(
            Stage::kExport, ExportKey(spec_, solve_output_, refine_output_, validate_output_),
            [&](const Progress& progress) -> absl::StatusOr<std::string> {
              HT_RETURN_IF_ERROR(WriteArtifacts(result, progress));
              return ExportOutputToBytes(
                  {result.artifacts, result.exported, !result.not_exported.empty()});
            },
            [&](const std::string& stored) {
              const absl::StatusOr<ExportOutput> known = ExportOutputFromBytes(stored);
              return known.ok() && !known->failed && HasArtifacts(store_, known->artifacts);
            }));
    HT_ASSIGN_OR_RETURN(ExportOutput exported, ExportOutputFromBytes(output));
    result.artifacts = std::move(exported.artifacts);
    result.exported = std::move(exported.exported);
    return result;
  }

  // What calibration found out of outputs and data.
  absl::Status AddNotes(SearchResult& result) {
    HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
    result.heads = calibration->heads;
    result.warnings.insert(result.warnings.begin(), calibration->warnings.begin(),
                           calibration->warnings.end());
    return absl::OkStatus();
  }

  TableNames NameTables() const {
    TableNames names = TableNamesOf(spec_, offer_, execution_);
    names.network.sha256 = Sha256Hex(import_output_);
    names.calibration.sha256 = Sha256Hex(calibrate_output_);
    if (!execution_.empty()) names.execution.sha256 = Sha256Hex(execution_);
    names.sensitivity.key = SensitivityKeyOf();
    names.pairs.key = PairsKey(names.sensitivity.key);
    names.sensitivity.sha256 = Sha256Hex(sensitivity_output_);
    names.costs.sha256 = Sha256Hex(profile_output_);
    if (codesign_ != nullptr) {
      names.base_costs = codesign_->NameOfBase();
      names.base = codesign_->base();
    }
    return names;
  }

  absl::Status WriteArtifacts(SearchResult& result, const Progress& progress) {
    if (!IsInfeasible()) {
      HT_RETURN_IF_ERROR(progress.Step(0.1, "quantized.onnx"));
      HT_RETURN_IF_ERROR(WriteModel(progress.Part(0.1, 0.7), result));
    }
    HT_RETURN_IF_ERROR(progress.Step(0.7, "report.html"));
    HT_RETURN_IF_ERROR(Keep("report.html", RenderReport(result), result));
    const std::string frontier =
        RenderFrontier(result.solution, result.problem.frontier, result.problem.budgets);
    if (!frontier.empty()) HT_RETURN_IF_ERROR(Keep("frontier.svg", frontier, result));
    HT_RETURN_IF_ERROR(Keep("result.json", SearchResultToJson(result).dump(1), result));
    return progress.Step(1);
  }

  // Where it cannot be written, or is not the network, the rest of the result stands.
  absl::Status WriteModel(const Progress& progress, SearchResult& result) {
    HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
    HT_ASSIGN_OR_RETURN(const auto* data, inputs_.CalibrationData());
    HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
    HT_ASSIGN_OR_RETURN(const auto assignment, ShownAssignment(solved_.solution, refined_));
    const absl::StatusOr<CheckedExport> written =
        ExportChecked(*network, *data, *calibration, assignment, progress);
    if (!written.ok()) {
      HT_RETURN_IF_ERROR(progress.cancellation.Check());
      result.not_exported = std::string(written.status().message());
      result.warnings.push_back(absl::StrCat("there is no quantized.onnx: ", result.not_exported));
      return absl::OkStatus();
    }
    const ExportedOnnx& model = written->model;
    HT_RETURN_IF_ERROR(Keep("quantized.onnx", model.bytes, result));
    if (!model.external_data.empty()) {
      HT_RETURN_IF_ERROR(Keep(kExternalDataFile, model.external_data, result));
    }
    result.exported =
        ExportedModel{"quantized.onnx", model.opset, model.batch,
                      static_cast<int64_t>(model.bytes.size() + model.external_data.size()),
                      written->difference.difference};
    return absl::OkStatus();
  }

  absl::Status Keep(const std::string& name, const std::string& bytes, SearchResult& result) {
    HT_ASSIGN_OR_RETURN(result.artifacts[name], store_.StoreBlob(bytes));
    return absl::OkStatus();
  }

  const std::string job_;
  const SearchSpec asked_;
  SearchSpec spec_;  // of a design space, that of the chosen configuration in the end
  ArtifactStore& store_;
  StageInputs inputs_;
  const PipelineObserver observer_;
  StageRunner stages_;
  std::unique_ptr<CostProfiler> profiler_;  // of a single target
  std::unique_ptr<CodesignRun> codesign_;   // of a design space; else null
  std::unique_ptr<NetworkRunner> runner_;   // null where the target does not run networks here
  Offer offer_;
  std::string execution_;  // of StateExecution
  ExecutedLayers executed_;
  DominatedChoices dominated_;
  std::string import_output_, calibrate_output_, sensitivity_output_, profile_output_;
  std::string solve_output_, refine_output_, validate_output_;
  Tables tables_;
  SolveOutput solved_;
  std::optional<Refinement> refined_;
  ValidateOutput validated_;
};

}  // namespace

absl::string_view StageName(Stage stage) { return kStageNames.NameOf(stage); }

bool HasArtifacts(ArtifactStore& store, const std::map<std::string, std::string>& artifacts) {
  return absl::c_all_of(artifacts,
                        [&](const auto& artifact) { return store.LoadBlob(artifact.second).ok(); });
}

absl::StatusOr<SearchResult> RunSearch(const SearchSpec& spec, ArtifactStore& store,
                                       const ProfilerRegistry& profilers,
                                       const PipelineObserver& observer,
                                       const Cancellation& cancellation, absl::string_view job) {
  return SearchRun(spec, store, observer, cancellation, job).Run(profilers);
}

}  // namespace halftone
