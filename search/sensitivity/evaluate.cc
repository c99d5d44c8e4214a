#include "search/sensitivity/evaluate.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sample_meter.h"

namespace halftone {
namespace {

constexpr int64_t kBatch = 32;
// Of the float network, that are kept rather than computed again: 256 MiB.
constexpr int64_t kMaxKeptElements = int64_t{1} << 26;
// JSON has no infinity: what identical outputs are given.
constexpr double kMaxSqnrDb = 300;

// Sums over samples, in double.
struct Sums {
  double kl = 0, squared_difference = 0, squared_signal = 0;
  int64_t elements = 0;
  int64_t float_correct = 0, quantized_correct = 0;
};

int64_t ArgMax(absl::Span<const float> row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

absl::Status CheckIsLayer(const PreparedNetwork& network, const std::string& name) {
  if (network.layers.Find(name) != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the assignment names '", name, "', which is no layer of the network"));
}

absl::StatusOr<ChosenLayers> ResolveAssignment(const PreparedNetwork& network,
                                               const Calibration& calibration,
                                               const std::map<std::string, Precision>& assignment) {
  ChosenLayers chosen;
  for (const auto& [name, precision] : assignment) {
    HT_RETURN_IF_ERROR(CheckIsLayer(network, name));
    if (precision.IsFloat32()) continue;
    HT_ASSIGN_OR_RETURN(LayerQuantizers quantizers, calibration.Find(name, precision));
    chosen[name] = std::make_shared<QuantizedChoice>(std::move(quantizers));
  }
  return chosen;
}

// The outputs of the float network, sample by sample: kept from one run over the data, or computed
// again in each pass where that would take too much memory.
class FloatOutputs {
 public:
  FloatOutputs(const Dataset& data, int64_t batch) : data_(data), batch_(batch) {}

  absl::Status Prepare(const Graph& graph, const std::vector<Head>& heads,
                       const Progress& progress) {
    heads_ = heads;
    HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph, heads));
    HT_ASSIGN_OR_RETURN(runner_, BatchRunner::Create(std::move(forward), data_, batch_));
    int64_t elements = 0;
    for (const Head& head : heads) elements += head.elements();
    if (elements > kMaxKeptElements / data_.samples()) return absl::OkStatus();
    kept_.resize(heads.size());
    HT_RETURN_IF_ERROR(ForEachBatch(
        data_.samples(), batch_, progress, [&](int64_t begin, int64_t valid) -> absl::Status {
          HT_RETURN_IF_ERROR(runner_->Run(begin, progress.cancellation));
          return Keep(valid);
        }));
    runner_.reset();
    return absl::OkStatus();
  }

  // To be called before At() for the samples from `begin`.
  absl::Status Run(int64_t begin, const Cancellation& cancellation) {
    if (runner_ == nullptr) return absl::OkStatus();
    begin_ = begin;
    return runner_->Run(begin, cancellation);
  }

  // Of all samples, or empty where they are computed again in each pass.
  absl::Span<const float> Kept(size_t head) const {
    return kept_.empty() ? absl::Span<const float>() : absl::MakeConstSpan(kept_[head]);
  }

  absl::StatusOr<absl::Span<const float>> At(size_t head, int64_t sample) const {
    absl::Span<const float> values;
    if (runner_ == nullptr) {
      values = kept_[head];
    } else {
      HT_ASSIGN_OR_RETURN(values, runner_->Output(heads_[head].value));
    }
    const auto size = static_cast<size_t>(heads_[head].elements());
    return values.subspan(static_cast<size_t>(sample - begin_) * size, size);
  }

 private:
  absl::Status Keep(int64_t valid) {
    for (size_t h = 0; h < heads_.size(); ++h) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner_->Output(heads_[h].value));
      const auto rows = values.first(static_cast<size_t>(valid * heads_[h].elements()));
      kept_[h].insert(kept_[h].end(), rows.begin(), rows.end());
    }
    return absl::OkStatus();
  }

  const Dataset& data_;
  int64_t batch_;
  int64_t begin_ = 0;  // the sample that the runner's outputs begin with
  std::vector<Head> heads_;
  std::vector<std::vector<float>> kept_;  // of each head, where the runner is gone
  std::unique_ptr<BatchRunner> runner_;
};

}  // namespace

struct AssignmentEvaluator::Impl {
  Impl(const PreparedNetwork& network, const Dataset& data, const Calibration& calibration)
      : network(network),
        data(data),
        calibration(calibration),
        batch(network.BatchFor(kBatch, data.samples())),
        reference(data, batch) {}

  absl::Status Prepare(const Progress& progress, SampleValues values) {
    HT_ASSIGN_OR_RETURN(graph, network.Bind(batch));
    HT_RETURN_IF_ERROR(CheckData(network, graph, data, /*needs_labels=*/false));
    HT_ASSIGN_OR_RETURN(heads, ResolveHeads(network, graph, LossKind::kAuto));
    HT_RETURN_IF_ERROR(reference.Prepare(graph, heads, progress));
    if (values == SampleValues::kNone) return absl::OkStatus();
    sample_meter = std::make_unique<SampleMeter>(heads, data.samples());
    for (size_t h = 0; h < heads.size() && values == SampleValues::kPseudovalues; ++h) {
      sample_meter->Pool(h, reference.Kept(h));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<BatchRunner>> Compile(const ChosenLayers& chosen) {
    HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerChosen(graph, chosen));
    std::vector<std::pair<std::string, ValueId>> outputs;
    for (const Head& head : heads) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, head.value));
      outputs.emplace_back(head.value, value);
    }
    return BatchRunner::Create(lowered.builder.Build(outputs), data, batch);
  }

  absl::StatusOr<Evaluation> Evaluate(const ChosenLayers& chosen, const Progress& progress) {
    Sums sums;
    if (sample_meter != nullptr) sample_meter->Begin();
    HT_ASSIGN_OR_RETURN(const auto quantized, Compile(chosen));
    HT_RETURN_IF_ERROR(ForEachBatch(
        data.samples(), batch, progress, [&](int64_t begin, int64_t valid) -> absl::Status {
          HT_RETURN_IF_ERROR(reference.Run(begin, progress.cancellation));
          HT_RETURN_IF_ERROR(quantized->Run(begin, progress.cancellation));
          for (size_t h = 0; h < heads.size(); ++h) {
            HT_RETURN_IF_ERROR(AddHead(h, begin, valid, *quantized, sums));
          }
          return absl::OkStatus();
        }));
    return Summarize(sums);
  }

  // Labels speak of the first output, where it is one row of class logits.
  bool CountsAccuracy(size_t h) const {
    return h == 0 && heads[0].is_kl && heads[0].rows == 1 && data.has_labels();
  }

  absl::Status AddHead(size_t h, int64_t begin, int64_t valid, const BatchRunner& quantized,
                       Sums& sums) const {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> after, quantized.Output(heads[h].value));
    const auto size = static_cast<size_t>(heads[h].elements());
    for (int64_t n = 0; n < valid; ++n) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> before, reference.At(h, begin + n));
      HT_RETURN_IF_ERROR(AddSample(h, begin + n, before,
                                   after.subspan(static_cast<size_t>(n) * size, size), sums));
    }
    return absl::OkStatus();
  }

  absl::Status AddSample(size_t h, int64_t sample, absl::Span<const float> before,
                         absl::Span<const float> after, Sums& sums) const {
    for (size_t i = 0; i < before.size(); ++i) {
      if (!std::isfinite(before[i]) || !std::isfinite(after[i])) {
        return absl::InternalError(
            absl::StrCat("output '", heads[h].value, "' of sample ", sample, " is not finite"));
      }
      const double difference = static_cast<double>(after[i]) - static_cast<double>(before[i]);
      sums.squared_difference += difference * difference;
      sums.squared_signal += static_cast<double>(before[i]) * static_cast<double>(before[i]);
    }
    sums.elements += static_cast<int64_t>(before.size());
    if (sample_meter != nullptr) sample_meter->Add(h, sample, before, after);
    if (heads[h].is_kl) sums.kl += DivergenceOfSample(heads[h], before, after);
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
    evaluation.kl = sums.kl / samples;
    if (sample_meter != nullptr) evaluation.sample_values = sample_meter->Finish();
    evaluation.mse = sums.squared_difference / static_cast<double>(sums.elements);
    evaluation.sqnr_db = sums.squared_difference > 0 && sums.squared_signal > 0
                             ? 10 * std::log10(sums.squared_signal / sums.squared_difference)
                             : kMaxSqnrDb;
    if (CountsAccuracy(0)) {
      evaluation.float_accuracy = static_cast<double>(sums.float_correct) / samples;
      evaluation.quantized_accuracy = static_cast<double>(sums.quantized_correct) / samples;
    }
    return evaluation;
  }

  const PreparedNetwork& network;
  const Dataset& data;
  const Calibration& calibration;
  int64_t batch;
  Graph graph;
  std::vector<Head> heads;
  FloatOutputs reference;
  std::unique_ptr<SampleMeter> sample_meter;  // where evaluations tell of samples
};

AssignmentEvaluator::AssignmentEvaluator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AssignmentEvaluator::~AssignmentEvaluator() = default;

absl::StatusOr<std::unique_ptr<AssignmentEvaluator>> AssignmentEvaluator::Create(
    const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
    const Progress& progress, SampleValues values) {
  auto impl = std::make_unique<Impl>(network, data, calibration);
  HT_RETURN_IF_ERROR(impl->Prepare(progress, values));
  return std::unique_ptr<AssignmentEvaluator>(new AssignmentEvaluator(std::move(impl)));
}

std::string AssignmentEvaluator::output_metric() const { return OutputMetricOf(impl_->heads); }

absl::StatusOr<Evaluation> AssignmentEvaluator::Evaluate(
    const std::map<std::string, Precision>& assignment, const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const ChosenLayers chosen,
                      ResolveAssignment(impl_->network, impl_->calibration, assignment));
  return impl_->Evaluate(chosen, progress);
}

absl::StatusOr<Evaluation> AssignmentEvaluator::EvaluateChosen(const ChosenLayers& chosen,
                                                               const Progress& progress) {
  for (const auto& [name, choice] : chosen) {
    HT_RETURN_IF_ERROR(CheckIsLayer(impl_->network, name));
  }
  return impl_->Evaluate(chosen, progress);
}

absl::StatusOr<Evaluation> EvaluateAssignment(const PreparedNetwork& network, const Dataset& data,
                                              const Calibration& calibration,
                                              const std::map<std::string, Precision>& assignment,
                                              const Progress& progress) {
  HT_RETURN_IF_ERROR(ResolveAssignment(network, calibration, assignment).status());
  HT_ASSIGN_OR_RETURN(const auto evaluator, AssignmentEvaluator::Create(network, data, calibration,
                                                                        progress.Part(0, 0.45)));
  return evaluator->Evaluate(assignment, progress.Part(0.45, 1));
}

}  // namespace halftone
