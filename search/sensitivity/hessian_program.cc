#include "search/sensitivity/hessian_program.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lower.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/second_derivatives.h"

namespace halftone {
namespace {

std::string VectorInput(int index, size_t tensor) {
  return absl::StrCat("halftone:v/", index, "/", tensor);
}

// Names the outputs of one program.
class OutputList {
 public:
  // `value` adds to result `result`: its elements one by one, or their sum.
  void Add(size_t result, ValueId value) {
    results_.emplace_back(result, absl::StrCat("halftone:hv/", results_.size()));
    values_.emplace_back(results_.back().second, value);
  }
  std::vector<std::pair<size_t, std::string>> TakeResults() { return std::move(results_); }
  const std::vector<std::pair<std::string, ValueId>>& values() const { return values_; }

 private:
  std::vector<std::pair<size_t, std::string>> results_;
  std::vector<std::pair<std::string, ValueId>> values_;
};

absl::StatusOr<std::vector<ValueId>> FindWeights(const LoweredGraph& lowered,
                                                 const std::vector<WeightTensor>& tensors) {
  std::vector<ValueId> weights;
  for (const WeightTensor& tensor : tensors) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, tensor.name));
    weights.push_back(value);
  }
  return weights;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HessianProduct>> HessianProduct::Create(
    const SensitivityRequest& request, Mode mode, int vectors) {
  auto product = std::unique_ptr<HessianProduct>(new HessianProduct(request));
  HT_RETURN_IF_ERROR(product->Build(mode, vectors));
  return product;
}

absl::StatusOr<Program> HessianProduct::BuildProgram(const Graph& graph, Mode mode, int vectors) {
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
  const int64_t batch = graph.inputs[0].info.shape.dim(0);
  HT_ASSIGN_OR_RETURN(const ValueId loss, AppendHessianLoss(lowered, loss_, batch));
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> weights, FindWeights(lowered, tensors_));
  ProgramBuilder& builder = lowered.builder;
  HT_ASSIGN_OR_RETURN(SecondDerivatives derivatives,
                      SecondDerivatives::Create(builder, loss, weights));
  OutputList outputs;
  for (int i = 0; i < vectors; ++i) {
    const size_t first = static_cast<size_t>(i) * tensors_.size();
    std::vector<ValueId> v;
    for (size_t t = 0; t < tensors_.size(); ++t) {
      v.push_back(builder.AddInput(VectorInput(i, t), Shape(builder.shape(weights[t]))));
    }
    if (mode == Mode::kQuadraticForms) {
      HT_ASSIGN_OR_RETURN(const auto forms, derivatives.AppendForms(v));
      for (size_t t = 0; t < forms.size(); ++t) {
        for (const ValueId part : forms[t]) outputs.Add(first + t, part);
      }
    } else if (mode == Mode::kProducts) {
      HT_ASSIGN_OR_RETURN(const std::vector<ValueId> products, derivatives.AppendProducts(v));
      for (size_t t = 0; t < products.size(); ++t) outputs.Add(first + t, products[t]);
    } else {
      for (size_t t = 0; t < v.size(); ++t) {
        HT_ASSIGN_OR_RETURN(const ValueId product, derivatives.AppendBlockProduct(t, v[t]));
        outputs.Add(first + t, product);
      }
    }
  }
  outputs_ = outputs.TakeResults();
  return builder.Build(outputs.values());
}

absl::Status HessianProduct::Build(Mode mode, int vectors) {
  mode_ = mode;
  Graph graph;
  const auto build = [&](int64_t batch) -> absl::StatusOr<Program> {
    HT_ASSIGN_OR_RETURN(graph, request_.network.Bind(batch, PreparedNetwork::BatchNorm::kKept));
    HT_ASSIGN_OR_RETURN(loss_, ResolveHessianLoss(request_, graph));
    HT_ASSIGN_OR_RETURN(tensors_, FindWeightTensors(request_.network.layers.layers, graph));
    return BuildProgram(graph, mode, vectors);
  };
  HT_ASSIGN_OR_RETURN(const FittedProgram fitted, FitBatch(request_, build));
  batch_ = fitted.batch;
  HT_ASSIGN_OR_RETURN(runner_, BatchRunner::Create(fitted.executable, request_.data, batch_));
  HT_ASSIGN_OR_RETURN(targets_, HessianTargets::Create(loss_, graph, request_.data, batch_));
  for (int i = 0; i < vectors; ++i) {
    for (const WeightTensor& tensor : tensors_) {
      const bool is_form = mode == Mode::kQuadraticForms;
      results_.emplace_back(is_form ? 1 : static_cast<size_t>(tensor.values.elements()), 0.0);
    }
  }
  return absl::OkStatus();
}

absl::Status HessianProduct::SetVector(int index, size_t tensor, absl::Span<const float> values) {
  return runner_->SetInput(VectorInput(index, tensor), values);
}

absl::Status HessianProduct::AddOutputs() {
  for (const auto& [index, name] : outputs_) {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner_->Output(name));
    std::vector<double>& result = results_[index];
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) {
        const size_t layer = tensors_[index % tensors_.size()].layers[0];
        return absl::InvalidArgumentError(absl::StrCat("layer '",
                                                       request_.network.layers.layers[layer].name,
                                                       "': its second derivative is not finite"));
      }
      result[mode_ == Mode::kQuadraticForms ? 0 : i] += values[i];
    }
  }
  return absl::OkStatus();
}

absl::Status HessianProduct::RunBatch(int64_t begin, int64_t valid,
                                      const Cancellation& cancellation) {
  for (std::vector<double>& result : results_) std::fill(result.begin(), result.end(), 0.0);
  HT_RETURN_IF_ERROR(targets_->SetInputs(begin, valid, cancellation, *runner_));
  HT_RETURN_IF_ERROR(runner_->Run(begin, cancellation));
  return AddOutputs();
}

absl::Status HessianProduct::Run(const Progress& progress) {
  for (std::vector<double>& result : results_) std::fill(result.begin(), result.end(), 0.0);
  const int64_t samples = request_.data.samples();
  HT_RETURN_IF_ERROR(
      ForEachBatch(samples, batch_, progress, [&](int64_t begin, int64_t valid) -> absl::Status {
        const Cancellation& cancellation = progress.cancellation;
        HT_RETURN_IF_ERROR(targets_->SetInputs(begin, valid, cancellation, *runner_));
        HT_RETURN_IF_ERROR(runner_->Run(begin, cancellation));
        return AddOutputs();
      }));
  for (std::vector<double>& result : results_) {
    for (double& value : result) value /= static_cast<double>(samples);
  }
  return absl::OkStatus();
}

}  // namespace halftone
