#include "search/sensitivity/source_observer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {

SourceObserver::SourceObserver(const PreparedNetwork& network) {
  for (const Layer& layer : network.layers.layers) {
    Watch(layer.src, layer.name);
    if (!layer.second_src.empty()) Watch(layer.second_src, layer.name);
  }
}

void SourceObserver::Watch(const std::string& value, const std::string& layer) {
  watched_.try_emplace(value, Watched{layer, RangeEstimator(), std::nullopt});
}

absl::Status SourceObserver::Observe(const PreparedNetwork& network, const Graph& graph,
                                     const Dataset& data, int64_t batch, const Progress& progress) {
  if (data.samples() % batch != 0) {
    HT_RETURN_IF_ERROR(FindLayouts(network, data, batch, progress.cancellation));
  }
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const auto& [name, watched] : watched_) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, name));
    outputs.emplace_back(name, value);
  }
  HT_ASSIGN_OR_RETURN(auto runner,
                      BatchRunner::Create(lowered.builder.Build(outputs), data, batch));
  return ForEachBatch(data.samples(), batch, progress, [&](int64_t begin, int64_t valid) {
    return ObserveBatch(*runner, begin, valid, batch, progress.cancellation);
  });
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

absl::Status SourceObserver::ObserveSamples(absl::Span<const float> values, int64_t valid,
                                            int64_t batch, Watched& watched) {
  if (valid == batch || !watched.layout.has_value()) return watched.estimator.Observe(values);
  const auto inner = static_cast<size_t>(watched.layout->inner);
  const size_t step = inner * static_cast<size_t>(batch);
  for (size_t begin = 0; begin + step <= values.size(); begin += step) {
    HT_RETURN_IF_ERROR(
        watched.estimator.Observe(values.subspan(begin, inner * static_cast<size_t>(valid))));
  }
  return absl::OkStatus();
}

absl::Status SourceObserver::ObserveBatch(BatchRunner& runner, int64_t begin, int64_t valid,
                                          int64_t batch, const Cancellation& cancellation) {
  HT_RETURN_IF_ERROR(runner.Run(begin, cancellation));
  for (auto& [name, watched] : watched_) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner.Output(name));
    const absl::Status status = ObserveSamples(values, valid, batch, watched);
    if (!status.ok()) {
      return Annotate(status, absl::StrCat("layer '", watched.layer, "', its input"));
    }
  }
  return absl::OkStatus();
}

}  // namespace halftone
