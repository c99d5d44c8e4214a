#include "search/executed.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/graph/layer.h"
#include "search/measure_plan.h"
#include "search/sensitivity/divergence.h"

namespace halftone {
namespace {

using PrecisionOf = std::map<std::string, Precision>;
using Kind = ExtraRounding::Kind;

// Differences of the divergence that matter: in their standard errors, and of the divergence.
constexpr double kStandardErrors = 2;
constexpr double kShare = 0.1;
// Of the output's mean square, or of a KL divergence: what floats differ by in any case.
constexpr double kNegligible = 1e-6;
constexpr size_t kMostNames = 8;

// A runner's network on a data set.
class ComputedRun final : public ComputedNetwork {
 public:
  ComputedRun(const Graph& graph, const Dataset& data, int64_t batch, RunnableNetwork& run)
      : graph_(graph), data_(data), batch_(batch), run_(run) {}

  absl::Status Run(int64_t begin, const Cancellation& cancellation) override {
    for (const Port& input : graph_.inputs) {
      HT_ASSIGN_OR_RETURN(const Tensor tensor, data_.Batch(input.name, begin, batch_));
      HT_RETURN_IF_ERROR(run_.SetInput(input.name, tensor.data<float>()));
    }
    return run_.Run(cancellation);
  }
  absl::StatusOr<absl::Span<const float>> Output(const std::string& value) const override {
    return run_.Output(value);
  }

 private:
  const Graph& graph_;
  const Dataset& data_;
  const int64_t batch_;
  RunnableNetwork& run_;
};

// The mean of what each sample does, and of what it does more where the network runs.
struct Difference {
  double simulated = 0, executed = 0;
  double standard_error = 0;
  double negligible = kNegligible;

  double value() const { return executed - simulated; }
  bool Matters() const {
    const double size = std::abs(value());
    if (size <= negligible) return false;
    return size > kStandardErrors * standard_error || size > kShare * simulated;
  }
};

double MeanOf(const std::vector<double>& values) {
  MeanEstimate mean;
  for (const double value : values) mean.Add(value);
  return mean.mean();
}

Difference Compare(const Evaluation& simulated, const Evaluation& executed, bool is_mse) {
  MeanEstimate difference;
  for (size_t i = 0; i < simulated.sample_values.size(); ++i) {
    difference.Add(executed.sample_values[i] - simulated.sample_values[i]);
  }
  // The output's mean square.
  const double signal = executed.mse * std::pow(10, executed.sqnr_db / 10);
  return {MeanOf(simulated.sample_values), MeanOf(executed.sample_values),
          difference.standard_error(), is_mse ? kNegligible * signal : kNegligible};
}

// What is shown of it beside the simulation.
ExecutedEvaluation Shown(const Evaluation& executed, PrecisionOf ran_as) {
  ExecutedEvaluation shown;
  shown.accuracy = executed.quantized_accuracy;
  shown.divergence = executed.divergence;
  shown.kl = executed.kl;
  shown.mse = executed.mse;
  shown.sqnr_db = executed.sqnr_db;
  shown.assignment = std::move(ran_as);
  return shown;
}

std::string JoinSome(std::vector<std::string> names) {
  const size_t more = names.size() - std::min(names.size(), kMostNames);
  names.resize(names.size() - more);
  return absl::StrCat(absl::StrJoin(names, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

std::string Describe(const std::vector<ExtraRounding>& roundings, Kind kind) {
  std::vector<std::string> names, formats;
  for (const ExtraRounding& rounding : roundings) {
    if (rounding.kind != kind) continue;
    names.push_back(kind == Kind::kShortcut
                        ? absl::StrCat("what '", rounding.node, "' adds of '", rounding.source, "'")
                        : absl::StrCat("'", rounding.node, "'"));
    if (std::find(formats.begin(), formats.end(), rounding.format) == formats.end()) {
      formats.push_back(rounding.format);
    }
  }
  return absl::StrCat(kind == Kind::kShortcut ? "shortcuts stored in " : "sums and averages in ",
                      absl::StrJoin(formats, " and "), " (", JoinSome(std::move(names)), ")");
}

// Evaluates one assignment, simulated and as it runs.
class ExecutedMeter {
 public:
  ExecutedMeter(const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
                const PrecisionOf& assignment, NetworkRunner& runner, int threads)
      : network_(network),
        data_(data),
        calibration_(calibration),
        assignment_(assignment),
        runner_(runner),
        threads_(threads) {}

  absl::StatusOr<Evaluation> Run(const Progress& progress) {
    HT_ASSIGN_OR_RETURN(quantizers_, QuantizersOf(calibration_, assignment_));
    HT_ASSIGN_OR_RETURN(evaluator_, AssignmentEvaluator::Create(
                                        network_, data_, calibration_, progress.Part(0, 0.3),
                                        SampleValues::kDivergences, /*kept_bytes=*/0));
    HT_ASSIGN_OR_RETURN(graph_, network_.Bind(evaluator_->batch()));
    HT_ASSIGN_OR_RETURN(layers_, FindLayers(graph_));
    HT_ASSIGN_OR_RETURN(Evaluation simulated,
                        evaluator_->Evaluate(assignment_, progress.Part(0.3, 0.6)));
    HT_ASSIGN_OR_RETURN(const Evaluation executed, Execute({}, progress.Part(0.6, 0.8)));
    ExecutedEvaluation shown = Shown(executed, RanAsShown());
    const Difference difference =
        Compare(simulated, executed, evaluator_->output_metric() == "mse");
    if (difference.Matters()) {
      HT_ASSIGN_OR_RETURN(shown.warning, Explain(difference, progress.Part(0.8, 1)));
    }
    simulated.executed = std::move(shown);
    simulated.sample_values.clear();
    HT_RETURN_IF_ERROR(progress.Step(1));
    return simulated;
  }

 private:
  absl::StatusOr<Evaluation> Execute(RunOptions options, const Progress& progress) {
    options.threads = threads_;
    HT_ASSIGN_OR_RETURN(const auto run, runner_.Prepare(graph_, layers_, quantizers_, options));
    if (!options.exact_shortcuts && !options.exact_sums) {
      ran_as_ = run->RanAs();
      roundings_ = run->Roundings();
    }
    ComputedRun computed(graph_, data_, evaluator_->batch(), *run);
    return evaluator_->EvaluateComputed(computed, progress);
  }

  // What a layer was asked to compute with.
  Precision Asked(const Layer& layer) const {
    const auto found = assignment_.find(layer.name);
    return found == assignment_.end() ? Precision::Float32() : found->second;
  }

  bool RanAsAsked(const Layer& layer) const {
    const Precision asked = Asked(layer);
    const Precision& ran = ran_as_.at(layer.name);
    return layer.weights.empty() ? ran.activations == asked.activations : ran == asked;
  }

  PrecisionOf RanAsShown() const {
    PrecisionOf shown;
    for (const Layer& layer : layers_.layers) {
      shown[layer.name] = RanAsAsked(layer) ? Asked(layer) : ran_as_.at(layer.name);
    }
    return shown;
  }

  bool Rounds(Kind kind) const {
    return std::any_of(roundings_.begin(), roundings_.end(),
                       [&](const ExtraRounding& rounding) { return rounding.kind == kind; });
  }

  // What of the difference goes away without roundings of that kind.
  absl::Status Attribute(Kind kind, const Difference& difference, const Progress& progress,
                         std::vector<std::string>& causes, double& explained) {
    if (!Rounds(kind)) return absl::OkStatus();
    RunOptions options;
    options.exact_shortcuts = kind == Kind::kShortcut;
    options.exact_sums = kind == Kind::kSum;
    HT_ASSIGN_OR_RETURN(const Evaluation without, Execute(options, progress));
    const double share = (difference.executed - MeanOf(without.sample_values)) / difference.value();
    explained += share;
    if (share < kShare) return absl::OkStatus();
    causes.push_back(absl::StrFormat("%.0f %% of the difference by %s", 100 * share,
                                     Describe(roundings_, kind)));
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Explain(const Difference& difference, const Progress& progress) {
    std::vector<std::string> causes;
    double explained = 0;
    HT_RETURN_IF_ERROR(
        Attribute(Kind::kShortcut, difference, progress.Part(0, 0.5), causes, explained));
    HT_RETURN_IF_ERROR(Attribute(Kind::kSum, difference, progress.Part(0.5, 1), causes, explained));
    std::vector<std::string> others;
    for (const Layer& layer : layers_.layers) {
      if (RanAsAsked(layer)) continue;
      others.push_back(absl::StrCat("'", layer.name, "' (", ran_as_.at(layer.name).ToString(),
                                    " for ", Asked(layer).ToString(), ")"));
    }
    if (std::abs(1 - explained) >= kShare) {
      causes.push_back(absl::StrCat(causes.empty() ? "" : "the rest ",
                                    others.empty() ? "by roundings inside of kernels"
                                                   : absl::StrCat("by layers that run otherwise: ",
                                                                  JoinSome(std::move(others)))));
    }
    return absl::StrFormat("as it runs the network has a %s of %.3g, simulated %.3g: %s",
                           evaluator_->output_metric() == "kl"    ? "KL divergence"
                           : evaluator_->output_metric() == "mse" ? "squared error"
                                                                  : "divergence",
                           difference.executed, difference.simulated, absl::StrJoin(causes, "; "));
  }

  const PreparedNetwork& network_;
  const Dataset& data_;
  const Calibration& calibration_;
  const PrecisionOf& assignment_;
  NetworkRunner& runner_;
  const int threads_;
  QuantizedAssignment quantizers_;
  std::unique_ptr<AssignmentEvaluator> evaluator_;
  Graph graph_;
  LayerSet layers_;
  PrecisionOf ran_as_;
  std::vector<ExtraRounding> roundings_;
};

}  // namespace

absl::StatusOr<Evaluation> EvaluateWhereItRuns(const PreparedNetwork& network, const Dataset& data,
                                               const Calibration& calibration,
                                               const PrecisionOf& assignment, NetworkRunner* runner,
                                               int threads, const Progress& progress) {
  if (runner == nullptr) {
    return EvaluateAssignment(network, data, calibration, assignment, progress);
  }
  return ExecutedMeter(network, data, calibration, assignment, *runner, threads).Run(progress);
}

absl::StatusOr<ExecutedEvaluation> EvaluateExecuted(
    const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
    const PrecisionOf& assignment, NetworkRunner& runner, AssignmentEvaluator& evaluator,
    const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(evaluator.batch()));
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(graph));
  HT_ASSIGN_OR_RETURN(const QuantizedAssignment quantizers, QuantizersOf(calibration, assignment));
  HT_ASSIGN_OR_RETURN(const auto run, runner.Prepare(graph, layers, quantizers, {}));
  ComputedRun computed(graph, data, evaluator.batch(), *run);
  HT_ASSIGN_OR_RETURN(const Evaluation executed, evaluator.EvaluateComputed(computed, progress));
  return Shown(executed, run->RanAs());
}

}  // namespace halftone
