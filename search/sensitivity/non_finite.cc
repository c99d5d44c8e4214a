#include "search/sensitivity/non_finite.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lower.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

bool IsFinite(absl::Span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

std::string SrcOutput(size_t layer) { return absl::StrCat("halftone:src/", layer); }
std::string DstOutput(size_t layer) { return absl::StrCat("halftone:dst/", layer); }

absl::Status CheckWeights(const Graph& graph, const Layer& layer) {
  const auto weights = graph.initializers.find(layer.weights);
  if (weights == graph.initializers.end()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const std::vector<float> values, weights->second.ToFloats());
  if (IsFinite(values)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("layer '", layer.name, "': its weights are not finite"));
}

absl::Status CheckOutput(const BatchRunner& runner, const std::string& output, const Layer& layer,
                         absl::string_view what) {
  HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner.Output(output));
  if (IsFinite(values)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("layer '", layer.name, "': its ", what, " is not finite"));
}

}  // namespace

absl::Status ExplainNonFinite(const ChoiceRequest& request, int64_t begin, int64_t batch,
                              const absl::Status& otherwise, const Cancellation& cancellation) {
  HT_ASSIGN_OR_RETURN(const Graph graph, request.network.Bind(batch));
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(graph));
  const std::vector<Layer>& layers = request.layers();
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (size_t l = 0; l < layers.size(); ++l) {
    HT_ASSIGN_OR_RETURN(const ValueId src, FindValue(lowered, layers[l].src));
    HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered, layers[l].dst));
    outputs.emplace_back(SrcOutput(l), src);
    outputs.emplace_back(DstOutput(l), dst);
  }
  HT_ASSIGN_OR_RETURN(const auto runner,
                      BatchRunner::Create(lowered.builder.Build(outputs), request.data, batch));
  HT_RETURN_IF_ERROR(runner->Run(begin, cancellation));
  for (size_t l = 0; l < layers.size(); ++l) {
    HT_RETURN_IF_ERROR(CheckOutput(*runner, SrcOutput(l), layers[l], "input"));
    HT_RETURN_IF_ERROR(CheckWeights(graph, layers[l]));
    HT_RETURN_IF_ERROR(CheckOutput(*runner, DstOutput(l), layers[l], "result"));
  }
  return otherwise;
}

}  // namespace halftone
