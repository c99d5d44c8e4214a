#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lower.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

constexpr char kReference[] = "halftone:reference/";

std::string ChoiceOutput(size_t choice, size_t head) {
  return absl::StrCat("halftone:choice/", choice, "/", head);
}

// One layer really quantized, choice by choice, in one program: what comes before the layer is
// computed once, what comes after it once for the float network and once per choice.
class LayerProgram {
 public:
  LayerProgram(const SensitivityRequest& request, const Graph& graph,
               const std::vector<Head>& heads)
      : request_(request), graph_(graph), heads_(heads) {}

  absl::StatusOr<Program> Build(const Layer& layer) {
    HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph_));
    std::vector<ValueId> targets;
    for (size_t h = 0; h < heads_.size(); ++h) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, heads_[h].value));
      targets.push_back(value);
      outputs_.emplace_back(absl::StrCat(kReference, h), value);
    }
    HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered, layer.dst));
    for (size_t o = 0; o < request_.precisions.size(); ++o) {
      if (request_.precisions[o].IsFloat32()) continue;
      HT_ASSIGN_OR_RETURN(const ValueId changed, AppendChoice(lowered, layer, o));
      HT_ASSIGN_OR_RETURN(const std::vector<ValueId> values,
                          ReplayWith(lowered.builder, dst, changed, targets));
      for (size_t h = 0; h < values.size(); ++h) {
        outputs_.emplace_back(ChoiceOutput(o, h), values[h]);
      }
    }
    return lowered.builder.Build(outputs_);
  }

 private:
  absl::StatusOr<ValueId> AppendChoice(LoweredGraph& lowered, const Layer& layer, size_t choice) {
    HT_ASSIGN_OR_RETURN(const LayerQuantizers quantizers,
                        request_.calibration.Find(layer.name, request_.precisions[choice]));
    return LowerQuantizedLayer(lowered, graph_, layer, quantizers, quantizer_);
  }

  const SensitivityRequest& request_;
  const Graph& graph_;
  const std::vector<Head>& heads_;
  SourceQuantizer quantizer_;
  std::vector<std::pair<std::string, ValueId>> outputs_;
};

absl::StatusOr<absl::Span<const float>> SampleOf(const BatchRunner& runner, const std::string& name,
                                                 int64_t sample, const Head& head) {
  HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner.Output(name));
  const auto size = static_cast<size_t>(head.elements());
  return values.subspan(static_cast<size_t>(sample) * size, size);
}

// The divergence of each sample of the batch for one choice, summed over the heads.
absl::Status AddBatch(const BatchRunner& runner, const std::vector<Head>& heads, size_t choice,
                      int64_t valid, MeanEstimate& estimate) {
  for (int64_t n = 0; n < valid; ++n) {
    double divergence = 0;
    for (size_t h = 0; h < heads.size(); ++h) {
      HT_ASSIGN_OR_RETURN(const auto reference,
                          SampleOf(runner, absl::StrCat(kReference, h), n, heads[h]));
      HT_ASSIGN_OR_RETURN(const auto changed,
                          SampleOf(runner, ChoiceOutput(choice, h), n, heads[h]));
      divergence += DivergenceOfSample(heads[h], reference, changed);
    }
    estimate.Add(divergence);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureOutputError(const SensitivityRequest& request,
                                                     const Progress& progress) {
  if (request.options.loss == LossKind::kCrossEntropy) {
    return absl::InvalidArgumentError("the method output measures kl or mse, not cross-entropy");
  }
  SensitivityResult result = MakeResult(request);
  const int64_t batch = request.network.BatchFor(request.options.batch, request.data.samples());
  HT_ASSIGN_OR_RETURN(const Graph graph, request.network.Bind(batch));
  HT_RETURN_IF_ERROR(CheckData(request.network, graph, request.data, /*needs_labels=*/false));
  HT_ASSIGN_OR_RETURN(const std::vector<Head> heads,
                      ResolveHeads(request.network, graph, request.options.loss));
  result.output_metric = OutputMetricOf(heads);
  const auto layers = static_cast<double>(result.layers.size());
  for (size_t l = 0; l < result.layers.size(); ++l) {
    const auto position = static_cast<double>(l);
    const Progress part = progress.Part(position / layers, (position + 1) / layers);
    HT_ASSIGN_OR_RETURN(
        Program program,
        LayerProgram(request, graph, heads).Build(request.network.layers.layers[l]));
    HT_ASSIGN_OR_RETURN(auto runner, BatchRunner::Create(std::move(program), request.data, batch));
    std::vector<MeanEstimate> estimates(request.precisions.size());
    HT_RETURN_IF_ERROR(ForEachBatch(
        request.data.samples(), batch, part, [&](int64_t begin, int64_t valid) -> absl::Status {
          HT_RETURN_IF_ERROR(runner->Run(begin, progress.cancellation));
          for (size_t o = 0; o < estimates.size(); ++o) {
            if (request.precisions[o].IsFloat32()) continue;
            HT_RETURN_IF_ERROR(AddBatch(*runner, heads, o, valid, estimates[o]));
          }
          return absl::OkStatus();
        }));
    for (size_t o = 0; o < estimates.size(); ++o) {
      result.layers[l].choices[o].loss = estimates[o].mean();
      result.layers[l].choices[o].loss_stderr = estimates[o].standard_error();
    }
  }
  return result;
}

}  // namespace halftone
