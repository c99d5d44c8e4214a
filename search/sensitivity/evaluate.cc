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

namespace halftone {
namespace {

constexpr int64_t kBatch = 32;
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

absl::StatusOr<QuantizedAssignment> ResolveAssignment(
    const PreparedNetwork& network, const Calibration& calibration,
    const std::map<std::string, Precision>& assignment) {
  QuantizedAssignment quantized;
  for (const auto& [name, precision] : assignment) {
    if (network.layers.Find(name) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the assignment names '", name, "', which is no layer of the network"));
    }
    if (precision.IsFloat32()) continue;
    HT_ASSIGN_OR_RETURN(quantized[name], calibration.Find(name, precision));
  }
  return quantized;
}

// Runs both networks and sums up what differs.
class Evaluator {
 public:
  Evaluator(const PreparedNetwork& network, const Dataset& data)
      : data_(data), batch_(network.BatchFor(kBatch, data.samples())) {}

  absl::Status Prepare(const PreparedNetwork& network, const QuantizedAssignment& assignment) {
    HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch_));
    HT_RETURN_IF_ERROR(CheckData(network, graph, data_, /*needs_labels=*/false));
    HT_ASSIGN_OR_RETURN(heads_, ResolveHeads(network, graph, LossKind::kAuto));
    HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph, heads_));
    HT_ASSIGN_OR_RETURN(float_, BatchRunner::Create(std::move(forward), data_, batch_));
    HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerQuantized(graph, assignment));
    std::vector<std::pair<std::string, ValueId>> outputs;
    for (const Head& head : heads_) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, head.value));
      outputs.emplace_back(head.value, value);
    }
    HT_ASSIGN_OR_RETURN(quantized_,
                        BatchRunner::Create(lowered.builder.Build(outputs), data_, batch_));
    return absl::OkStatus();
  }

  absl::Status Run(const Progress& progress) {
    return ForEachBatch(data_.samples(), batch_, progress,
                        [&](int64_t begin, int64_t valid) -> absl::Status {
                          HT_RETURN_IF_ERROR(float_->Run(begin, progress.cancellation));
                          HT_RETURN_IF_ERROR(quantized_->Run(begin, progress.cancellation));
                          for (size_t h = 0; h < heads_.size(); ++h) {
                            HT_RETURN_IF_ERROR(AddHead(h, begin, valid));
                          }
                          return absl::OkStatus();
                        });
  }

  Evaluation Summarize() const {
    Evaluation evaluation;
    evaluation.samples = data_.samples();
    const auto samples = static_cast<double>(data_.samples());
    evaluation.kl = sums_.kl / samples;
    evaluation.mse = sums_.squared_difference / static_cast<double>(sums_.elements);
    evaluation.sqnr_db = sums_.squared_difference > 0 && sums_.squared_signal > 0
                             ? 10 * std::log10(sums_.squared_signal / sums_.squared_difference)
                             : kMaxSqnrDb;
    if (CountsAccuracy(0)) {
      evaluation.float_accuracy = static_cast<double>(sums_.float_correct) / samples;
      evaluation.quantized_accuracy = static_cast<double>(sums_.quantized_correct) / samples;
    }
    return evaluation;
  }

 private:
  // Labels speak of the first output, where it is one row of class logits.
  bool CountsAccuracy(size_t h) const {
    return h == 0 && heads_[0].is_kl && heads_[0].rows == 1 && data_.has_labels();
  }

  absl::Status AddHead(size_t h, int64_t begin, int64_t valid) {
    const Head& head = heads_[h];
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> before, float_->Output(head.value));
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> after, quantized_->Output(head.value));
    const auto size = static_cast<size_t>(head.elements());
    for (int64_t n = 0; n < valid; ++n) {
      const size_t offset = static_cast<size_t>(n) * size;
      HT_RETURN_IF_ERROR(
          AddSample(h, begin + n, before.subspan(offset, size), after.subspan(offset, size)));
    }
    return absl::OkStatus();
  }

  absl::Status AddSample(size_t h, int64_t sample, absl::Span<const float> before,
                         absl::Span<const float> after) {
    for (size_t i = 0; i < before.size(); ++i) {
      if (!std::isfinite(before[i]) || !std::isfinite(after[i])) {
        return absl::InternalError(
            absl::StrCat("output '", heads_[h].value, "' of sample ", sample, " is not finite"));
      }
      const double difference = static_cast<double>(after[i]) - static_cast<double>(before[i]);
      sums_.squared_difference += difference * difference;
      sums_.squared_signal += static_cast<double>(before[i]) * static_cast<double>(before[i]);
    }
    sums_.elements += static_cast<int64_t>(before.size());
    if (heads_[h].is_kl) sums_.kl += DivergenceOfSample(heads_[h], before, after);
    if (CountsAccuracy(h)) {
      const int64_t label = data_.labels()[static_cast<size_t>(sample)];
      sums_.float_correct += ArgMax(before) == label ? 1 : 0;
      sums_.quantized_correct += ArgMax(after) == label ? 1 : 0;
    }
    return absl::OkStatus();
  }

  const Dataset& data_;
  int64_t batch_;
  std::vector<Head> heads_;
  std::unique_ptr<BatchRunner> float_, quantized_;
  Sums sums_;
};

}  // namespace

absl::StatusOr<Evaluation> EvaluateAssignment(const PreparedNetwork& network, const Dataset& data,
                                              const Calibration& calibration,
                                              const std::map<std::string, Precision>& assignment,
                                              const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const QuantizedAssignment quantized,
                      ResolveAssignment(network, calibration, assignment));
  Evaluator evaluator(network, data);
  HT_RETURN_IF_ERROR(evaluator.Prepare(network, quantized));
  HT_RETURN_IF_ERROR(evaluator.Run(progress));
  return evaluator.Summarize();
}

}  // namespace halftone
