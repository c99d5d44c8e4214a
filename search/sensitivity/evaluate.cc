#include "search/sensitivity/evaluate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/memory_budget.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/evaluation_memory.h"
#include "search/sensitivity/float_outputs.h"
#include "search/sensitivity/head_sums.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/partwise_network.h"
#include "search/sensitivity/sample_meter.h"

namespace halftone {
namespace {

// A network part's run holds up to a quarter of what is kept besides.
constexpr double kKeptAndHeld = 1.25;
// Over samples, of the heads.
struct Sums {
  explicit Sums(size_t heads) : heads(heads) {}
  std::vector<HeadSums> heads;
  int64_t float_correct = 0, quantized_correct = 0;
};

int64_t ArgMax(absl::Span<const float> row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

absl::Status CheckIsLayer(const PreparedNetwork& network, const std::string& name) {
  if (network.layers.Find(name) != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the assignment names ", Quoted(name), ", which is no layer of the network"));
}

// The same choice for the same layer and precision each time: what is kept between evaluations goes
// by choices.
using KnownChoices = std::map<std::pair<std::string, Precision>, ChoicePtr>;

absl::StatusOr<ChosenLayers> ResolveAssignment(const PreparedNetwork& network,
                                               const Calibration& calibration,
                                               const std::map<std::string, Precision>& assignment,
                                               const ExecutedLayers& executed,
                                               KnownChoices& known) {
  ChosenLayers chosen;
  for (const auto& [name, precision] : assignment) {
    HT_RETURN_IF_ERROR(CheckIsLayer(network, name));
    if (precision.IsFloat32()) continue;
    ChoicePtr& choice = known[{name, precision}];
    if (choice == nullptr) {
      HT_ASSIGN_OR_RETURN(choice, MakeQuantizedChoice(calibration, name, precision, executed));
    }
    chosen[name] = choice;
  }
  return chosen;
}

// The elements of a batch of that value.
using OutputOf = std::function<absl::StatusOr<absl::Span<const float>>(const std::string& value)>;

bool IsFloat(const ChosenLayers& chosen) {
  return std::all_of(chosen.begin(), chosen.end(),
                     [](const auto& layer) { return layer.second->IsFloat(); });
}

}  // namespace

struct AssignmentEvaluator::Impl {
  Impl(const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
       ExecutedLayers executed, int64_t batch)
      : network(network),
        data(data),
        calibration(calibration),
        executed(std::move(executed)),
        batch(batch),
        reference(data, batch) {}

  absl::Status Prepare(const Progress& progress, SampleValues values, int64_t kept_bytes) {
    HT_ASSIGN_OR_RETURN(graph, network.Bind(batch));
    HT_RETURN_IF_ERROR(CheckData(network, graph, data, /*needs_labels=*/false));
    HT_ASSIGN_OR_RETURN(const MemoryEstimate estimate,
                        EstimateEvaluation(network, graph, batch, data, values));
    HT_RETURN_IF_ERROR(CheckEvaluationMemory(estimate));
    const double room = (MemoryBudget::LimitBytes() - estimate.Total()) / kKeptAndHeld;
    kept_bytes = static_cast<int64_t>(std::min(static_cast<double>(kept_bytes), room));
    HT_ASSIGN_OR_RETURN(heads, ResolveHeads(network, graph, LossKind::kAuto));
    HT_RETURN_IF_ERROR(reference.Prepare(graph, heads, progress));
    quantized =
        std::make_unique<PartwiseNetwork>(graph, network.layers, heads, data, batch, kept_bytes);
    if (values == SampleValues::kNone) return absl::OkStatus();
    sample_meter = std::make_unique<SampleMeter>(heads, data.samples());
    for (size_t h = 0; h < heads.size() && values == SampleValues::kPseudovalues; ++h) {
      sample_meter->Pool(h, reference.Kept(h));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Evaluation> Evaluate(const ChosenLayers& chosen, const Progress& progress) {
    Sums sums(heads.size());
    if (sample_meter != nullptr) sample_meter->Begin();
    const auto add = [&](int64_t begin, int64_t valid, const BatchRunner* quantized) {
      const OutputOf output = [quantized](const std::string& value) {
        return quantized->Output(value);
      };
      return AddBatch(begin, valid, quantized == nullptr ? OutputOf() : output,
                      progress.cancellation, sums);
    };
    if (IsFloat(chosen)) {
      HT_RETURN_IF_ERROR(
          ForEachBatch(data.samples(), batch, progress,
                       [&](int64_t begin, int64_t valid) { return add(begin, valid, nullptr); }));
      return Summarize(sums);
    }
    HT_RETURN_IF_ERROR(quantized->Run(
        chosen, progress, [&](int64_t begin, int64_t valid, const BatchRunner& outputs) {
          return add(begin, valid, &outputs);
        }));
    return Summarize(sums);
  }

  absl::StatusOr<Evaluation> Evaluate(ComputedNetwork& computed, const Progress& progress) {
    Sums sums(heads.size());
    if (sample_meter != nullptr) sample_meter->Begin();
    const OutputOf output = [&](const std::string& value) { return computed.Output(value); };
    HT_RETURN_IF_ERROR(ForEachBatch(
        data.samples(), batch, progress, [&](int64_t begin, int64_t valid) -> absl::Status {
          HT_RETURN_IF_ERROR(computed.Run(begin, progress.cancellation));
          return AddBatch(begin, valid, output, progress.cancellation, sums);
        }));
    return Summarize(sums);
  }

  // `quantized`: null where it is the float network.
  absl::Status AddBatch(int64_t begin, int64_t valid, const OutputOf& quantized,
                        const Cancellation& cancellation, Sums& sums) {
    HT_RETURN_IF_ERROR(reference.Run(begin, cancellation));
    for (size_t h = 0; h < heads.size(); ++h) {
      HT_RETURN_IF_ERROR(AddHead(h, begin, valid, quantized, sums));
    }
    return absl::OkStatus();
  }

  bool CountsAccuracy(size_t h) const {
    return data.has_labels() && FindClassHead(heads) == &heads[h];
  }

  absl::Status AddHead(size_t h, int64_t begin, int64_t valid, const OutputOf& quantized,
                       Sums& sums) const {
    absl::Span<const float> outputs;
    if (quantized != nullptr) {
      HT_ASSIGN_OR_RETURN(outputs, quantized(heads[h].value));
    }
    const auto size = static_cast<size_t>(heads[h].elements());
    for (int64_t n = 0; n < valid; ++n) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> before, reference.At(h, begin + n));
      const absl::Span<const float> after =
          quantized == nullptr ? before : outputs.subspan(static_cast<size_t>(n) * size, size);
      HT_RETURN_IF_ERROR(AddSample(h, begin + n, before, after, sums));
    }
    return absl::OkStatus();
  }

  absl::Status AddSample(size_t h, int64_t sample, absl::Span<const float> before,
                         absl::Span<const float> after, Sums& sums) const {
    HeadSums& head = sums.heads[h];
    for (size_t i = 0; i < before.size(); ++i) {
      if (!std::isfinite(before[i]) || !std::isfinite(after[i])) {
        return absl::InvalidArgumentError(
            absl::StrCat("output '", heads[h].value, "' of sample ", sample, " is not finite"));
      }
      const double difference = static_cast<double>(after[i]) - static_cast<double>(before[i]);
      head.squared_difference += difference * difference;
      head.squared_signal += static_cast<double>(before[i]) * static_cast<double>(before[i]);
    }
    head.elements += static_cast<int64_t>(before.size());
    if (sample_meter != nullptr) sample_meter->Add(h, sample, before, after);
    head.divergence += DivergenceOfSample(heads[h], before, after);
    if (CountsAccuracy(h)) {
      const int64_t label = data.labels()[static_cast<size_t>(sample)];
      sums.float_correct += ArgMax(before) == label ? 1 : 0;
      sums.quantized_correct += ArgMax(after) == label ? 1 : 0;
    }
    return absl::OkStatus();
  }

  Evaluation Summarize(const Sums& sums) const {
    Evaluation evaluation;
    evaluation.samples = data.samples();
    const auto samples = static_cast<double>(data.samples());
    HeadSums all;
    for (size_t h = 0; h < heads.size(); ++h) {
      all.Add(sums.heads[h]);
      const double divergence = sums.heads[h].divergence / samples;
      evaluation.divergence += heads[h].factor * divergence;
      if (heads[h].is_kl() || heads[h].kind == HeadKind::kBernoulli) evaluation.kl += divergence;
      evaluation.heads.push_back({network.heads[h].name(), divergence, heads[h].factor * divergence,
                                  sums.heads[h].Mse(), sums.heads[h].SqnrDb()});
    }
    for (HeadEvaluation& head : evaluation.heads) {
      head.share = evaluation.divergence > 0 ? head.share / evaluation.divergence : 0;
    }
    if (sample_meter != nullptr) evaluation.sample_values = sample_meter->Finish();
    evaluation.mse = all.Mse();
    evaluation.sqnr_db = all.SqnrDb();
    if (data.has_labels() && FindClassHead(heads) != nullptr) {
      evaluation.float_accuracy = static_cast<double>(sums.float_correct) / samples;
      evaluation.quantized_accuracy = static_cast<double>(sums.quantized_correct) / samples;
    }
    return evaluation;
  }

  const PreparedNetwork& network;
  const Dataset& data;
  const Calibration& calibration;
  const ExecutedLayers executed;
  int64_t batch;
  Graph graph;
  std::vector<Head> heads;
  FloatOutputs reference;
  KnownChoices known;
  std::unique_ptr<PartwiseNetwork> quantized;
  std::unique_ptr<SampleMeter> sample_meter;  // where evaluations tell of samples
};

AssignmentEvaluator::AssignmentEvaluator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AssignmentEvaluator::~AssignmentEvaluator() = default;

absl::StatusOr<std::unique_ptr<AssignmentEvaluator>> AssignmentEvaluator::Create(
    const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
    const Progress& progress, SampleValues values, int64_t kept_bytes, ExecutedLayers executed) {
  HT_ASSIGN_OR_RETURN(const int64_t batch, EvaluationBatch(network, data.samples()));
  auto impl = std::make_unique<Impl>(network, data, calibration, std::move(executed), batch);
  HT_RETURN_IF_ERROR(impl->Prepare(progress, values, kept_bytes));
  return std::unique_ptr<AssignmentEvaluator>(new AssignmentEvaluator(std::move(impl)));
}

std::string AssignmentEvaluator::output_metric() const { return OutputMetricOf(impl_->heads); }

absl::StatusOr<Evaluation> AssignmentEvaluator::Evaluate(
    const std::map<std::string, Precision>& assignment, const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const ChosenLayers chosen,
                      ResolveAssignment(impl_->network, impl_->calibration, assignment,
                                        impl_->executed, impl_->known));
  return impl_->Evaluate(chosen, progress);
}

absl::StatusOr<Evaluation> AssignmentEvaluator::EvaluateChosen(const ChosenLayers& chosen,
                                                               const Progress& progress) {
  for (const auto& [name, choice] : chosen) {
    HT_RETURN_IF_ERROR(CheckIsLayer(impl_->network, name));
  }
  return impl_->Evaluate(chosen, progress);
}

absl::StatusOr<Evaluation> AssignmentEvaluator::EvaluateComputed(ComputedNetwork& computed,
                                                                 const Progress& progress) {
  return impl_->Evaluate(computed, progress);
}

int64_t AssignmentEvaluator::batch() const { return impl_->batch; }

absl::StatusOr<std::string> EvaluatedMetric(const PreparedNetwork& network) {
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(network.BatchFor(1, 1)));
  HT_ASSIGN_OR_RETURN(const std::vector<Head> heads, ResolveHeads(network, graph, LossKind::kAuto));
  return OutputMetricOf(heads);
}

absl::StatusOr<Evaluation> EvaluateAssignment(const PreparedNetwork& network, const Dataset& data,
                                              const Calibration& calibration,
                                              const std::map<std::string, Precision>& assignment,
                                              const Progress& progress) {
  KnownChoices known;
  HT_RETURN_IF_ERROR(ResolveAssignment(network, calibration, assignment, {}, known).status());
  HT_ASSIGN_OR_RETURN(const auto evaluator,
                      AssignmentEvaluator::Create(network, data, calibration,
                                                  progress.Part(0, 0.45), SampleValues::kNone,
                                                  /*kept_bytes=*/0));
  return evaluator->Evaluate(assignment, progress.Part(0.45, 1));
}

}  // namespace halftone
