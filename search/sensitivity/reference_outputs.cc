#include "search/sensitivity/reference_outputs.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nn/graph/passes.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

// Samples that run together: few, since whole outputs are kept only for that long.
constexpr int64_t kBatch = 16;

// The array's elements with those of one sample beside each other.
absl::StatusOr<std::vector<double>> SampleBySample(const Tensor& array, int sample_axis) {
  std::vector<double> values;
  if (absl::StatusOr<std::vector<double>> floats = array.ToDoubles(); floats.ok()) {
    values = *std::move(floats);
  } else {
    HT_ASSIGN_OR_RETURN(const std::vector<int64_t> integers, array.ToInts());
    values.assign(integers.begin(), integers.end());
  }
  if (sample_axis == 0) return values;
  int64_t before = 1, after = 1;
  for (int axis = 0; axis < array.shape().rank(); ++axis) {
    if (axis < sample_axis) before *= array.shape().dim(axis);
    if (axis > sample_axis) after *= array.shape().dim(axis);
  }
  std::vector<double> moved;
  moved.reserve(values.size());
  for (int64_t sample = 0; sample < array.shape().dim(sample_axis); ++sample) {
    for (int64_t i = 0; i < before; ++i) {
      const auto at = values.begin() + (i * array.shape().dim(sample_axis) + sample) * after;
      moved.insert(moved.end(), at, at + after);
    }
  }
  return moved;
}

// Whether the shape is that of `samples_first` with its samples along `axis`.
bool HasSamplesAlong(const Shape& shape, int axis, const Shape& samples_first) {
  if (shape.rank() != samples_first.rank()) return false;
  std::vector<int64_t> others = shape.dims(), wanted = samples_first.dims();
  others.erase(others.begin() + axis);
  wanted.erase(wanted.begin());
  return others == wanted;
}

// One output while the batches pass by.
class Comparison {
 public:
  // `shape`: of the output for a batch, samples first.
  static absl::StatusOr<Comparison> Create(const std::string& output, const Shape& shape,
                                           int sample_axis, const Tensor& array) {
    Comparison comparison;
    comparison.difference_.output = output;
    const bool has_samples = shape.rank() > 0 && shape.dim(0) > 0;
    if (!has_samples || array.elements() % (shape.Elements() / shape.dim(0)) != 0 ||
        array.elements() == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("array ", Quoted(output), " of shape ", array.shape().ToString(),
                       " does not hold samples of the output, which is ", shape.ToString(),
                       " for a batch, samples first"));
    }
    comparison.elements_ = shape.Elements() / shape.dim(0);
    const bool as_in_model = HasSamplesAlong(array.shape(), sample_axis, shape);
    HT_ASSIGN_OR_RETURN(comparison.values_, SampleBySample(array, as_in_model ? sample_axis : 0));
    for (const double value : comparison.values_) {
      if (std::isfinite(value))
        comparison.largest_ = std::max(comparison.largest_, std::abs(value));
    }
    return comparison;
  }

  int64_t samples() const { return static_cast<int64_t>(values_.size()) / elements_; }

  // `ours`: the output of samples [begin, begin + valid).
  void Add(int64_t begin, int64_t valid, absl::Span<const float> ours) {
    valid = std::min(valid, samples() - begin);
    for (int64_t i = 0; i < valid * elements_; ++i) {
      Add(static_cast<double>(ours[static_cast<size_t>(i)]),
          values_[static_cast<size_t>(begin * elements_ + i)]);
    }
    difference_.samples += std::max<int64_t>(valid, 0);
  }

  OutputDifference Finish() const {
    OutputDifference difference = difference_;
    if (difference.max_relative.has_value() && difference.max_absolute > 0) {
      difference.max_relative = std::nullopt;
      if (largest_ > 0) difference.max_relative = difference.max_absolute / largest_;
    }
    return difference;
  }

 private:
  void Add(double ours, double reference) {
    if (ours == reference || (std::isnan(ours) && std::isnan(reference))) return;
    if (!std::isfinite(ours) || !std::isfinite(reference)) {
      difference_.max_relative = std::nullopt;
      return;
    }
    difference_.max_absolute = std::max(difference_.max_absolute, std::abs(ours - reference));
  }

  OutputDifference difference_;
  std::vector<double> values_;  // the reference, sample by sample
  double largest_ = 0;          // max |reference|
  int64_t elements_ = 1;        // of one sample
};

// As `graph` is bound: one for each output that has an array, in the graph's order.
absl::StatusOr<std::vector<Comparison>> Comparisons(const PreparedNetwork& network,
                                                    const Graph& graph,
                                                    const std::map<std::string, Tensor>& arrays) {
  std::vector<Comparison> comparisons;
  std::vector<std::string> names;
  for (const Port& output : graph.outputs) {
    names.push_back(std::string(Quoted(output.name)));
    const auto array = arrays.find(output.name);
    if (array == arrays.end()) continue;
    const auto moved = network.moved_outputs.find(output.name);
    const int axis = moved == network.moved_outputs.end() ? 0 : moved->second;
    HT_ASSIGN_OR_RETURN(Comparison comparison,
                        Comparison::Create(output.name, output.info.shape, axis, array->second));
    comparisons.push_back(std::move(comparison));
  }
  for (const auto& [name, array] : arrays) {
    const bool known = std::any_of(graph.outputs.begin(), graph.outputs.end(),
                                   [&](const Port& output) { return output.name == name; });
    if (known) continue;
    return absl::InvalidArgumentError(absl::StrCat("array ", Quoted(name),
                                                   " is no output of the model, which has ",
                                                   absl::StrJoin(names, ", ")));
  }
  if (comparisons.empty()) return absl::InvalidArgumentError("there is no array");
  return comparisons;
}

}  // namespace

absl::StatusOr<std::vector<OutputDifference>> CompareWithReference(
    const PreparedNetwork& network, const Dataset& data,
    const std::map<std::string, Tensor>& reference, const Progress& progress) {
  const int64_t batch = network.BatchFor(kBatch, data.samples());
  // The whole network, none of whose outputs is taken apart into a head.
  HT_ASSIGN_OR_RETURN(const Graph graph, BindBatch(network.graph, batch));
  HT_ASSIGN_OR_RETURN(std::vector<Comparison> comparisons, Comparisons(network, graph, reference));
  std::vector<Head> outputs;
  int64_t samples = 0;
  for (const Port& output : graph.outputs) {
    if (reference.count(output.name) == 0) continue;
    samples = std::max(samples, comparisons[outputs.size()].samples());
    outputs.push_back({.value = output.name});
  }
  HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph, outputs));
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<BatchRunner> runner,
                      BatchRunner::Create(std::move(forward), data, batch));
  HT_RETURN_IF_ERROR(ForEachBatch(std::min(samples, data.samples()), batch, progress,
                                  [&](int64_t begin, int64_t valid) -> absl::Status {
                                    HT_RETURN_IF_ERROR(runner->Run(begin, progress.cancellation));
                                    for (size_t i = 0; i < outputs.size(); ++i) {
                                      HT_ASSIGN_OR_RETURN(const absl::Span<const float> ours,
                                                          runner->Output(outputs[i].value));
                                      comparisons[i].Add(begin, valid, ours);
                                    }
                                    return absl::OkStatus();
                                  }));
  std::vector<OutputDifference> differences;
  for (const Comparison& comparison : comparisons) differences.push_back(comparison.Finish());
  return differences;
}

}  // namespace halftone
