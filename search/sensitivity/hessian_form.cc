#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "nn/engine/piecewise_linear.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/derivative_ends.h"
#include "search/sensitivity/hessian_loss.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sample_layout.h"

namespace halftone {
namespace {

std::string FormOutput(size_t choice) { return absl::StrCat("halftone:form/", choice); }

// The layer's weights quantized less themselves.
absl::StatusOr<Tensor> WeightError(const Graph& graph, const Layer& layer,
                                   const Calibration& calibration, const Precision& precision) {
  const auto found = graph.initializers.find(layer.weights);
  if (found == graph.initializers.end()) {
    return absl::InternalError(absl::StrCat("weights '", layer.weights, "' are missing"));
  }
  HT_ASSIGN_OR_RETURN(std::vector<float> weights, found->second.ToFloats());
  const Tensor before = Tensor::Of(found->second.shape(), std::move(weights));
  LayerQuantizers quantizers;
  if (!precision.IsFloat32()) {
    HT_ASSIGN_OR_RETURN(quantizers, calibration.Find(layer.name, precision));
  }
  HT_ASSIGN_OR_RETURN(const Tensor after,
                      RoundTensor(before, precision.weights, quantizers.weights.get()));
  std::vector<float> error(before.data<float>().begin(), before.data<float>().end());
  for (size_t i = 0; i < error.size(); ++i) error[i] = after.data<float>()[i] - error[i];
  return Tensor::Of(before.shape(), std::move(error));
}

// Appends the layer with `error` in place of its weights and without a bias: what the error adds to
// its dst.
absl::StatusOr<ValueId> AppendDisturbance(LoweredGraph& lowered, const Graph& graph,
                                          const Node& node, const Layer& layer, Tensor error) {
  LayerSources sources;
  HT_ASSIGN_OR_RETURN(sources.src, FindValue(lowered, node.Input(0)));
  HT_ASSIGN_OR_RETURN(sources.weights, FindValue(lowered, node.Input(1)));
  ValueId& replaced = node.Input(1) == layer.weights ? sources.weights : sources.src;
  replaced = lowered.builder.AddConstant(std::move(error));
  return LowerLayer(lowered.builder, graph, node, sources, kNoValue);
}

// The forms of one layer: with what the error e of a choice adds to the layer's dst y,
// d'Hd = e' (d^2 loss / dy^2) e, by differentiating the gradient in y. One program per layer: all
// choices share a forward pass and a gradient.
class LayerForms {
 public:
  // `layout`: of its dst.
  LayerForms(const SensitivityRequest& request, const Layer& layer,
             const std::optional<SampleLayout>& layout)
      : request_(request), layer_(layer), layout_(layout), forms_(request.precisions.size()) {}

  absl::Status Measure(const Progress& progress) {
    HT_ASSIGN_OR_RETURN(
        const FittedProgram fitted,
        FitBatch(request_.network, layout_ ? request_.options.batch : 1, request_.data.samples(),
                 [&](int64_t batch) { return BuildProgram(batch); }));
    HT_ASSIGN_OR_RETURN(const auto runner,
                        BatchRunner::Create(fitted.executable, request_.data, fitted.batch));
    HT_ASSIGN_OR_RETURN(HessianTargets targets,
                        HessianTargets::Create(loss_, graph_, request_.data, fitted.batch));
    return ForEachBatch(
        request_.data.samples(), fitted.batch, progress,
        [&](int64_t begin, int64_t valid) -> absl::Status {
          HT_RETURN_IF_ERROR(targets.SetInputs(begin, valid, progress.cancellation, *runner));
          HT_RETURN_IF_ERROR(runner->Run(begin, progress.cancellation));
          return Add(*runner, valid);
        });
  }

  const MeanEstimate& form(size_t choice) const { return forms_[choice]; }

 private:
  absl::StatusOr<Program> BuildProgram(int64_t batch) {
    HT_ASSIGN_OR_RETURN(graph_, request_.network.Bind(batch));
    HT_ASSIGN_OR_RETURN(loss_, ResolveHessianLoss(request_, graph_));
    const Node* node = graph_.FindNode(layer_.name);
    if (node == nullptr) {
      return absl::InternalError(absl::StrCat("layer '", layer_.name, "' has no node"));
    }
    HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph_));
    ProgramBuilder& builder = lowered.builder;
    HT_ASSIGN_OR_RETURN(const ValueId loss, AppendHessianLoss(lowered, loss_, batch));
    HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered, layer_.dst));
    HT_ASSIGN_OR_RETURN(const std::vector<ValueId> gradient,
                        AppendVjp(builder, {loss}, {builder.AddScalar(1)}, {dst}));
    std::vector<std::pair<std::string, ValueId>> outputs;
    for (size_t o = 0; o < request_.precisions.size(); ++o) {
      HT_ASSIGN_OR_RETURN(
          Tensor error, WeightError(graph_, layer_, request_.calibration, request_.precisions[o]));
      HT_ASSIGN_OR_RETURN(const ValueId disturbance,
                          AppendDisturbance(lowered, graph_, *node, layer_, std::move(error)));
      HT_ASSIGN_OR_RETURN(const std::vector<ValueId> product,
                          AppendVjp(builder, gradient, {disturbance}, {dst}));
      HT_ASSIGN_OR_RETURN(const ValueId form, AppendForm(builder, product[0], disturbance, batch));
      outputs.emplace_back(FormOutput(o), form);
    }
    return builder.Build(outputs);
  }

  // < a, b > of each sample.
  absl::StatusOr<ValueId> AppendForm(ProgramBuilder& builder, ValueId a, ValueId b,
                                     int64_t batch) const {
    for (ValueId* value : {&a, &b}) {
      const absl::StatusOr<ValueId> apart = PutSamplesFirst(builder, *value, layout_, batch);
      HT_RETURN_IF_ERROR(Annotate(apart.status(), absl::StrCat("layer '", layer_.name, "'")));
      *value = *apart;
    }
    return ops::InnerProductPerSample(builder, a, b);
  }

  absl::Status Add(const BatchRunner& runner, int64_t valid) {
    for (size_t o = 0; o < forms_.size(); ++o) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner.Output(FormOutput(o)));
      for (const float value : values.first(static_cast<size_t>(valid))) {
        if (!std::isfinite(value)) {
          return absl::InvalidArgumentError(
              absl::StrCat("layer '", layer_.name, "': its second derivative is not finite"));
        }
        forms_[o].Add(value);
      }
    }
    return absl::OkStatus();
  }

  const SensitivityRequest& request_;
  const Layer& layer_;
  const std::optional<SampleLayout> layout_;
  Graph graph_;
  HessianLoss loss_;
  std::vector<MeanEstimate> forms_;
};

// Which layers' forms are those of the Gauss-Newton matrix, and that matrix can be had exactly: by
// a backward pass for every class.
absl::StatusOr<std::vector<bool>> FindGaussNewton(const SensitivityRequest& request,
                                                  const Graph& graph, const HessianLoss& loss) {
  const std::vector<Layer>& layers = request.network.layers.layers;
  const OutputCotangents cotangents(loss.heads, request.options);
  const bool exact = cotangents.IsExact() && loss.heads.size() == 1 && loss.heads[0].is_kl();
  if (!exact || loss.IsDivergence()) return std::vector<bool>(layers.size(), exact);
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(graph));
  HT_ASSIGN_OR_RETURN(const ValueId head, FindValue(lowered, loss.heads[0].value));
  std::vector<ValueId> dsts;
  for (const Layer& layer : layers) {
    HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered, layer.dst));
    dsts.push_back(dst);
  }
  return PiecewiseLinearIn(lowered.builder.program(), dsts, {head});
}

// Sets the losses of the layers that are asked for: those of the Fisher matrix when only weights
// are rounded.
absl::Status MeasureGaussNewton(const SensitivityRequest& request, const std::vector<bool>& wanted,
                                const Progress& progress, SensitivityResult& result) {
  const std::vector<Layer>& layers = request.network.layers.layers;
  LayerChoices choices(layers.size());
  for (size_t l = 0; l < layers.size(); ++l) {
    if (!wanted[l] || layers[l].weights.empty()) continue;
    for (const Precision& precision : request.precisions) {
      LayerQuantizers quantizers;
      if (!precision.IsFloat32()) {
        HT_ASSIGN_OR_RETURN(quantizers, request.calibration.Find(layers[l].name, precision));
      }
      quantizers.precision = {precision.weights, NumberFormat()};
      quantizers.src = nullptr;
      quantizers.shifts.clear();
      choices[l].push_back(std::make_shared<QuantizedChoice>(std::move(quantizers)));
    }
  }
  SensitivityOptions options = request.options;
  options.loss = LossKind::kKl;
  HT_ASSIGN_OR_RETURN(const SensitivityResult fisher,
                      MeasureFisher(ChoiceRequest{request.network, request.data, choices, options},
                                    DerivativeEnds::None(choices.size()), progress));
  for (size_t l = 0; l < layers.size(); ++l) {
    for (size_t o = 0; o < choices[l].size(); ++o) {
      result.layers[l].choices[o].loss = fisher.layers[l].choices[o].loss;
      result.layers[l].choices[o].loss_stderr = fisher.layers[l].choices[o].loss_stderr;
    }
  }
  return absl::OkStatus();
}

// Sets the losses of the other layers.
absl::Status MeasureByProducts(const SensitivityRequest& request, const std::vector<bool>& done,
                               const Progress& progress, SensitivityResult& result) {
  const std::vector<Layer>& layers = request.network.layers.layers;
  const auto fraction = [&](size_t l) {
    return static_cast<double>(l) / static_cast<double>(layers.size());
  };
  std::vector<std::string> results;
  results.reserve(layers.size());
  for (const Layer& layer : layers) results.push_back(layer.dst);
  const int64_t batch = request.network.BatchFor(request.options.batch, request.data.samples());
  HT_ASSIGN_OR_RETURN(
      const SampleLayouts layouts,
      FindSampleLayouts(request.network, request.data, batch, PreparedNetwork::BatchNorm::kFolded,
                        results, progress.cancellation));
  for (size_t l = 0; l < layers.size(); ++l) {
    if (done[l] || layers[l].weights.empty()) continue;
    LayerForms forms(request, layers[l], layouts[l]);
    HT_RETURN_IF_ERROR(forms.Measure(progress.Part(fraction(l), fraction(l + 1))));
    for (size_t o = 0; o < request.precisions.size(); ++o) {
      result.layers[l].choices[o].loss = 0.5 * forms.form(o).mean();
      result.layers[l].choices[o].loss_stderr = 0.5 * forms.form(o).standard_error();
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureHessianForm(const SensitivityRequest& request,
                                                     const Progress& progress) {
  SensitivityResult result = MakeResult(request);
  HT_RETURN_IF_ERROR(progress.Step(0, "building the derivative program"));
  HT_ASSIGN_OR_RETURN(const Graph graph, request.network.Bind(request.network.BatchFor(1, 1)));
  HT_ASSIGN_OR_RETURN(const HessianLoss loss, ResolveHessianLoss(request, graph));
  result.output_metric = loss.output_metric;
  HT_ASSIGN_OR_RETURN(const std::vector<bool> gauss_newton, FindGaussNewton(request, graph, loss));
  const auto count = std::count(gauss_newton.begin(), gauss_newton.end(), true);
  const bool all = count == static_cast<std::ptrdiff_t>(gauss_newton.size());
  const double share = count == 0 ? 0.0 : (all ? 1.0 : 0.2);
  if (count > 0) {
    HT_RETURN_IF_ERROR(MeasureGaussNewton(request, gauss_newton, progress.Part(0, share), result));
  }
  if (!all) {
    HT_RETURN_IF_ERROR(MeasureByProducts(request, gauss_newton, progress.Part(share, 1), result));
  }
  HT_RETURN_IF_ERROR(progress.Step(1));
  return result;
}

}  // namespace halftone
