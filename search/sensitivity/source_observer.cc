#include "search/sensitivity/source_observer.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

std::string DerivativeOutput(const std::string& value) {
  return absl::StrCat("halftone:derivative/", value);
}

// The squared derivatives as shares of their sample, which all count alike: else the few whose
// drawn labels are unlikely would decide. Of the whole batch where samples cannot be told apart.
std::vector<float> ImportanceOf(absl::Span<const float> derivatives,
                                const std::optional<SampleLayout>& layout, int64_t batch) {
  const size_t samples = layout.has_value() ? static_cast<size_t>(batch) : 1;
  const size_t inner = layout.has_value() ? static_cast<size_t>(layout->inner) : derivatives.size();
  std::vector<double> totals(samples);
  std::vector<float> importance(derivatives.size());
  const auto for_each_block = [&](const auto& visit) {
    for (size_t begin = 0, n = 0; begin < importance.size();
         begin += inner, n = (n + 1) % samples) {
      visit(absl::MakeSpan(importance).subspan(begin, inner), totals[n],
            derivatives.data() + begin);
    }
  };
  for_each_block([](absl::Span<float> block, double& total, const float* derivative) {
    for (size_t i = 0; i < block.size(); ++i) {
      block[i] = derivative[i] * derivative[i];
      total += static_cast<double>(block[i]);
    }
  });
  for_each_block([](absl::Span<float> block, double total, const float*) {
    // A sample that nothing depends on, or whose derivatives are not finite, counts nothing.
    const bool counts = total > 0 && std::isfinite(total);
    for (float& value : block) {
      value = counts ? static_cast<float>(static_cast<double>(value) / total) : 0.0f;
    }
  });
  return importance;
}

}  // namespace

SourceObserver::SourceObserver(const PreparedNetwork& network) {
  for (const Layer& layer : network.layers.layers) {
    if (!layer.IsEmbedding()) Watch(layer.src, layer.name);
    if (!layer.second_src.empty()) Watch(layer.second_src, layer.name);
  }
}

void SourceObserver::Watch(const std::string& value, const std::string& layer) {
  watched_.try_emplace(value, Watched{layer, RangeEstimator(), std::nullopt});
}

absl::Status SourceObserver::Observe(const PreparedNetwork& network, const Dataset& data,
                                     int64_t batch, const Progress& progress) {
  if (data.samples() % batch != 0) {
    HT_RETURN_IF_ERROR(FindLayouts(network, data, batch, progress.cancellation));
  }
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const auto& [name, watched] : watched_) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, name));
    outputs.emplace_back(name, value);
  }
  HT_ASSIGN_OR_RETURN(const auto runner,
                      BatchRunner::Create(lowered.builder.Build(outputs), data, batch));
  return ForEachBatch(
      data.samples(), batch, progress, [&](int64_t begin, int64_t valid) -> absl::Status {
        HT_RETURN_IF_ERROR(runner->Run(begin, progress.cancellation));
        return ObserveBatch(*runner, /*derivatives=*/false, valid, batch, progress.cancellation);
      });
}

DerivativePass SourceObserver::Pass(const PreparedNetwork& network, const Dataset& data) const {
  std::vector<std::string> names;
  for (const auto& [name, watched] : watched_) names.push_back(name);
  return DerivativePass(network, data, names,
                        [names](LoweredGraph& lowered, const std::vector<ValueId>& derivatives,
                                DerivativePass::Outputs& outputs) -> absl::Status {
                          for (size_t i = 0; i < names.size(); ++i) {
                            HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, names[i]));
                            outputs.emplace_back(names[i], value);
                            outputs.emplace_back(DerivativeOutput(names[i]), derivatives[i]);
                          }
                          return absl::OkStatus();
                        });
}

absl::Status SourceObserver::ObserveWithDerivatives(const PreparedNetwork& network,
                                                    const Dataset& data, const Progress& progress) {
  DerivativePass pass = Pass(network, data);
  HT_ASSIGN_OR_RETURN(const int64_t batch, pass.Compile());
  HT_RETURN_IF_ERROR(FindLayouts(network, data, batch, progress.cancellation));
  return pass.Run(progress, [&](const BatchRunner& runner, int64_t valid) {
    return ObserveBatch(runner, /*derivatives=*/true, valid, batch, progress.cancellation);
  });
}

absl::StatusOr<DerivativePass::Memory> SourceObserver::Estimate(const PreparedNetwork& network,
                                                                const Dataset& data,
                                                                int64_t batch) const {
  HT_ASSIGN_OR_RETURN(DerivativePass::Memory memory, Pass(network, data).Estimate(batch));
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
  int64_t widest = 0;
  for (const auto& [name, watched] : watched_) {
    const auto value = graph.values.find(name);
    if (value != graph.values.end()) widest = std::max(widest, value->second.shape.Elements());
  }
  // The importance of one value after the other.
  memory.activations += sizeof(float) * static_cast<double>(widest);
  return memory;
}

absl::Status SourceObserver::FindLayouts(const PreparedNetwork& network, const Dataset& data,
                                         int64_t batch, const Cancellation& cancellation) {
  std::vector<std::string> names;
  for (const auto& [name, watched] : watched_) names.push_back(name);
  HT_ASSIGN_OR_RETURN(const SampleLayouts layouts,
                      FindSampleLayouts(network, data, batch, PreparedNetwork::BatchNorm::kFolded,
                                        names, cancellation));
  for (size_t i = 0; i < names.size(); ++i) watched_.at(names[i]).layout = layouts[i];
  return absl::OkStatus();
}

absl::Status SourceObserver::ObserveSamples(absl::Span<const float> values,
                                            absl::Span<const float> importance, int64_t valid,
                                            int64_t batch, Watched& watched) {
  size_t part = values.size(), step = std::max<size_t>(part, 1);
  if (valid != batch && watched.layout.has_value()) {
    part = static_cast<size_t>(watched.layout->inner * valid);
    step = static_cast<size_t>(watched.layout->inner * batch);
  }
  for (size_t begin = 0; begin + step <= values.size(); begin += step) {
    HT_RETURN_IF_ERROR(watched.estimator.Observe(
        values.subspan(begin, part),
        importance.empty() ? importance : importance.subspan(begin, part)));
  }
  return absl::OkStatus();
}

absl::Status SourceObserver::ObserveBatch(const BatchRunner& runner, bool derivatives,
                                          int64_t valid, int64_t batch,
                                          const Cancellation& cancellation) {
  for (auto& [name, watched] : watched_) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner.Output(name));
    std::vector<float> importance;
    if (derivatives) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> of_values,
                          runner.Output(DerivativeOutput(name)));
      importance = ImportanceOf(of_values, watched.layout, batch);
    }
    const absl::Status status = ObserveSamples(values, importance, valid, batch, watched);
    if (!status.ok()) {
      return Annotate(status, absl::StrCat("layer '", watched.layer, "', its input"));
    }
  }
  return absl::OkStatus();
}

}  // namespace halftone
