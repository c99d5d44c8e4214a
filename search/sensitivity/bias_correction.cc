#include "search/sensitivity/bias_correction.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/quant/shift_biases.h"
#include "nn/quant/weight_channels.h"

namespace halftone {
namespace {

// Bits 0: as it is.
int SourceBits(const LayerQuantizers& quantizers) {
  return quantizers.src == nullptr ? 0 : quantizers.src->bits;
}

// What multiplies the product of source and weights.
absl::StatusOr<double> FactorOf(const Graph& graph, const Layer& layer) {
  if (layer.op != "Gemm") return 1.0;
  HT_ASSIGN_OR_RETURN(const float alpha, graph.FindNode(layer.name)->Float("alpha", 1.0f));
  return static_cast<double>(alpha);
}

// The mean of each channel's product, given that of the rows of its source.
std::vector<double> MeanProducts(const Tensor& weights, const Layer& layer,
                                 absl::Span<const double> row) {
  const std::vector<std::vector<float>> channels = SplitWeights(weights, layer.channel_axis);
  const size_t in_group = channels.size() / static_cast<size_t>(layer.groups);
  std::vector<double> means;
  for (size_t c = 0; c < channels.size(); ++c) {
    const absl::Span<const double> sources = row.subspan(c / in_group * channels[c].size());
    double mean = 0;
    for (size_t k = 0; k < channels[c].size(); ++k) {
      mean += static_cast<double>(channels[c][k]) * sources[k];
    }
    means.push_back(mean);
  }
  return means;
}

absl::Status Correct(const Graph& graph, const Layer& layer, const MomentMeter& meter,
                     std::map<Precision, LayerQuantizers>& precisions) {
  const std::vector<double> row = meter.MeanRow(layer.name, 0);
  if (row.empty()) return absl::OkStatus();
  const Tensor& tensor = graph.initializers.at(layer.weights);
  HT_ASSIGN_OR_RETURN(std::vector<float> values, tensor.ToFloats());
  const Tensor weights = Tensor::Of(tensor.shape(), std::move(values));
  HT_ASSIGN_OR_RETURN(const double factor, FactorOf(graph, layer));
  const std::vector<double> before = MeanProducts(weights, layer, row);
  for (auto& [precision, quantizers] : precisions) {
    if (quantizers.src == nullptr && quantizers.weights == nullptr) continue;
    Tensor rounded = weights;
    if (quantizers.weights != nullptr) {
      HT_ASSIGN_OR_RETURN(rounded, quantizers.weights->FakeQuantize(weights));
    }
    const std::vector<double> after =
        MeanProducts(rounded, layer, meter.MeanRow(layer.name, SourceBits(quantizers)));
    for (size_t c = 0; c < after.size(); ++c) {
      quantizers.shifts.push_back(static_cast<float>(factor * (after[c] - before[c])));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CorrectBiases(const PreparedNetwork& network, const Graph& graph,
                           const MomentMeter& meter, Calibration& calibration,
                           const Cancellation& cancellation) {
  for (const Layer& layer : network.layers.layers) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    const auto precisions = calibration.quantizers.find(layer.name);
    if (precisions == calibration.quantizers.end()) continue;
    if (!FindLayerBias(graph, layer).has_value()) continue;
    HT_RETURN_IF_ERROR(Annotate(Correct(graph, layer, meter, precisions->second),
                                absl::StrCat("layer '", layer.name, "'")));
  }
  return absl::OkStatus();
}

}  // namespace halftone
